"""Which implementation normalises with batch moments, and which with given ones.

A kernel is a pair of functions with one signature; all give the same outputs, moments (variance divided by
the count) and gradients within rounding, so the choice is one of speed only. :func:`choose` is the table.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import tensorflow.compat.v1 as tf

from tf1bn.core import moments as batch
from tf1bn.core import normalize as given
from tf1bn.core.axes import Axes
from tf1bn.core.values import Moments

# From here on TensorFlow's fused kernel beats composed ops on CPU; below, its thread hand-over costs more
# than the whole normalisation. With channels that are no multiple of four it falls back to slow code.
FUSED_FROM_ELEMENTS = 131072
FUSED_FROM_ELEMENTS_PER_ROW = 4096
FUSED_CHANNEL_MULTIPLE = 4


class Kernel(Protocol):
    """Normalises one input; gamma and beta may be None."""

    @property
    def name(self) -> str:
        """What messages and records call it."""

    def train(self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Moments]:
        """Returns x normalised by its own moments, and these; no gradient flows into the moments."""

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        """Returns x normalised by given moments."""


class Plain(NamedTuple):
    """Composed TensorFlow ops: any rank, axis and dtype; half precision is computed in float32."""

    name: str = "plain"

    def train(self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Moments]:
        wide = widen(x)
        rest, shift, residual = batch.centred(wide, axes)
        variance = tf.maximum(
            tf.reduce_mean(tf.square(rest), axes.reduced, keepdims=True) - tf.square(residual), 0.0
        )
        scale = given.multiplier(variance, _shaped(gamma, axes), epsilon)
        offset = -residual * scale if beta is None else _shaped(beta, axes) - residual * scale
        moments = Moments(
            tf.reshape(tf.stop_gradient(shift + residual), axes.parameter_shape),
            tf.reshape(tf.stop_gradient(variance), axes.parameter_shape),
            batch.count(x, axes, wide.dtype),
        )
        return tf.cast(rest * scale + offset, x.dtype), moments

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        return tf.cast(given.normalize(widen(x), axes, moments, gamma, beta, epsilon), x.dtype)


class Fused(NamedTuple):
    """``tf.nn.fused_batch_norm``: rank 4, channels last, float32 and half precision."""

    name: str = "fused"

    def train(self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Moments]:
        y, mean, variance = tf.nn.fused_batch_norm(x, *_filled(gamma, beta, axes), epsilon=epsilon, is_training=True)
        n = batch.count(x, axes, tf.float32)
        # The kernel returns variance * n / (n - 1), and no gradient flows through its statistics.
        biased = variance * ((n - 1) / n if isinstance(n, int) else (n - 1) / tf.maximum(n, 1))
        return y, Moments(tf.stop_gradient(mean), tf.stop_gradient(biased), n)

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        y, _, _ = tf.nn.fused_batch_norm(
            x, *_filled(gamma, beta, axes), moments.mean, moments.variance, epsilon=epsilon, is_training=False
        )
        return y


PLAIN, FUSED = Plain(), Fused()


def choose(dims: tuple[int | None, ...], dtype: tf.DType, axes: Axes) -> Kernel:
    """Returns the kernel for an input of static shape ``dims``."""
    channels = axes.parameter_shape[0]
    fits = len(dims) == 4 and axes.trailing and dtype in (tf.float32, tf.float16, tf.bfloat16)
    if not fits or channels % FUSED_CHANNEL_MULTIPLE:
        return PLAIN
    if None not in dims:
        return FUSED if math.prod(dims) >= FUSED_FROM_ELEMENTS else PLAIN
    large = None not in dims[1:] and math.prod(dims[1:]) >= FUSED_FROM_ELEMENTS_PER_ROW
    return FUSED if large else PLAIN


def widen(x: Any) -> Any:
    """Returns half precision as float32, everything else as it is."""
    return tf.cast(x, tf.float32) if x.dtype.size < 4 else x


def _shaped(parameter: Any, axes: Axes) -> Any:
    return None if parameter is None else given.broadcast(parameter, axes)


def _filled(gamma: Any, beta: Any, axes: Axes) -> tuple[Any, Any]:
    """The fused kernel wants both parameters; a missing one is a constant."""
    return (
        tf.ones(axes.parameter_shape) if gamma is None else gamma,
        tf.zeros(axes.parameter_shape) if beta is None else beta,
    )
