"""Transformations for ``dataset.apply`` that TensorFlow no longer has, made of those it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

Transformation = Callable[[Any], Any]


def batch_and_drop_remainder(batch_size: Any) -> Transformation:
    """Returns a transformation to full batches."""
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


def padded_batch_and_drop_remainder(batch_size: Any, padded_shapes: Any, padding_values: Any = None) -> Transformation:
    """Returns a transformation to full batches of padded elements."""
    return lambda dataset: dataset.padded_batch(batch_size, padded_shapes, padding_values, drop_remainder=True)


def sloppy_interleave(map_func: Callable[..., Any], cycle_length: Any, block_length: Any = 1) -> Transformation:
    """Returns a transformation that interleaves data sets in the order in which their elements are ready."""
    return tf.data.experimental.parallel_interleave(map_func, cycle_length, block_length, sloppy=True)


def assert_element_shape(expected_shapes: Any) -> Transformation:
    """Returns a transformation after which elements have the shapes, statically; others raise when they are read.

    Args:
      expected_shapes: a ``tf.TensorShape`` for each component, in the structure of an element.

    Raises:
      ArgumentError: another number of shapes than of components, when the transformation is applied.
    """
    shapes = [expected_shapes] if isinstance(expected_shapes, list) else tf.nest.flatten(expected_shapes)

    def checked(*element: Any) -> Any:
        parts = tf.nest.flatten(element)
        if len(parts) != len(shapes):
            raise errors.ArgumentError(
                errors.explain(
                    "`expected_shapes` needs a shape for each component", got=shapes, expected=str(len(parts))
                ),
                where="assert_element_shape",
            )
        same = [tf.ensure_shape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
        packed = tf.nest.pack_sequence_as(element, same)
        return packed[0] if len(element) == 1 else packed

    return lambda dataset: dataset.map(checked)


def sliding_window_batch(
    window_size: Any, stride: Any = None, window_shift: Any = None, window_stride: Any = 1
) -> Transformation:
    """Returns a transformation to full windows: batches of ``window_size`` elements.

    Window k begins at element ``k * window_shift`` and takes each ``window_stride``-th element.

    Args:
      stride: the older name of ``window_shift``, which is 1 by default.

    Raises:
      ArgumentError: both names.
    """
    if stride is not None and window_shift is not None:
        raise errors.ArgumentError(
            errors.explain("`stride` and `window_shift` are both given", fix="Leave `stride` out."),
            where="sliding_window_batch",
        )
    shift = window_shift if stride is None else stride

    def batched(*window: Any) -> Any:
        parts = tf.nest.map_structure(lambda part: part.batch(window_size), window)
        if len(parts) > 1:
            return tf.data.Dataset.zip(parts)
        return tf.data.Dataset.zip(parts[0]) if tf.nest.is_nested(parts[0]) else parts[0]

    return lambda dataset: dataset.window(
        window_size, shift=1 if shift is None else shift, stride=window_stride, drop_remainder=True
    ).flat_map(batched)
