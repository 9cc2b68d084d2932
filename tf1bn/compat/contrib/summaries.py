"""``tf.contrib.layers``' summaries of tensors and of collections."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf


def summarize_tensor(tensor: Any, tag: str | None = None) -> Any:
    """Returns a scalar summary of a scalar, or a histogram of anything larger.

    Args:
      tag: of the summary; by default the name of the tensor's op and ``_summary``.
    """
    tag = tag or f"{tensor.op.name}_summary"
    if tensor.shape.rank == 0:
        return tf.summary.scalar(tag, tensor)
    return tf.summary.histogram(tag, tensor)


def summarize_activation(op: Any) -> Any:
    """Returns a histogram of a layer's output; after a ReLU also adds the share of zeros.

    After a ReLU6 it adds the share of sixes, too.
    """
    if op.op.type in ("Relu", "Softplus", "Relu6"):
        _summarize_share(f"{op.op.name}/zeros", tf.less_equal(op, tf.cast(0, op.dtype)))
    if op.op.type == "Relu6":
        _summarize_share(f"{op.op.name}/sixes", tf.greater_equal(op, tf.cast(6, op.dtype)))
    return tf.summary.histogram(f"{op.op.name}/activation", op)


def _summarize_share(tag: str, held: Any) -> None:
    tf.summary.scalar(tag, tf.reduce_mean(tf.cast(held, tf.float32)))


def summarize_tensors(tensors: Iterable[Any], summarizer: Callable[[Any], Any] = summarize_tensor) -> list[Any]:
    """Returns the summary of each tensor."""
    return [summarizer(tensor) for tensor in tensors]


def summarize_collection(
    collection: str, name_filter: str | None = None, summarizer: Callable[[Any], Any] = summarize_tensor
) -> list[Any]:
    """Returns the summary of each entry of a collection whose op's name begins as a regular expression says."""
    entries = tf.get_collection(collection)
    return [summarizer(x) for x in entries if name_filter is None or re.match(name_filter, x.op.name)]


summarize_variables = functools.partial(summarize_collection, tf.GraphKeys.GLOBAL_VARIABLES)
summarize_weights = functools.partial(summarize_collection, tf.GraphKeys.WEIGHTS)
summarize_biases = functools.partial(summarize_collection, tf.GraphKeys.BIASES)


def summarize_activations(
    name_filter: str | None = None, summarizer: Callable[[Any], Any] = summarize_activation
) -> list[Any]:
    """Returns the summary of each entry of ACTIVATIONS."""
    return summarize_collection(tf.GraphKeys.ACTIVATIONS, name_filter, summarizer)


__all__ = [
    "summarize_activation",
    "summarize_activations",
    "summarize_biases",
    "summarize_collection",
    "summarize_tensor",
    "summarize_tensors",
    "summarize_variables",
    "summarize_weights",
]
