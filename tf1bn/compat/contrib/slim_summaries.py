"""``slim.summaries``: summaries of tensors under names of one's own, also printed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf


def add_histogram_summary(tensor: Any, name: str | None = None, prefix: str | None = None) -> tf.Tensor:
    """Returns a histogram of a tensor, named ``prefix/name``; the name is by default that of its op."""
    return tf.summary.histogram(_name(tensor, name, prefix), tensor)


def add_image_summary(
    tensor: Any, name: str | None = None, prefix: str | None = None, print_summary: bool = False
) -> tf.Tensor:
    """Returns a summary of images ``[batch, height, width, channels]``; ``print_summary`` prints the tensor."""
    name = _name(tensor, name, prefix)
    return _printed(tf.summary.image(name, tensor), tensor, name, print_summary)


def add_scalar_summary(
    tensor: Any, name: str | None = None, prefix: str | None = None, print_summary: bool = False
) -> tf.Tensor:
    """Returns a summary of a number, which is in SUMMARIES; ``print_summary`` prints it when it is computed."""
    name = _name(tensor, name, prefix)
    return _printed(tf.summary.scalar(name, tensor, collections=[]), tensor, name, print_summary, listed=False)


def add_zero_fraction_summary(
    tensor: Any, name: str | None = None, prefix: str | None = None, print_summary: bool = False
) -> tf.Tensor:
    """Returns a summary of the share of zeros in a tensor."""
    return add_scalar_summary(tf.nn.zero_fraction(tensor), _name(tensor, name, prefix), print_summary=print_summary)


def add_histogram_summaries(tensors: Iterable[Any], prefix: str | None = None) -> list[tf.Tensor]:
    """Returns the histogram of each tensor."""
    return [add_histogram_summary(tensor, prefix=prefix) for tensor in tensors]


def add_image_summaries(tensors: Iterable[Any], prefix: str | None = None) -> list[tf.Tensor]:
    """Returns the summary of each tensor of images."""
    return [add_image_summary(tensor, prefix=prefix) for tensor in tensors]


def add_scalar_summaries(
    tensors: Iterable[Any] | Mapping[str, Any], prefix: str | None = None, print_summary: bool = False
) -> list[tf.Tensor]:
    """Returns the summary of each number; of a dictionary under its names."""
    return _each(add_scalar_summary, tensors, prefix, print_summary)


def add_zero_fraction_summaries(
    tensors: Iterable[Any] | Mapping[str, Any], prefix: str | None = None, print_summary: bool = False
) -> list[tf.Tensor]:
    """Returns the summary of the share of zeros of each tensor; of a dictionary under its names."""
    return _each(add_zero_fraction_summary, tensors, prefix, print_summary)


def _each(function: Callable[..., tf.Tensor], tensors: Any, prefix: Any, print_summary: bool) -> list[tf.Tensor]:
    pairs = tensors.items() if isinstance(tensors, Mapping) else ((None, tensor) for tensor in tensors)
    return [function(tensor, name, prefix, print_summary) for name, tensor in pairs]


def _name(tensor: Any, name: str | None, prefix: str | None) -> str:
    name = name or tensor.op.name
    return f"{prefix}/{name}" if prefix else name


def _printed(summary: Any, tensor: Any, name: str, print_summary: bool, listed: bool = True) -> tf.Tensor:
    if print_summary:
        summary = tf.Print(summary, [tensor], name)
        listed = False
    if not listed:
        tf.add_to_collection(tf.GraphKeys.SUMMARIES, summary)
    return summary
