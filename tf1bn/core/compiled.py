"""Normalisation compiled by XLA: one function forward and one backward, over rows of channels."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import axes as axes_lib
from tf1bn.core import closed_form, derivatives, plain, views
from tf1bn.core import moments as batch
from tf1bn.core.axes import Axes
from tf1bn.core.plain import ORDINARY, Variant
from tf1bn.core.values import Moments
from tf1bn.core.variables import statistics_dtype


class Compiled(NamedTuple):
    """``tf.function(jit_compile=True)``, channels last.

    The first run of each shape compiles, which takes about 0.3 seconds per layer, twice that with gradients.
    An input of another size compiles anew, so a batch of varying size is better left to the other kernels.
    """

    name: str = "xla"
    precise: bool = True

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        count = x.shape[:-1].num_elements()
        rows = tf.reshape(x, [-1 if count is None else count, x.shape.as_list()[-1]])
        dtype = statistics_dtype(x.dtype)
        gamma = tf.ones(axes.parameter_shape, dtype) if gamma is None else gamma
        beta = tf.zeros(axes.parameter_shape, dtype) if beta is None else beta
        flat = axes_lib.resolve(tuple(rows.shape.as_list()), -1)
        y, *moments = _compiled(_forward, flat, epsilon)(rows, gamma, beta)

        def backward(dy: Any) -> Any:
            # A function takes tensors of the graph in which it is called, and in a branch gradients have their own.
            here = [tf.identity(part) for part in (rows, gamma, *moments)]
            found = _compiled(_backward, flat, epsilon)(dy, *here)
            return closed_form.differentiable(found, dy, rows, gamma, flat, epsilon)

        y = derivatives.replaced([y], [rows, gamma, beta], backward)[0]
        shift, residual, variance = (tf.stop_gradient(part) for part in moments)
        return views.shaped_like(y, x), Moments(shift + residual, variance, batch.count(x, axes, dtype))

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        return plain.PLAIN.infer(x, axes, moments, gamma, beta, epsilon)


def available() -> bool:
    """Returns whether this TensorFlow has the compiler."""
    return tf.test.is_built_with_xla()


def _compiled(function: Any, axes: Axes, epsilon: float) -> Any:
    return tf.function(functools.partial(function, axes=axes, epsilon=epsilon), jit_compile=True, autograph=False)


def _forward(x: Any, gamma: Any, beta: Any, *, axes: Axes, epsilon: float) -> tuple[Any, ...]:
    wide = plain.widen(x)
    found = batch.centre(wide, axes.reduced, batch.count(x, axes, wide.dtype), differentiated=False)
    shift, residual, variance = (tf.reshape(part, [-1]) for part in found[1:4])
    a = tf.rsqrt(variance + epsilon) * gamma
    return tf.cast(found.rest * a + (beta - residual * a), x.dtype), shift, residual, variance


def _backward(
    dy: Any, x: Any, gamma: Any, shift: Any, residual: Any, variance: Any, *, axes: Axes, epsilon: float
) -> tuple[Any, ...]:
    wide = plain.widen(dy)
    s = tf.rsqrt(variance + epsilon)
    z = ((plain.widen(x) - shift) - residual) * s
    dbeta, dgamma = tf.reduce_sum(wide, 0), tf.reduce_sum(wide * z, 0)
    n = tf.maximum(tf.cast(batch.count(x, axes, wide.dtype), wide.dtype), 1)
    return tf.cast((wide - dbeta / n - z * (dgamma / n)) * (s * gamma), x.dtype), dgamma, dbeta
