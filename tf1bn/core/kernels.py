"""Which implementation normalises with batch moments, and which with given ones.

A kernel is a pair of functions with one signature; all give the same outputs, moments (variance divided by
the count) and gradients within rounding, so the choice is one of speed only. :func:`choose` is the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import closed_form, groups
from tf1bn.core import moments as batch
from tf1bn.core import normalize as given
from tf1bn.core.axes import Axes
from tf1bn.core.values import Moments

# From here on TensorFlow's fused kernel beats composed ops on CPU; below, its thread hand-over costs more
# than the whole normalisation. With channels that are no multiple of four it falls back to slow code.
FUSED_FROM_ELEMENTS = 131072
FUSED_FROM_ELEMENTS_PER_ROW = 4096
FUSED_CHANNEL_MULTIPLE = 4

# The fused kernel sums raw values in float32. Where the mean is this many standard deviations from zero, the rounding
# of that sum begins to show in the variance (8 times too large at 10000 and 131072 values), so the input is shifted.
FAR_FROM_ZERO = 30.0
SAMPLE_ROWS = 4


class Variant(NamedTuple):
    """What else takes part in the normalisation of a training batch; all None for the ordinary case.

    Attributes:
      weights: tensor of the input's rank with size 1 at the channel axes.
      group_size: rows per ghost batch.
      correct: maps the batch's mean and standard deviation, shaped to broadcast, to r and d of batch
        renormalization.
      adjust: maps the dynamic shape of the input to a scale and an offset of the normalised values.
      centre: maps the input, its geometry and the weights to the input centred by moments of more than this input,
        for batches that are split over devices; not together with ``group_size``.
    """

    weights: Any = None
    group_size: int | None = None
    correct: Callable[[Any, Any], tuple[Any, Any]] | None = None
    adjust: Callable[[Any], tuple[Any, Any]] | None = None
    centre: Callable[[Any, Axes, Any], batch.Centred] | None = None


ORDINARY = Variant()


class Kernel(Protocol):
    """Normalises one input; gamma and beta may be None."""

    @property
    def name(self) -> str:
        """What messages and records call it."""

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        """Returns x normalised by its own moments, and these; no gradient flows into the moments."""

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        """Returns x normalised by given moments."""


class Plain(NamedTuple):
    """Composed TensorFlow ops: any rank, axis, dtype and variant; half precision is computed in float32."""

    name: str = "plain"

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        if _is_ordinary(variant):
            return _ordinary(x, axes, gamma, beta, epsilon)
        found, shape = _centred(widen(x), axes, variant)
        scale = tf.rsqrt(found.variance + epsilon)
        offset = -found.residual * scale
        if variant.correct is not None:
            r, d = variant.correct(found.shift + found.residual, tf.sqrt(found.variance + epsilon))
            scale, offset = scale * r, offset * r + d
        if variant.adjust is None:
            y = _affine(found.rest, scale, offset, gamma, beta, shape)
            y = groups.join(y, x) if variant.group_size else y
        else:
            z = found.rest * scale + offset
            z = groups.join(z, x) if variant.group_size else z
            y = _affine(z, *_adjustment(variant, x, z.dtype), gamma, beta, axes.broadcast_shape)
            y.set_shape(x.shape)
        return tf.cast(y, x.dtype), _kept(found, axes, variant)

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        return tf.cast(given.normalize(widen(x), axes, moments, gamma, beta, epsilon), x.dtype)


class Fused(NamedTuple):
    """``tf.nn.fused_batch_norm``: rank 4, channels last, float32 and half precision."""

    name: str = "fused"

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        x, shift = _near_zero(x)
        y, mean, variance = tf.nn.fused_batch_norm(x, *_filled(gamma, beta, axes), epsilon=epsilon, is_training=True)
        n = batch.count(x, axes, tf.float32)
        # The kernel returns variance * n / (n - 1), and no gradient flows through its statistics.
        biased = variance * ((n - 1) / n if isinstance(n, int) else (n - 1) / tf.maximum(n, 1))
        return y, Moments(tf.stop_gradient(mean + shift), tf.stop_gradient(biased), n)

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        y, _, _ = tf.nn.fused_batch_norm(
            x, *_filled(gamma, beta, axes), moments.mean, moments.variance, epsilon=epsilon, is_training=False
        )
        return y


PLAIN, FUSED = Plain(), Fused()


def choose(dims: tuple[int | None, ...], dtype: tf.DType, axes: Axes, variant: Variant = ORDINARY) -> Kernel:
    """Returns the kernel for an input of static shape ``dims``; every variant is composed of plain ops."""
    fits = len(dims) == 4 and axes.kept == (3,) and dtype in (tf.float32, tf.float16, tf.bfloat16)
    if not _is_ordinary(variant) or not fits or dims[3] % FUSED_CHANNEL_MULTIPLE:
        return PLAIN
    if None not in dims:
        return FUSED if math.prod(dims) >= FUSED_FROM_ELEMENTS else PLAIN
    large = None not in dims[1:] and math.prod(dims[1:]) >= FUSED_FROM_ELEMENTS_PER_ROW
    return FUSED if large else PLAIN


def moments(x: Any, axes: Axes, variant: Variant = ORDINARY) -> Moments:
    """Returns what ``train`` returns beside the normalised input, where nothing is normalised by it."""
    found, _ = _centred(widen(x), axes, variant)
    return _kept(found, axes, variant)


def _is_ordinary(variant: Variant) -> bool:
    return all(part is None for part in variant)


def widen(x: Any) -> Any:
    """Returns half precision as float32, everything else as it is."""
    return tf.cast(x, tf.float32) if x.dtype.size < 4 else x


def _ordinary(x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Moments]:
    """Returns what ``Plain.train`` does where nothing else takes part, by the faster closed form."""
    wide = widen(x)
    gamma, beta = (None if p is None else given.shaped(p, axes.broadcast_shape) for p in (gamma, beta))
    total = batch.count(wide, axes, wide.dtype)
    y, found = closed_form.normalize(wide, gamma, beta, axes.reduced, total, epsilon)
    return tf.cast(y, x.dtype), _kept(found, axes, ORDINARY)


def _centred(x: Any, axes: Axes, variant: Variant) -> tuple[batch.Centred, tuple[int, ...]]:
    """Returns the input centred, in groups if asked for, and the shape in which parameters broadcast against it."""
    weights, size = variant.weights, variant.group_size
    if variant.centre is not None:
        return variant.centre(x, axes, weights), axes.broadcast_shape
    if size is None:
        n = batch.count(x, axes, x.dtype) if weights is None else None
        return batch.centre(x, axes.reduced, n, weights), axes.broadcast_shape
    if weights is not None:
        weights = groups.split(weights + tf.zeros_like(x[(slice(None), *[slice(0, 1)] * (axes.rank - 1))]), size)
    split = groups.split(x, size)
    reduced = groups.reduced(axes)
    n = None
    if weights is None:
        inner = [x.shape.as_list()[i] for i in axes.reduced if i > 0]
        n = size * (math.prod(inner) if None not in inner else tf.reduce_prod(tf.gather(tf.shape(split), reduced[1:])))
        n = n if isinstance(n, int) else tf.cast(n, x.dtype)
    return batch.centre(split, reduced, n, weights), groups.broadcast_shape(axes)


def _near_zero(x: Any) -> tuple[Any, Any]:
    """Returns the input of the fused kernel, shifted where its mean is far from zero, and the shift ``[C]``.

    Trick: a shift always costs a fifth of the step, so a few rows of one example decide in each run whether there is
    one. The derivative is one in both cases, and said to be so, which spares the gradient a second conditional.
    """
    middle = max(x.shape.as_list()[1] // 2 - SAMPLE_ROWS // 2, 0)
    sample = tf.stop_gradient(tf.cast(x[:1, middle : middle + SAMPLE_ROWS], tf.float32))
    centre = tf.reduce_mean(sample, (0, 1, 2))
    spread = tf.reduce_mean(tf.square(sample - centre), (0, 1, 2))
    far = tf.reduce_any(tf.square(centre) > FAR_FROM_ZERO**2 * spread)
    # The input has the shift's precision, so that the difference is exact.
    shift = tf.cast(tf.where_v2(far, centre, tf.zeros_like(centre)), x.dtype)

    @tf.custom_gradient
    def shifted(x: Any) -> tuple[Any, Any]:
        return tf.cond(far, lambda: x - shift, lambda: tf.identity(x)), lambda dy: dy

    y = shifted(x)
    y.set_shape(x.shape)
    return y, tf.cast(shift, tf.float32)


def _affine(z: Any, scale: Any, offset: Any, gamma: Any, beta: Any, shape: tuple[int, ...]) -> Any:
    """Returns (z * scale + offset) * gamma + beta with the small factors multiplied first."""
    if gamma is not None:
        gamma = given.shaped(gamma, shape)
        scale, offset = scale * gamma, offset * gamma
    if beta is not None:
        offset = offset + given.shaped(beta, shape)
    return z * scale + offset


def _adjustment(variant: Variant, x: Any, dtype: tf.DType) -> tuple[Any, Any]:
    found = variant.adjust(tf.shape(x))
    if not isinstance(found, (list, tuple)) or len(found) != 2:
        raise errors.ArgumentTypeError(
            errors.explain("`adjustment` returned something else", got=found, expected="a pair (scale, offset)")
        )
    return tf.cast(found[0], dtype), tf.cast(found[1], dtype)


def _kept(found: batch.Centred, axes: Axes, variant: Variant) -> Moments:
    """Returns the moments that averages take in: those of the batch, or the mean over its groups."""
    mean, variance = tf.stop_gradient(found.shift + found.residual), tf.stop_gradient(found.variance)
    shape, total = axes.parameter_shape, found.total
    if variant.group_size is not None:
        mean, variance = (groups.average(statistic, total, shape) for statistic in (mean, variance))
        total = total if variant.weights is None else groups.average(total, total, ())
    elif variant.weights is not None:
        total = tf.reshape(total, [])
    return Moments(tf.reshape(mean, shape), tf.reshape(variance, shape), total)


def _filled(gamma: Any, beta: Any, axes: Axes) -> tuple[Any, Any]:
    """The fused kernel wants both parameters; a missing one is a constant."""
    return (
        tf.ones(axes.parameter_shape) if gamma is None else gamma,
        tf.zeros(axes.parameter_shape) if beta is None else beta,
    )
