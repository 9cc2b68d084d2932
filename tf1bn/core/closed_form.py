"""Normalisation by a batch's own moments, with its gradient in closed form.

With n values per channel, z = x - mean, s = 1 / sqrt(variance + epsilon) and a = gamma * s:
y = z * a + beta;  dbeta = sum(dy);  dgamma = s * sum(dy * z);
dx = a * (dy - sum(dy) / n - z * s^2 * sum(dy * z) / n).
Ioffe and Szegedy, "Batch Normalization", 2015, section 3, with the chain rule worked out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import derivatives, views
from tf1bn.core.axes import Axes
from tf1bn.core.values import Moments


def normalize(
    x: Any, gamma: Any, beta: Any, view: Callable[[Any], Any], epsilon: float, *, precise: bool = False
) -> tuple[Any, Moments]:
    """Returns (x - mean) / sqrt(variance + epsilon) * gamma + beta, and the batch's moments.

    Automatic differentiation goes back through the mean and through the variance, each in passes over the whole
    input; the closed form needs two sums and one combination. Gradients of the gradient are right as well: it is
    made of ordinary ops. No gradient flows into the moments.

    Args:
      x: float32 or float64.
      gamma, beta: one value per channel, in the shape of the parameters; or None.
      view: makes the view of a tensor of the shape of ``x``.
      epsilon: added to the variance.
      precise: whether values far from zero keep their precision. The mean of values near 1e4 rounds to about 1e-3
        in float32, and subtracting the rounded mean leaves that error in every output. The mean of the already
        centred values is exact to 1e-7, so what is left over is subtracted a second time.
    """
    raw = tf.raw_ops
    seen = view(x)
    parts = _parts(x, gamma, seen, epsilon, precise)
    y = raw.Mul(x=parts.z, y=parts.a)
    if beta is not None:
        y = raw.AddV2(x=y, y=seen.spread(seen.per_channel(beta)))

    def backward(dy: Any) -> list[Any]:
        dy = dy if dy.shape.rank is not None else tf.ensure_shape(dy, x.shape)
        dx, *of_parameters = _gradients(dy, parts, seen)
        return [dx, *(d for d, p in zip(of_parameters, (gamma, beta), strict=True) if p is not None)]

    parameters = [p for p in (gamma, beta) if p is not None]
    y = derivatives.replaced([seen.leave(y)], [x, *parameters], backward)[0]
    mean, variance = (tf.stop_gradient(seen.flat(statistic)) for statistic in (parts.mean, parts.variance))
    return y, Moments(mean, variance, seen.total)


def differentiable(found: Sequence[Any], dy: Any, x: Any, gamma: Any, axes: Axes, epsilon: float) -> list[Any]:
    """Returns gradients of x, gamma and beta that another kernel made, with the derivative of those made here."""

    def backward(*incoming: Any) -> list[Any]:
        sources = [tf.identity(source) for source in (dy, x, gamma)]
        of_y, wide, parameter = (tf.cast(s, tf.float32) if s.dtype.size < 4 else s for s in sources)
        seen = views.Whole(wide, axes)
        again = _gradients(of_y, _parts(wide, parameter, seen, epsilon, True), seen)
        return tf.gradients([tf.cast(a, f.dtype) for a, f in zip(again, found, strict=True)], sources, list(incoming))

    return derivatives.replaced(found, [dy, x, gamma], backward)


class _Parts(NamedTuple):
    """Values of the forward pass; z and a have the shape of the view."""

    z: Any
    s: Any
    a: Any
    mean: Any
    variance: Any


def _parts(x: Any, gamma: Any, seen: Any, epsilon: float, precise: bool) -> _Parts:
    raw = tf.raw_ops
    wide = seen.enter(x)
    mean = seen.mean(wide)
    z = raw.Sub(x=wide, y=seen.spread(mean))
    if precise:
        residual = seen.mean(z)
        z = raw.Sub(x=z, y=seen.spread(residual))
        mean = raw.AddV2(x=mean, y=residual)
    variance = seen.mean(raw.Square(x=z))
    s = raw.Rsqrt(x=raw.AddV2(x=variance, y=epsilon))
    a = seen.spread(s if gamma is None else raw.Mul(x=s, y=seen.per_channel(gamma)))
    return _Parts(z, s, a, mean, variance)


def _gradients(dy: Any, parts: _Parts, seen: Any) -> tuple[Any, Any, Any]:
    """Returns the gradients of x, gamma and beta."""
    raw = tf.raw_ops
    wide = seen.enter(dy)
    dbeta = seen.sum(wide)
    dgamma = raw.Mul(x=seen.sum(raw.Mul(x=wide, y=parts.z)), y=parts.s)
    along = raw.Mul(x=raw.Mul(x=dgamma, y=parts.s), y=seen.inverse)
    centred = raw.Sub(x=wide, y=seen.spread(raw.Mul(x=dbeta, y=seen.inverse)))
    dx = raw.Mul(x=raw.Sub(x=centred, y=raw.Mul(x=parts.z, y=seen.spread(along))), y=parts.a)
    return seen.leave(dx), seen.flat(dgamma), seen.flat(dbeta)
