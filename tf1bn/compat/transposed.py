"""Transposed convolutions whose output has the batch that the program says, as in TensorFlow 1.

Today's TensorFlow takes the batch of the static shape from the input alone: unknown there, unknown in the output, even
where ``output_shape`` names it. Programs that reshape with ``output.get_shape()`` then stop.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf


def _of_known_batch(function: Callable[..., Any], place: int, word: str) -> Callable[..., Any]:
    """Returns a function whose result has the static batch that one of its arguments says.

    Args:
      function: of TensorFlow.
      place, word: position and name of the argument that is the shape of the result.
    """

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        shape = args[place] if len(args) > place else kwargs.get(word)
        batch = _batch(shape)
        if batch is not None and result.shape.rank:
            result.set_shape([batch, *result.shape.as_list()[1:]])
        return result

    return called


def _batch(shape: Any) -> int | None:
    """Returns the first entry of a shape if it is known while building."""
    first: Any
    if isinstance(shape, tf.Tensor):
        known = tf.get_static_value(shape, partial=True)
        first = None if known is None or not len(known) else known[0]
    else:
        first = None if shape is None else next(iter(shape), None)
        first = tf.get_static_value(first) if isinstance(first, tf.Tensor) else tf.compat.dimension_value(first)
    return None if first is None or int(first) < 0 else int(first)


conv1d_transpose = _of_known_batch(tf.nn.conv1d_transpose, 2, "output_shape")
conv2d_transpose = _of_known_batch(tf.nn.conv2d_transpose, 2, "output_shape")
conv2d_backprop_input = _of_known_batch(tf.nn.conv2d_backprop_input, 0, "input_sizes")
atrous_conv2d_transpose = _of_known_batch(tf.nn.atrous_conv2d_transpose, 2, "output_shape")
