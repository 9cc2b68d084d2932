"""What the native ops compute, in TensorFlow's own ops: portable, differentiable any number of times, and slower."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


def normalize(
    x: Any,
    gamma: Any,
    beta: Any,
    average_mean: Any,
    average_variance: Any,
    weights: Any,
    is_training: Any,
    *,
    rank: int,
    epsilon: float,
    relu: bool,
    averages: bool,
    bessel: bool,
    guarded: bool,
) -> list[Any]:
    """Returns the outputs of the op, in its order.

    Args:
      is_training: True, or a scalar bool tensor.
    """
    axes = tf.constant(list(range(rank - 1)))
    wide = tf.cast(x, gamma.dtype) if x.dtype != gamma.dtype else x
    n = tf.cast(tf.size(x, out_type=tf.int64) // tf.maximum(tf.size(gamma, out_type=tf.int64), 1), gamma.dtype)
    share = 1.0 / tf.maximum(n, 1.0)

    def chosen(of_batch: Any, given: Any) -> Any:
        return of_batch if is_training is True else tf.where_v2(is_training, of_batch, given)

    kept, rate, by_rounding = tf.unstack(weights, num=3)

    first = chosen(tf.reduce_sum(wide, axes) * share, average_mean)
    # The rounding of a mean far from zero is subtracted a second time.
    rest = wide - first
    left = chosen(tf.reduce_sum(rest, axes) * share, tf.zeros_like(gamma))
    z = rest - left
    variance = chosen(tf.reduce_sum(tf.square(z), axes) * share, average_variance)
    mean = first + left
    inverse = tf.rsqrt(variance + epsilon)
    y = z * (inverse * gamma) + beta
    y = tf.nn.relu(y) if relu else y
    y = tf.cast(y, x.dtype) if y.dtype != x.dtype else y
    values = tf.fill(tf.shape(gamma), chosen(tf.where_v2(n > 0, share, tf.zeros_like(n)), tf.zeros_like(n)))
    saved = tf.stack([first, left, inverse, values])
    moves = n > 0 if is_training is True else tf.logical_and(is_training, n > 0)
    if guarded:
        sound = tf.is_finite(mean) & tf.is_finite(variance) & (variance >= 0)
        moves = moves & tf.reduce_all(sound) & (kept >= 0) & (kept <= 1)
    factor = n / tf.maximum(n - 1.0, 1.0) if bessel else 1.0
    shares = [mean * rate, variance * factor * rate]
    if averages:
        shares = [
            tf.where_v2(tf.equal(by_rounding, 0), share, share - average * by_rounding)
            for share, average in zip(shares, (average_mean, average_variance), strict=True)
        ]
    shares = [tf.where_v2(moves, share, -tf.zeros_like(gamma)) for share in shares]
    return [y, mean, variance, *shares, tf.where_v2(moves, kept, tf.ones_like(kept)), saved]


def gradient(dy: Any, x: Any, gamma: Any, beta: Any, saved: Any, *, rank: int, epsilon: float, relu: bool) -> list[Any]:
    """Returns the outputs of the gradient op, in its order, so that their own derivatives are right.

    For that the moments are made from ``x`` once more. Where they were given, the share of a value in them is zero.
    """
    axes = tf.constant(list(range(rank - 1)))
    first, left, inverse, share = tf.unstack(saved, num=4)
    given = share <= 0
    dtype = gamma.dtype
    wide, wide_dy = (tf.cast(t, dtype) if t.dtype != dtype else t for t in (x, dy))
    rest = (wide - first) - left
    z = rest - tf.reduce_sum(rest, axes) * share
    variance = tf.reduce_sum(tf.square(z), axes) * share
    s = tf.where_v2(given, inverse, tf.rsqrt(variance + epsilon))
    if relu:
        wide_dy = tf.where_v2(z * (s * gamma) + beta > 0, wide_dy, tf.zeros_like(wide_dy))
    dbeta = tf.reduce_sum(wide_dy, axes)
    dgamma = tf.reduce_sum(wide_dy * z, axes) * s
    dx = (wide_dy - (dbeta * share + z * (s * dgamma * share))) * (s * gamma)
    return [tf.cast(dx, x.dtype) if x.dtype != dtype else dx, dgamma, dbeta]
