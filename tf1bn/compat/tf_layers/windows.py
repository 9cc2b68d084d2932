"""Sizes and layouts of windows that move over one to three spatial axes."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors

LAST, FIRST = "channels_last", "channels_first"


def sizes(value: Any, count: int, name: str) -> tuple[int, ...]:
    """Returns ``count`` integers of at least 1, given as such or as one for all.

    Args:
      value: a number, a ``Dimension``, or any sequence of these: a list, an array, a static shape, a constant tensor.

    Raises:
      ArgumentError: another number of them, no numbers, or a value below 1.
    """
    try:
        given = (integer(value),) * count
    except TypeError:
        given = _sequence(value)
    if len(given) != count or min(given) < 1:
        raise errors.ArgumentError(
            errors.explain(f"`{name}` is no window size", got=value, expected=f"{count} integers of at least 1, or one")
        )
    return given


def integer(value: Any) -> int:
    """Returns a whole number, given as one of Python or NumPy, as a ``Dimension``, or as a constant tensor.

    Raises:
      TypeError: something else.
    """
    if isinstance(value, tf.Dimension):
        value = value.value
    elif tf.is_tensor(value) and value.shape.rank == 0:
        value = tf.get_static_value(value)
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return int(value)
    return operator.index(value)


def _sequence(value: Any) -> tuple[int, ...]:
    if isinstance(value, (str, bytes)):
        return ()
    if tf.is_tensor(value):
        value = tf.get_static_value(value)
    try:
        return tuple(integer(entry) for entry in value)
    except (TypeError, ValueError):
        return ()


def padding(value: Any, allowed: tuple[str, ...] = ("valid", "same")) -> str:
    """Returns a padding in lower case.

    Raises:
      ArgumentError: an unknown one.
    """
    return _choice(value, "padding", allowed)


def data_format(value: Any) -> str:
    """Returns a data format in lower case; None is channels last.

    Raises:
      ArgumentError: an unknown one.
    """
    return LAST if value is None else _choice(value, "data_format", (LAST, FIRST))


def channels_last(x: tf.Tensor, form: str) -> tf.Tensor:
    """Returns the input with its channels last, since TensorFlow convolves nothing else on every CPU."""
    rank = x.shape.rank
    return x if form == LAST else tf.transpose(x, [0, *range(2, rank), 1])


def as_given(y: tf.Tensor, form: str, name: str | None = None) -> tf.Tensor:
    """Takes :func:`channels_last` back, by an op of that name."""
    rank = y.shape.rank
    return y if form == LAST else tf.transpose(y, [0, rank - 1, *range(1, rank - 1)], name=name)


def channels(shape: tf.TensorShape, rank: int, form: str) -> int:
    """Returns the static number of channels.

    Raises:
      ShapeError: another rank, or an unknown number of channels.
    """
    if shape.rank != rank:
        raise errors.ShapeError(errors.explain(f"`inputs` must have rank {rank}", got=str(shape)))
    count = shape.as_list()[-1 if form == LAST else 1]
    if not count:
        raise errors.ShapeError(
            errors.explain(f"the channel dimension of `inputs` must be defined for {form}", got=str(shape))
        )
    return count


def moved(size: int | None, window: int, pad: str, stride: int, dilation: int = 1) -> int | None:
    """Returns how often a window fits along an axis; None where the size is unknown."""
    if size is None:
        return None
    reach = 0 if pad in ("same", "causal") else (window - 1) * dilation
    return -(-(size - reach) // stride)


def spread(size: Any, window: int, pad: str, stride: int) -> Any:
    """Returns the length that a transposed convolution makes of ``size`` entries, a number or a tensor."""
    if size is None:
        return None
    return size * stride + (max(window - stride, 0) if pad == "valid" else 0)


def _choice(value: Any, name: str, allowed: tuple[str, ...]) -> str:
    lower = value.lower() if isinstance(value, str) else value
    if lower not in allowed:
        raise errors.ArgumentError(errors.explain(f"`{name}` is unknown", got=value, expected=" or ".join(allowed)))
    return lower
