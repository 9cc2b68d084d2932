"""Ops that write summaries by themselves, when they run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_summary import writers
from tf1bn.compat.contrib_summary.recording import SETTINGS

SUMMARIES = "tf1bn_contrib_summaries"
"""Collection of the ops that write."""


def all_summary_ops() -> list[Any]:
    """Returns the ops of all summaries of the graph; a program runs them beside its train op."""
    return tf.get_collection(SUMMARIES)


def scalar(name: str, tensor: Any, family: str | None = None, step: Any = None) -> Any:
    """Writes a number.

    Args:
      name: of the summary, below the current scope.
      tensor: a scalar.
      family: a word in front of the name, by which TensorBoard groups.
      step: a scalar; the global step by default, made if there is none.

    Returns:
      An op, or the tensor of whether it wrote.
    """
    return _written(
        name,
        family,
        step,
        lambda common: tf.raw_ops.WriteScalarSummary(value=tf.convert_to_tensor(tensor), **common),
    )


def histogram(name: str, tensor: Any, family: str | None = None, step: Any = None) -> Any:
    """Writes the histogram of a tensor; see ``scalar``."""
    return _written(
        name,
        family,
        step,
        lambda common: tf.raw_ops.WriteHistogramSummary(values=tf.convert_to_tensor(tensor), **common),
    )


def image(
    name: str, tensor: Any, bad_color: Any = None, max_images: int = 3, family: str | None = None, step: Any = None
) -> Any:
    """Writes images ``[batch, rows, columns, 1, 3 or 4]``; see ``scalar``.

    Args:
      bad_color: of pixels that are not finite, uint8; red by default.
      max_images: how many of the batch.
    """
    color = tf.constant([255, 0, 0, 255], tf.uint8) if bad_color is None else bad_color

    def write(common: dict[str, Any]) -> Any:
        pixels = tf.convert_to_tensor(tensor)
        return tf.raw_ops.WriteImageSummary(tensor=pixels, bad_color=color, max_images=max_images, **common)

    return _written(name, family, step, write)


def audio(
    name: str, tensor: Any, sample_rate: Any, max_outputs: int, family: str | None = None, step: Any = None
) -> Any:
    """Writes sounds ``[batch, samples]`` or ``[batch, samples, channels]``; see ``scalar``."""

    def write(common: dict[str, Any]) -> Any:
        rate = tf.cast(sample_rate, tf.float32)
        sound = tf.convert_to_tensor(tensor)
        return tf.raw_ops.WriteAudioSummary(tensor=sound, sample_rate=rate, max_outputs=max_outputs, **common)

    return _written(name, family, step, write)


def generic(name: str, tensor: Any, metadata: Any = None, family: str | None = None, step: Any = None) -> Any:
    """Writes a tensor as it is; see ``scalar``.

    Args:
      metadata: a ``SummaryMetadata``, or one that is serialized.
    """
    found = metadata.SerializeToString() if hasattr(metadata, "SerializeToString") else metadata

    def write(common: dict[str, Any]) -> Any:
        value = tf.convert_to_tensor(tensor)
        return tf.raw_ops.WriteSummary(tensor=value, summary_metadata=b"" if found is None else found, **common)

    return _written(name, family, step, write)


def graph(param: Any, step: Any = None, name: str | None = None) -> Any:
    """Writes a graph, whatever is recorded otherwise; nothing without a default writer.

    Args:
      param: a tensor of a serialized GraphDef.

    Raises:
      ArgumentTypeError: no tensor; ``initialize(graph=...)`` takes a graph.
    """
    if not tf.is_tensor(param):
        raise errors.ArgumentTypeError(
            errors.explain("`param` must be a tensor", got=type(param).__name__, fix="Use initialize(graph=...)."),
            where="graph",
        )
    if SETTINGS.writer is None:
        return tf.no_op(name=name)
    return tf.raw_ops.WriteGraphSummary(writer=writers.required(), step=_step(step), tensor=param, name=name)


def import_event(tensor: Any, name: str | None = None) -> Any:
    """Writes an event that is serialized.

    Raises:
      RunError: there is no default writer.
    """
    with errors.located("import_event"):
        return tf.raw_ops.ImportEvent(writer=writers.required(), event=tensor, name=name)


def initialize(graph: Any = None, session: Any = None) -> None:
    """Opens the files of all writers of the graph, in a session.

    Args:
      graph: a graph, or its definition, to write at step 0.
      session: the default one if None.

    Raises:
      RunError: there is no default writer, or no session.
    """
    with errors.located("initialize"):
        handle = writers.required()
        session = session or tf.get_default_session()
        if session is None:
            raise errors.RunError("there is no session. Pass `session`, or use `with tf.Session():`.")
        session.run(writers.summary_writer_initializer_op())
        if graph is not None:
            definition = graph.as_graph_def(add_shapes=True) if isinstance(graph, tf.Graph) else graph
            text = tf.placeholder(tf.string, [])
            write = tf.raw_ops.WriteGraphSummary(writer=handle, step=tf.constant(0, tf.int64), tensor=text)
            session.run(write, {text: definition.SerializeToString()})


def _written(name: str, family: str | None, step: Any, write: Callable[[dict[str, Any]], Any]) -> Any:
    """Returns the op of one summary; ``write`` makes it from writer, step, tag and name."""
    if SETTINGS.writer is None:
        return tf.no_op()
    condition = SETTINGS.condition
    with errors.located(name), tf.device("cpu:0"), _scope(name, family) as (tag, scope):
        common = {"writer": writers.required(), "step": _step(step), "tag": tag}

        def record() -> Any:
            with tf.control_dependencies([write(common)]):
                return tf.constant(True)

        if isinstance(condition, bool):
            op = write({**common, "name": scope}) if condition else tf.no_op()
        else:
            op = tf.cond(condition, record, lambda: tf.constant(False))
    tf.add_to_collection(SUMMARIES, op)
    return op


def _step(step: Any) -> tf.Tensor:
    found = tf.convert_to_tensor(tf.train.get_or_create_global_step() if step is None else step)
    if found.shape.rank not in (0, None):
        raise errors.ShapeError(errors.explain("`step` must be a scalar", got=str(found.shape)))
    return tf.cast(found, tf.int64)


@contextmanager
def _scope(name: str, family: str | None) -> Iterator[tuple[str, str]]:
    """Enters the summary's own scope; gives its tag, the scope's name behind the family, and the scope."""
    clean = _clean(name)
    prefix = _clean(family) if family else ""
    with tf.name_scope(f"{prefix}/{clean}" if prefix else clean) as scope:
        tag = scope.rstrip("/")
        yield (f"{prefix}/{tag}" if prefix else tag), scope


def _clean(name: str) -> str:
    return re.sub(r"[^-/\w.]", "_", name).lstrip("/")
