"""Normalisation with given moments: (x - mean) / sqrt(variance + epsilon) * gamma + beta."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core.axes import Axes
from tf1bn.core.values import Moments


def multiplier(variance: Any, gamma: Any, epsilon: float) -> Any:
    """Returns gamma / sqrt(variance + epsilon); gamma may be None for one."""
    inverse = tf.rsqrt(variance + epsilon)
    return inverse if gamma is None else inverse * gamma


def shaped(parameter: Any, shape: tuple[int, ...]) -> Any:
    """Returns a parameter in a shape that broadcasts against the input; none is made where it does already."""
    own = parameter.shape.as_list()
    fits = len(own) == len(shape) or (len(own) == 1 and all(size == 1 for size in shape[:-1]))
    return parameter if fits else tf.reshape(parameter, shape)


def normalize(x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
    """Returns ``x`` normalised by ``moments``, as one multiplication and one addition per element.

    Args:
      x: float32 or float64; gamma, beta and moments have its dtype; gamma and beta may be None.
    """
    scale = multiplier(moments.variance, gamma, epsilon)
    offset = -moments.mean * scale if beta is None else beta - moments.mean * scale
    return x * shaped(scale, axes.broadcast_shape) + shaped(offset, axes.broadcast_shape)
