"""A program without tf1bn: runs the graphs in a folder, and writes what came out, or the error."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import numpy as np
import tensorflow as tf2

tf = tf2.compat.v1


def frozen(path: pathlib.Path, entry: dict[str, Any], x: Any) -> dict[str, Any]:
    """Runs a GraphDef with its switch off, and where it can be fed on."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(tf.GraphDef.FromString(path.read_bytes()), name="")
        settings = {"off": False, "on": True} if entry["fed"] else {"off": None}
        return {
            name: session.run("y:0", {"x:0": x} | ({} if on is None else {"switch:0": on}))
            for name, on in settings.items()
        }


def served(path: pathlib.Path, entry: dict[str, Any], x: Any) -> dict[str, Any]:
    """Runs a SavedModel in a session, as a server of TensorFlow 1 does."""
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, ["serve"], str(path))
        signature = meta.signature_def["serving_default"]
        given = {"x": x, "switch": False}
        feed = {info.name: given[key] for key, info in signature.inputs.items()}
        return {"off": session.run(signature.outputs["y"].name, feed)}


def loaded(path: pathlib.Path, entry: dict[str, Any], x: Any) -> dict[str, Any]:
    """Calls the signature of a SavedModel in TensorFlow 2."""
    model = tf2.saved_model.load(str(path))
    given = {"x": tf2.constant(x)} | ({"switch": tf2.constant(False)} if entry["fed"] else {})
    return {"off": model.signatures["serving_default"](**given)["y"].numpy()}


def frozen_v2(path: pathlib.Path, entry: dict[str, Any], x: Any) -> dict[str, Any]:
    """Freezes a signature with ``convert_variables_to_constants_v2``, and calls the result."""
    from tensorflow.python.framework import convert_to_constants  # the function has no public name

    model = tf2.saved_model.load(str(path))
    function = convert_to_constants.convert_variables_to_constants_v2(model.signatures["serving_default"])
    held = [op.type for op in function.graph.get_operations() if "Variable" in op.type or "VarHandle" in op.type]
    assert not held, held
    by_name = {tensor.name.split(":")[0]: tensor for tensor in function.inputs}
    given = [tf2.constant(x) if tensor.dtype == tf2.float32 else tf2.constant(False) for tensor in by_name.values()]
    return {"off": function(*given)[0].numpy()}


def tuned(path: pathlib.Path, entry: dict[str, Any], x: Any) -> dict[str, Any]:
    """Imports a ``.meta``, restores its checkpoint, and trains on."""
    with tf.Graph().as_default():
        return tuned_in(tf.train.import_meta_graph(str(path / "model.meta")), str(path / "model"), entry["fed"], x)


def tuned_in(saver: Any, path: str, fed: bool, x: Any) -> dict[str, Any]:
    """Adds a head to the default graph, and returns gradients, and the variables after two steps of training.

    A session that has run a conditional of control flow v2 takes no gradient of it any more, so it is made last.
    """
    graph, variables = tf.get_default_graph(), tf.global_variables()
    y = graph.get_tensor_by_name("y:0")
    head = tf.Variable(tf.ones([3]), name="head")
    weights = tf.cos(tf.reshape(tf.range(tf.cast(tf.size(y), tf.float32)), tf.shape(y)))
    loss = tf.reduce_sum(tf.sin(y) * head * weights)
    sources = [graph.get_tensor_by_name("x:0"), *tf.trainable_variables()]
    gradients = tf.gradients(loss, sources)
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        step = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    feed = {"x:0": x} | ({"switch:0": True} if fed else {})
    with tf.Session() as session:
        saver.restore(session, path)
        session.run(head.initializer)
        found = {f"gradient {i}": value for i, value in enumerate(session.run(gradients, feed))}
        for _ in range(2):
            session.run(step, feed)
        values = session.run({variable.op.name: variable for variable in [*variables, head]})
    return found | {name.replace("/", " "): value for name, value in values.items()}


WAYS = {"frozen": frozen, "served": served, "loaded": loaded, "frozen_v2": frozen_v2, "tuned": tuned}


def main(folder: pathlib.Path) -> None:
    """Runs all entries of ``entries.json``."""
    x = np.load(folder / "x.npy")
    errors = {}
    for entry in json.loads((folder / "entries.json").read_text(encoding="utf-8")):
        try:
            found = WAYS[entry["way"]](folder / entry["path"], entry, x)
        except Exception as error:
            errors[entry["key"]] = f"{type(error).__name__}: {error}"
            continue
        np.savez(folder / f"{entry['key']}.npz", **found)
    assert "tf1bn" not in sys.modules
    (folder / "errors.json").write_text(json.dumps(errors), encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
