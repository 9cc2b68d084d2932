"""Runs a copy of a meta graph on given or made-up numbers, so that two graphs can be compared."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.graph import loading, runnable
from tf1bn.graph.values import CheckpointValues

ROWS = 4
"""Size that a made-up feed has where the shape leaves it open."""


def initial(meta: Any, checkpoint: Any = None) -> dict[str, np.ndarray]:
    """Returns every global variable's value by name: that of the checkpoint, else the graph's own initial one.

    Args:
      meta: a MetaGraphDef.
      checkpoint: whatever `CheckpointValues` takes; None for initial values alone.

    Raises:
      RunError: this TensorFlow cannot import or initialise the graph.
      CheckpointError: the checkpoint cannot be read.
    """
    stored: Any = CheckpointValues(checkpoint) if checkpoint is not None else {}
    names = loading.load(meta).collections.get(tf.GraphKeys.GLOBAL_VARIABLES, ())
    if all(name in stored for name in names):  # then nothing has to run, which of a large graph takes long
        return {name: np.asarray(stored.get(name)) for name in names}
    with opened(meta) as session:
        variables = session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        values = {variable.op.name: value for variable, value in zip(variables, session.run(variables), strict=True)}
    return {
        name: np.asarray(stored.get(name)) if name in stored else np.asarray(value) for name, value in values.items()
    }


def opened(meta: Any, values: Mapping[str, np.ndarray] | None = None) -> Any:
    """Returns a session of an imported copy, initialised; random ops get a fixed seed, so that two copies agree.

    Channels-first ops run channels last where this machine has no kernel for them, see
    :mod:`tf1bn.graph.runnable`.

    Args:
      meta: a MetaGraphDef.
      values: the value of every global variable by name; initial values when None.

    Raises:
      RunError: this TensorFlow cannot import or initialise the graph.
    """
    copy = tf.MetaGraphDef()
    copy.CopyFrom(meta)
    make_repeatable(copy)
    runnable.make_runnable(copy.graph_def)
    graph = tf.Graph()
    with graph.as_default():
        try:
            tf.train.import_meta_graph(copy, clear_devices=True)
            session = tf.Session(graph=graph, config=as_written())
            variables = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
            if values is None:
                session.run([item.initializer for item in variables])
            else:
                load(session, [(variable, values[variable.op.name]) for variable in variables])
            session.run([item.initializer for item in graph.get_collection(tf.GraphKeys.LOCAL_VARIABLES)])
        except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
            raise errors.RunError(
                errors.explain(f"this TensorFlow cannot import or initialise the graph ({str(error)[:200]})")
            ) from error
    return session


def as_written() -> Any:
    """Returns a session configuration that runs ops as they are written, without TensorFlow's rewriting (Grappler).

    A graph that is run once or twice gains nothing by it: it takes three quarters of a first run, and grows faster than
    the graph. And on a CPU without oneDNN it merges a convolution with the addition behind it into an op that does not
    run where the convolution has groups.
    """
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


def make_repeatable(meta: Any) -> None:
    """Gives a meta graph fixed seeds, and takes away the shapes that today's shape functions may refuse."""
    for node in meta.graph_def.node:
        if "seed" in node.attr and "seed2" in node.attr:  # by name, as a rewritten copy has other nodes before it
            node.attr["seed"].i, node.attr["seed2"].i = 1, zlib.crc32(node.name.encode()) + 1
        if "_output_shapes" in node.attr:
            del node.attr["_output_shapes"]


def known(session: Any, variables: Sequence[Any]) -> list[tuple[Any, np.ndarray]]:
    """Returns those of the variables that have a value in the session, with it; no op is added to the graph.

    Each run costs as much as the graph is large: all variables are asked at once, and where that fails by halves.
    """
    if not variables:
        return []
    try:
        return list(zip(variables, session.run(list(variables)), strict=True))
    except tf.errors.FailedPreconditionError:
        half = len(variables) // 2
        halves = (variables[:half], variables[half:]) if half else ()  # one alone has no value
        return [pair for part in halves for pair in known(session, part)]


def load(session: Any, values: Iterable[tuple[Any, Any]]) -> None:
    """Gives variables their values, through their initializers: all in one run unless they share an initial value.

    Args:
      session: where the variables are.
      values: pairs of a variable and its value. An eager program's variables are no keys of a dictionary.
    """
    left = list(values)
    while left:
        now = {variable.initializer.inputs[1].name: (variable, value) for variable, value in reversed(left)}
        ops = [variable.initializer for variable, _ in now.values()]
        session.run(ops, {name: value for name, (_, value) in now.items()})
        done = {variable.initializer.name for variable, _ in now.values()}
        left = [(variable, value) for variable, value in left if variable.initializer.name not in done]


def run(session: Any, fetches: Any, feed: Mapping[str, Any], forced: Mapping[str, Any] | None = None) -> Any:
    """Returns what the fetches give; placeholders that are not fed get made-up values.

    Args:
      session: runs them.
      fetches: as for `session.run`.
      feed: values of placeholders by name.
      forced: values of any tensors by full name, whatever they are computed from.

    Raises:
      RunError: the graph cannot be run so.
    """
    values = dict(feeds(session.graph, feed))
    return fed(session, fetches, values | {session.graph.get_tensor_by_name(k): v for k, v in (forced or {}).items()})


def fed(session: Any, fetches: Any, feed: Mapping[Any, Any]) -> Any:
    """Returns what the fetches give when exactly this is fed.

    Raises:
      RunError: the graph cannot be run so.
    """
    try:
        return session.run(fetches, dict(feed))
    except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
        raise errors.RunError(
            errors.explain(
                f"the graph cannot be run for the check ({str(error)[:200]})",
                fix="Give values for its placeholders, or repair the program instead.",
            )
        ) from error


def feeds(graph: Any, feed: Mapping[str, Any], rows: int = ROWS) -> Iterator[tuple[Any, Any]]:
    """Yields a value for every placeholder: the given one, else a made-up one of its shape.

    Made-up numbers are normal, integers 0, bools True; a placeholder of unknown rank gets none, and one with a
    default keeps that.

    Args:
      graph: the graph of the placeholders.
      feed: values by name, with or without ``:0``.
      rows: size at open dimensions.
    """
    generator = np.random.default_rng(0)
    given = {name.split(":")[0]: value for name, value in feed.items()}
    for operation in graph.get_operations():
        if operation.type not in ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault"):
            continue
        tensor = operation.outputs[0]
        if operation.name in given:
            yield tensor, given[operation.name]
            continue
        if tensor.shape.rank is None or operation.type == "PlaceholderWithDefault":
            continue
        shape = [rows if size is None else size for size in tensor.shape.as_list()]
        kind = tensor.dtype.as_numpy_dtype
        if tensor.dtype.is_floating:
            yield tensor, generator.normal(size=shape).astype(kind)
        elif tensor.dtype.is_integer:
            yield tensor, np.zeros(shape, kind)
        elif tensor.dtype.is_bool:
            yield tensor, np.ones(shape, bool)
