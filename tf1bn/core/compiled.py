"""Normalisation compiled by XLA: one function over rows of channels, of which TensorFlow makes the one backward."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import axes as axes_lib
from tf1bn.core import moments as batch
from tf1bn.core import plain, views
from tf1bn.core.axes import Axes
from tf1bn.core.plain import ORDINARY, Variant
from tf1bn.core.values import Moments
from tf1bn.core.variables import statistics_dtype


class Compiled(NamedTuple):
    """``tf.function(jit_compile=True)``, channels last.

    The first run of each shape compiles, which takes about 0.3 seconds per layer, twice that with gradients.
    An input of another size compiles anew, so a batch of varying size is better left to the other kernels.

    In a graph that was imported, TensorFlow differentiates a function once: the gradient of a gradient raises its
    LookupError there. All other kernels are made of ops, and have derivatives of every order.
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
        compiled = functools.partial(_forward, axes=flat, epsilon=epsilon)
        y, *moments = tf.function(compiled, jit_compile=True, autograph=False)(rows, gamma, beta)
        shift, residual, variance = (tf.stop_gradient(part) for part in moments)
        return views.shaped_like(y, x), Moments(shift + residual, variance, batch.count(x, axes, dtype))

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        return plain.PLAIN.infer(x, axes, moments, gamma, beta, epsilon)


def available() -> bool:
    """Returns whether this TensorFlow has the compiler."""
    return tf.test.is_built_with_xla()


def _forward(x: Any, gamma: Any, beta: Any, *, axes: Axes, epsilon: float) -> tuple[Any, ...]:
    wide = plain.widen(x)
    found = batch.centre(wide, axes.reduced, batch.count(x, axes, wide.dtype))
    shift, residual, variance = (tf.reshape(part, [-1]) for part in found[1:4])
    a = tf.rsqrt(variance + epsilon) * gamma
    return tf.cast(found.rest * a + (beta - residual * a), x.dtype), shift, residual, variance
