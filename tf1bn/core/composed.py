"""Normalisation by a batch's own moments, in ops whose stock gradients are right and few.

With n values per channel, z = x - mean and a = gamma / sqrt(mean(z^2) + epsilon): y = z * a + beta. Ioffe and Szegedy,
"Batch Normalization", 2015, section 3.

A gradient that is registered in Python stays behind when a graph is saved, so the gradient is left to TensorFlow, and
the formula is written so that this costs little beside the closed form. A statistic is a sum times 1 / n, since the
gradient of a mean divides at full size. What is added per channel is added as a bias, whose gradient is the one fast op
that sums columns. And the mean is added negated: the gradient of a difference negates at full size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core.values import Moments


def normalize(
    x: Any, gamma: Any, beta: Any, view: Callable[[Any], Any], epsilon: float, *, precise: bool = False
) -> tuple[Any, Moments]:
    """Returns (x - mean) / sqrt(variance + epsilon) * gamma + beta, and the batch's moments.

    No gradient flows into the moments that are returned.

    Args:
      x: float32 or float64.
      gamma, beta: one value per channel, in the shape of the parameters; or None.
      view: makes the view of a tensor of the shape of ``x``.
      epsilon: added to the variance.
      precise: whether values far from zero keep their precision, see :func:`centred`.
    """
    raw = tf.raw_ops
    seen = view(x)
    z, mean, residual, variance = centred(seen.enter(x), seen, precise=precise)
    s = raw.Rsqrt(x=raw.AddV2(x=variance, y=epsilon))
    a = s if gamma is None else raw.Mul(x=s, y=seen.per_channel(gamma))
    y = raw.Mul(x=z, y=seen.spread(a))
    offset = None if beta is None else seen.per_channel(beta)
    if residual is not None:
        lower = raw.Mul(x=residual, y=a)
        offset = raw.Neg(x=lower) if offset is None else raw.Sub(x=offset, y=lower)
        mean = raw.AddV2(x=mean, y=residual)
    y = y if offset is None else seen.add(y, offset)
    mean, variance = (tf.stop_gradient(seen.flat(statistic)) for statistic in (mean, variance))
    return seen.leave(y), Moments(mean, variance, seen.total)


def centred(wide: Any, seen: Any, *, precise: bool) -> tuple[Any, Any, Any, Any]:
    """Returns the input in its view minus its rounded mean, that mean, what is left of it, and the variance.

    The mean of values near 1e4 rounds to about 1e-3 in float32, and subtracting the rounded mean leaves that error in
    every output. The mean of the already centred values is exact to 1e-7, so where precision is asked for, it is what
    is left to be subtracted; else that is None. But for rounding it is zero whatever the input, so it is a constant.
    """
    raw = tf.raw_ops
    mean = seen.mean(wide)
    z = seen.add(wide, raw.Neg(x=mean))
    variance = seen.mean(raw.Square(x=z))
    if not precise:
        return z, mean, None, variance
    residual = tf.stop_gradient(seen.mean(z))
    variance = raw.Maximum(x=raw.Sub(x=variance, y=raw.Square(x=residual)), y=tf.constant(0.0, wide.dtype))
    return z, mean, residual, variance
