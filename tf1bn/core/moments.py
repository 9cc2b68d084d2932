"""Mean and variance of a batch: plain, weighted, over the whole batch or over groups of it."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core.axes import Axes
from tf1bn.core.values import Moments


class Centred(NamedTuple):
    """An input near zero, and its moments; statistics have size 1 at the reduced axes.

    Attributes:
      rest: the input minus ``shift``.
      shift: a constant close to the mean; carries no gradient.
      residual: mean of ``rest``, so the mean of the input is shift + residual.
      variance: divided by the number of values or the total weight.
      total: number of values per channel (an int where static) or total weight.
    """

    rest: Any
    shift: Any
    residual: Any
    variance: Any
    total: Any


def count(x: Any, axes: Axes, dtype: tf.DType) -> Any:
    """Returns the number of values per channel: a Python int where static, else a scalar tensor."""
    if axes.values_per_channel is not None:
        return axes.values_per_channel
    # One size and one quotient: several dimensions would take more ops than the rest of the layer has for it. Of
    # floating-point numbers, since TFLite divides no int64; the quotient is exact as long as the size is.
    size = tf.cast(tf.size(x, out_type=tf.int64), dtype)
    return tf.raw_ops.RealDiv(x=size, y=tf.constant(math.prod(axes.parameter_shape), dtype))


def centre(x: Any, reduced: tuple[int, ...], total: Any, weights: Any = None) -> Centred:
    """Returns ``x`` centred, and its moments over the axes ``reduced``.

    mean = sum(w * x) / sum(w);  variance = sum(w * (x - mean)^2) / sum(w);  w = 1 without weights. A total
    weight of zero, or no value at all, gives mean and variance 0. Values of weight zero may be anything; those that
    are not finite are taken for the mean.

    Trick: the mean of values near 1e4 rounds to about 1e-3 in float32, and subtracting the rounded mean leaves
    that error in every output. The mean of the already centred values is exact to 1e-7, so what is left over is
    subtracted a second time. The first constant carries no gradient: the sum of both does not depend on it.

    Args:
      x: float32 or float64.
      total: number of values per channel; not used with weights.
      weights: None, or a tensor of the rank of ``x`` with size 1 at the channel axes, at least 0.
    """
    if weights is None:
        shift = tf.stop_gradient(_mean(x, reduced, total))
        rest = x - shift
        residual = _mean(rest, reduced, total)
        square = _mean(tf.square(rest), reduced, total)
    else:
        weights, total, share = shares(x, reduced, tf.cast(weights, x.dtype))
        used = weights > 0
        shift = tf.stop_gradient(tf.reduce_sum(share * masked(used, x), reduced, keepdims=True))
        # What is left out of the moments may be NaN. It must not reach the gradient of gamma, where 0 * NaN is NaN.
        rest = masked(used | tf.is_finite(x), x - shift)
        counted = masked(used, rest)
        residual = tf.reduce_sum(share * counted, reduced, keepdims=True)
        square = tf.reduce_sum(share * tf.square(counted), reduced, keepdims=True)
    return Centred(rest, shift, residual, tf.maximum(square - tf.square(residual), 0.0), total)


def batch_moments(x: Any, axes: Axes) -> Moments:
    """Returns the moments of ``x`` over its reduced axes, variance divided by the count.

    Args:
      x: float32 or float64.
    """
    n = count(x, axes, x.dtype)
    found = centre(x, axes.reduced, n)
    return Moments(
        tf.reshape(found.shift + found.residual, axes.parameter_shape),
        tf.reshape(found.variance, axes.parameter_shape),
        n,
    )


def unbiased(moments: Moments) -> Moments:
    """Returns the moments with Bessel's correction: variance * n / (n - 1); n <= 1 is left as it is.

    A total weight stands for the count, so weights are read as how often a value occurred. A total from 1 to 2 is
    taken as a factor itself: between whole numbers the formula has a pole at 1, where normalised weights end.
    """
    n = moments.count
    if isinstance(n, int):
        return moments._replace(variance=moments.variance * (n / max(n - 1, 1)))
    return moments._replace(variance=moments.variance * (tf.maximum(n, 1) / tf.maximum(n - 1, 1)))


def _mean(x: Any, reduced: tuple[int, ...], total: Any) -> Any:
    """Returns the mean over some axes; of no values, zero. Where the batch may be empty a NaN would reach gradients."""
    if isinstance(total, int) and total > 0:
        return tf.reduce_mean(x, reduced, keepdims=True)
    return tf.reduce_sum(x, reduced, keepdims=True) / tf.cast(tf.maximum(total, 1), x.dtype)


def shares(x: Any, reduced: tuple[int, ...], weights: Any) -> tuple[Any, Any, Any]:
    """Returns the weights at full size along the reduced axes, their total, and weights / total."""
    sizes = tf.shape(x)
    own = tf.shape(weights)
    full = tf.broadcast_to(weights, tf.stack([sizes[i] if i in reduced else own[i] for i in range(x.shape.rank)]))
    total = tf.reduce_sum(full, reduced, keepdims=True)
    return full, total, tf.math.divide_no_nan(full, total)


def masked(used: Any, values: Any) -> Any:
    """Returns the values that are used, and 0 for the others."""
    return tf.where_v2(used, values, tf.zeros([], values.dtype))
