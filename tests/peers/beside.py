"""Builds one program with an original and with its facade, and compares everything that a program could see."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

Build = Callable[[Any, Any], Any]
"""A program: gets the dialect's module and the graph's inputs by name, returns the output."""

OWN_COLLECTIONS = {"tf1bn_records", "cond_context", "while_context"}
STEPS = 2


class Seen(NamedTuple):
    """What a program leaves in its graph and what it computes."""

    variables: list[tuple[str, tuple[int, ...], str, bool]]
    collections: dict[str, list[str]]
    output: tuple[Any, Any, str]
    values: dict[str, Any]


class Feeds(NamedTuple):
    """A way to run a program once built: what is fed, and how often it trains."""

    inputs: dict[str, Any]
    training: Any = None


def place(inputs: dict[str, Any], training: Any) -> dict[str, Any]:
    """Makes placeholders of unknown batch for arrays, and one for a training switch that is fed."""
    made = {
        name: tf.placeholder(value.dtype, [None, *value.shape[1:]], name=f"in_{name}") for name, value in inputs.items()
    }
    if training is not None:
        made["training"] = tf.placeholder(tf.bool, [], name="training")
    return made


def see(
    dialect: Any, build: Build, feeds: Feeds, resource: bool, start: dict[str, Any] | None
) -> tuple[Seen, dict[str, Any]]:
    """Builds and runs a program on copies of given variable values; returns what is seen and the values it began with.

    It computes the output, the gradients of a fixed function of it, two updates, the averages after these, and
    every loss.
    """
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        scope = tf.get_variable_scope()
        scope.set_use_resource(resource)
        placed = place(feeds.inputs, feeds.training)
        output = build(dialect, placed)
        collections = _collections()
        described = [
            (v.op.name, tuple(v.shape.as_list()), v.dtype.base_dtype.name, v in tf.trainable_variables())
            for v in tf.global_variables()
        ]
        trained = tf.trainable_variables()
        floats = [p for p in placed.values() if p.dtype.is_floating]
        weights = tf.cast(tf.cos(tf.cast(tf.range(tf.size(output)), tf.float32)), output.dtype)
        loss = tf.reduce_sum(tf.reshape(output, [-1]) * weights)
        gradients = [g for g in tf.gradients(loss, [*trained, *floats]) if g is not None]
        updates = [
            op
            for key in tf.get_default_graph().get_all_collection_keys()
            if _updates(key)
            for op in tf.get_collection(key)
        ]
        losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
        session.run(tf.global_variables_initializer())
        if start is None:
            start = {v.op.name: _varied(session.run(v), v.op.name) for v in tf.global_variables()}
        for variable in tf.global_variables():
            variable.load(start[variable.op.name], session)
        feed = {placed[name]: value for name, value in feeds.inputs.items()}
        if feeds.training is not None:
            feed[placed["training"]] = feeds.training
        first = session.run({"output": output, "gradients": gradients, "losses": sorted_losses(losses)}, feed)
        for _ in range(STEPS):
            session.run([output, updates], feed)
        values = {
            "output": first["output"],
            "losses": first["losses"],
            **{f"gradient {i}": g for i, g in enumerate(first["gradients"])},
            **{f"after {v.op.name}": session.run(v) for v in tf.global_variables()},
        }
        shape = output.shape.as_list() if output.shape.rank is not None else None
        return Seen(described, collections, (shape, output.dtype.name, output.name), values), start


def sorted_losses(losses: list[Any]) -> Any:
    """The losses in the order of their values, which does not depend on the order of their making."""
    return tf.sort(tf.stack(losses)) if losses else tf.zeros([0])


def compare(original: Seen, facade: Seen, rtol: float, atol: float) -> None:
    """Asserts that two programs cannot be told apart."""
    assert facade.variables == original.variables
    for key in sorted({*original.collections, *facade.collections}):
        assert facade.collections.get(key) == original.collections.get(key), key
    assert facade.output == original.output
    assert set(facade.values) == set(original.values)
    for name, wanted in original.values.items():
        got = np.asarray(facade.values[name], np.float64)
        np.testing.assert_allclose(got, np.asarray(wanted, np.float64), rtol=rtol, atol=atol, err_msg=name)


def both(
    original: Any,
    facade: Any,
    build: Build,
    feeds: Feeds,
    resource: bool = False,
    rtol: float = 2e-4,
    atol: float = 2e-5,
    races: bool = False,
) -> None:
    """Builds and runs a program with both dialects on the same values, and compares them.

    Args:
      races: whether the original moves averages twice in a step, in no order, so that one of the two may get lost;
        they are then left out.
    """
    wanted, start = see(original, build, feeds, resource, None)
    got, _ = see(facade, build, feeds, resource, start)
    if races:
        wanted, got = (
            seen._replace(values={name: v for name, v in seen.values.items() if "/moving_" not in name})
            for seen in (wanted, got)
        )
    compare(wanted, got, rtol, atol)


def restored(writer: Any, reader: Any, build: Build, feeds: Feeds, folder: pathlib.Path) -> None:
    """Asserts that a checkpoint of one dialect's program restores into the other's with a plain Saver."""
    wrote, path = _run_saver(writer, build, feeds, folder / "model", None)
    read, _ = _run_saver(reader, build, feeds, None, path)
    assert wrote.keys() == read.keys()
    for name, value in wrote.items():
        np.testing.assert_array_equal(read[name], value, err_msg=name)


def _run_saver(
    dialect: Any, build: Build, feeds: Feeds, write: pathlib.Path | None, read: str | None
) -> tuple[dict[str, Any], str]:
    with tf.Graph().as_default(), tf.Session() as session:
        build(dialect, place(feeds.inputs, feeds.training))
        saver = tf.train.Saver()
        session.run(tf.global_variables_initializer())
        if read is not None:
            saver.restore(session, read)
        else:
            for variable in tf.global_variables():
                variable.load(_varied(session.run(variable), variable.op.name), session)
        path = saver.save(session, str(write)) if write is not None else ""
        return {v.op.name: session.run(v) for v in tf.global_variables()}, path


def _collections() -> dict[str, list[str]]:
    """Names in each collection; of updates also whether an entry is an operation."""
    graph = tf.get_default_graph()
    found: dict[str, list[str]] = {}
    for key in graph.get_all_collection_keys():
        entries = graph.get_collection(key)
        if key in OWN_COLLECTIONS or not isinstance(key, str) or not entries:
            continue
        if _updates(key):
            found[key] = [_entry(entry) for entry in entries]
        elif key == tf.GraphKeys.REGULARIZATION_LOSSES:
            found[key] = sorted(entry.name.split("/Regularizer")[0].split("Regularizer")[0] for entry in entries)
        elif all(hasattr(entry, "initializer") for entry in entries):
            found[key] = [entry.op.name for entry in entries]
        else:
            found[key] = [str(len(entries))]
    return found


def _entry(entry: Any) -> str:
    """An assignment of a resource variable gives neither operation nor tensor, but something that has both."""
    return f"operation {entry.name}" if isinstance(entry, tf.Operation) else f"tensor {entry.op.name}"


def _updates(collection: Any) -> bool:
    return isinstance(collection, str) and (collection == tf.GraphKeys.UPDATE_OPS or collection.endswith("updates"))


def _varied(value: Any, name: str) -> Any:
    """Values that differ from all initial ones, so that a mix-up of variables shows."""
    noise = np.random.RandomState(sum(map(ord, name))).uniform(0.1, 0.5, np.shape(value))
    return (np.asarray(value, np.float64) + (noise if np.asarray(value).dtype.kind == "f" else 0)).astype(
        np.asarray(value).dtype
    )
