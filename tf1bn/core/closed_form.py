"""Normalisation by a batch's own moments, with its gradient in closed form.

With n values per channel, z = x - mean, s = 1 / sqrt(variance + epsilon) and a = gamma * s:
y = z * a + beta;  dbeta = sum(dy);  dgamma = s * sum(dy * z);
dx = a * (dy - sum(dy) / n - z * s^2 * sum(dy * z) / n).
Ioffe and Szegedy, "Batch Normalization", 2015, section 3, with the chain rule worked out.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core import moments as batch


def normalize(
    x: Any, gamma: Any, beta: Any, reduced: tuple[int, ...], total: Any, epsilon: float
) -> tuple[Any, batch.Centred]:
    """Returns (x - mean) / sqrt(variance + epsilon) * gamma + beta, and the batch's moments.

    Automatic differentiation goes back through the mean and through the variance, each in passes over the whole
    input; the closed form needs two sums and one combination. Gradients of the gradient are right as well: it is
    made of ordinary ops.

    Args:
      x: float32 or float64.
      gamma, beta: tensors that broadcast against ``x``, one value per channel; or None.
      reduced: the axes to average over.
      total: number of values per channel.
    """
    parameters = {name: value for name, value in (("gamma", gamma), ("beta", beta)) if value is not None}
    found: list[batch.Centred] = []

    @tf.custom_gradient
    def forward(x: Any, *values: Any) -> Any:
        given = dict(zip(parameters, values, strict=True))
        centred = batch.centre(x, reduced, total, differentiated=False)
        found.append(centred)
        s = tf.rsqrt(centred.variance + epsilon)
        a = s * given["gamma"] if "gamma" in given else s
        offset = given["beta"] - centred.residual * a if "beta" in given else -centred.residual * a

        def backward(dy: Any) -> Any:
            dx, sums = _gradients(dy, centred, s, a, reduced)
            return [dx, *(tf.reshape(sums[name], tf.shape(value)) for name, value in given.items())]

        return centred.rest * a + offset, backward

    y = forward(x, *parameters.values())
    y.set_shape(x.shape)
    return y, found[0]


def _gradients(dy: Any, centred: batch.Centred, s: Any, a: Any, reduced: tuple[int, ...]) -> tuple[Any, dict[str, Any]]:
    """Returns dx, and the sums that are the gradients of gamma and beta.

    Trick: z = rest - residual, so dx = dy * a + rest * k + m with one k and one m per channel.
    """
    n = tf.maximum(tf.cast(centred.total, dy.dtype), 1.0)
    sum_dy = tf.reduce_sum(dy, reduced, keepdims=True)
    sum_dyz = tf.reduce_sum(dy * centred.rest, reduced, keepdims=True) - centred.residual * sum_dy
    k = -a * tf.square(s) * sum_dyz / n
    m = -a * sum_dy / n - k * centred.residual
    return dy * a + (centred.rest * k + m), {"gamma": sum_dyz * s, "beta": sum_dy}
