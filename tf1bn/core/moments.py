"""Mean and variance of a batch."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core.axes import Axes
from tf1bn.core.values import Moments


def count(x: Any, axes: Axes, dtype: tf.DType) -> Any:
    """Returns the number of values per channel: a Python int where static, else a scalar tensor."""
    if axes.values_per_channel is not None:
        return axes.values_per_channel
    return tf.cast(tf.reduce_prod(tf.gather(tf.shape(x), axes.reduced)), dtype)


def centred(x: Any, axes: Axes) -> tuple[Any, Any, Any]:
    """Returns ``x`` minus a constant close to its mean, that constant, and the rest of the mean.

    Trick: the mean of values near 1e4 rounds to about 1e-3 in float32, and subtracting the rounded mean
    leaves that error in every output. The mean of the already centred values is exact to 1e-7, so what is
    left over is subtracted a second time. The first constant carries no gradient: the sum of both does not
    depend on it.

    Returns:
      (x - shift, shift, mean(x - shift)), the latter two with 1 at the reduced axes.
    """
    shift = tf.stop_gradient(tf.reduce_mean(x, axes.reduced, keepdims=True))
    rest = x - shift
    return rest, shift, tf.reduce_mean(rest, axes.reduced, keepdims=True)


def batch_moments(x: Any, axes: Axes) -> Moments:
    """Returns the moments of ``x`` over its reduced axes, variance divided by the count.

    Args:
      x: float32 or float64.
    """
    rest, shift, residual = centred(x, axes)
    variance = tf.reduce_mean(tf.square(rest), axes.reduced, keepdims=True) - tf.square(residual)
    return Moments(
        tf.reshape(shift + residual, axes.parameter_shape),
        tf.reshape(tf.maximum(variance, 0.0), axes.parameter_shape),
        count(x, axes, x.dtype),
    )


def unbiased(moments: Moments) -> Moments:
    """Returns the moments with Bessel's correction: variance * n / (n - 1); n = 1 is left as it is."""
    n = moments.count
    if isinstance(n, int):
        return moments._replace(variance=moments.variance * (n / max(n - 1, 1)))
    return moments._replace(variance=moments.variance * (n / tf.maximum(n - 1, 1)))
