"""Weights and masks of a batch, brought to the shape of the input."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core.axes import Axes
from tf1bn.core.values import is_variable


def checked(value: Any, name: str) -> Any:
    """Returns a weight tensor, variable or array that can be used, the array as NumPy; creates no op.

    Raises:
      ArgumentTypeError: a mask that is not bool, or weights that are not numbers.
      ArgumentError: a constant weight below zero.
    """
    if not (tf.is_tensor(value) or is_variable(value)):
        value = np.asarray(value)
    dtype = None if value.dtype == object else tf.as_dtype(value.dtype).base_dtype
    wanted = "bool" if name == "mask" else "a floating-point or integer dtype"
    fits = dtype is not None and (dtype == tf.bool if name == "mask" else dtype.is_floating or dtype.is_integer)
    if not fits:
        raise errors.ArgumentTypeError(
            errors.explain(f"`{name}` has the wrong dtype", got=str(getattr(dtype, "name", dtype)), expected=wanted)
        )
    known = value if isinstance(value, np.ndarray) else tf.get_static_value(value) if tf.is_tensor(value) else None
    if known is not None and name != "mask" and not np.all(np.asarray(known, np.float64) >= 0):
        raise errors.ArgumentError(errors.explain(f"`{name}` must be at least 0 everywhere", got=known))
    return value


def aligned_shape(value: Any, dims: tuple[int | None, ...], axes: Axes, name: str) -> list[int]:
    """Returns where in the input each dimension of a weight tensor belongs, after checking that it fits.

    A tensor of the input's rank must have size 1 at the channel axes. A tensor of lower rank gives the leading
    reduced axes: ``[batch]`` and ``[batch, time]`` both fit ``[batch, time, C]``.

    Raises:
      ShapeError: unknown rank, too high a rank, or a size that does not broadcast.
    """
    shape = tf.TensorShape(value.shape)
    if shape.rank is None:
        raise errors.ShapeError(errors.explain(f"the rank of `{name}` is unknown", expected="a known rank"))
    places = list(range(axes.rank)) if shape.rank == axes.rank else list(axes.reduced[: shape.rank])
    if len(places) != shape.rank:
        raise errors.ShapeError(
            errors.explain(
                f"`{name}` has too many dimensions",
                got=str(shape),
                expected=f"at most {len(axes.reduced)}, or {axes.rank} with 1 at the channel axis",
            )
        )
    for size, place in zip(shape.as_list(), places, strict=True):
        wanted = 1 if place in axes.kept else dims[place]
        if size not in (1, None) and wanted is not None and size != wanted:
            raise errors.ShapeError(
                errors.explain(
                    f"`{name}` does not broadcast against axis {place} of `inputs`",
                    got=str(shape),
                    expected=f"1 or {wanted}",
                )
            )
    return places


def align(weights: Any, places: list[int], axes: Axes, dtype: tf.DType) -> Any:
    """Returns the weights as numbers with the rank of the input, size 1 where they do not vary."""
    weights = tf.cast(tf.convert_to_tensor(weights), dtype)
    sizes = tf.shape(weights)
    return tf.reshape(weights, [sizes[places.index(i)] if i in places else 1 for i in range(axes.rank)])
