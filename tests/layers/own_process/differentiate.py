"""Differentiates an imported graph with TensorFlow alone; run as a program with a folder and a graph mode.

Beside ``home.meta`` lie ``home.npz``, what is fed and what home computed, and ``names.json``, the scope of each case.
Prints how far each case is from home, of the graph with its collections and of the GraphDef alone.
"""

import json
import pathlib
import sys

import numpy as np
import tensorflow.compat.v1 as tf

# TensorFlow differentiates a function of an imported graph once.
ONCE = ("kernel xla, true",)


class Blocked:
    """Refuses to import tf1bn: what is left of it in a graph must do without."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "tf1bn":
            raise ImportError(f"{name} must not be imported here")


def gradients(loss, sources, order):
    """Returns first derivatives, and those of the sum of their squares."""
    first = tf.gradients(loss, sources)
    if order == 1:
        return first
    squared = tf.add_n([tf.reduce_sum(tf.square(tf.cast(slope, tf.float32))) for slope in first])
    return [*first, *tf.gradients(squared, sources)]


def loaded(path, as_graph_def):
    """Imports a graph; returns the op that initialises its variables, the prefix of its names, what can be trained."""
    meta = tf.MetaGraphDef.FromString(path.read_bytes())
    if not as_graph_def:
        tf.train.import_meta_graph(meta)
        return tf.global_variables_initializer(), "", tf.trainable_variables()
    tf.import_graph_def(meta.graph_def, name="there")
    return tf.get_default_graph().get_operation_by_name("there/init"), "there/", []


def computed(ready, losses, inputs, variables, feed):
    """Returns derivatives of each loss, and the variables after a step of gradient descent; a text for an error.

    Args:
      losses, inputs: by the name of the case.
    """
    found = {}
    for name, loss in losses.items():
        try:
            found[name] = gradients(loss, [inputs[name]], 1 if name in ONCE else 2)
        except Exception as error:  # the report is to name all that fail
            found[name] = f"{type(error).__name__}: {str(error)[:300]}"
    fetches = {name: value for name, value in found.items() if not isinstance(value, str)}
    step = tf.train.GradientDescentOptimizer(0.01).minimize(tf.add_n(list(losses.values()))) if variables else None
    with tf.Session() as session:
        session.run(ready)
        found.update(session.run(fetches, feed))
        if step is not None:
            session.run(step, feed)
            found["variables after a step"] = session.run(variables)
    return found


def deviations(folder, as_graph_def):
    """Returns how far each case is from home."""
    held = np.load(folder / "home.npz")
    names = json.loads((folder / "names.json").read_text())
    with tf.Graph().as_default() as graph:
        ready, prefix, variables = loaded(folder / "home.meta", as_graph_def)
        named = lambda name: graph.get_tensor_by_name(f"{prefix}{name}:0")  # noqa: E731
        losses = {name: named(f"{scope}/loss") for name, scope in names.items()}
        inputs = {name: named(f"{scope}/x") for name, scope in names.items()}
        feed = {named(key[4:]): held[key] for key in held.files if key.startswith("fed:")}
        found = computed(ready, losses, inputs, variables, feed)
    return {name: value if isinstance(value, str) else farthest(name, value, held) for name, value in found.items()}


def farthest(name, values, held):
    """Returns the largest deviation of some values, relative to the largest value at home."""
    pairs = [(np.float64(value), np.float64(held[f"{name}:{i}"])) for i, value in enumerate(values)]
    return max(float(np.abs(found - home).max() / max(np.abs(home).max(), 1e-3)) for found, home in pairs)


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocked())
    tf.disable_eager_execution()
    tf.logging.set_verbosity(tf.logging.ERROR)
    _, folder, modes = sys.argv
    if "reference" in modes:
        tf.disable_resource_variables()
    if "v1" in modes:
        tf.disable_control_flow_v2()
    print(json.dumps([deviations(pathlib.Path(folder), as_graph_def) for as_graph_def in (False, True)]))
