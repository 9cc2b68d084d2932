"""Normalisation in composed TensorFlow ops: any rank, axes, dtype and variant; half precision in float32."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import composed, groups, views
from tf1bn.core import moments as batch
from tf1bn.core import normalize as given
from tf1bn.core.axes import Axes
from tf1bn.core.values import Moments
from tf1bn.core.variables import statistics_dtype


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

    @property
    def ordinary(self) -> bool:
        """Whether nothing else takes part."""
        return all(part is None for part in self)


ORDINARY = Variant()


class Plain(NamedTuple):
    """The input as it is; every variant, of which those that are not ordinary are always precise."""

    name: str = "plain"
    precise: bool = False

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        if variant.ordinary:
            view = functools.partial(views.Whole, axes=axes)
            return by_own_moments(x, axes, gamma, beta, epsilon, view, precise=self.precise)
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


PLAIN = Plain()


class Wide(NamedTuple):
    """Several rows seen as one; nothing else may take part."""

    name: str = "wide"
    precise: bool = False

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        k = views.rows_per_row(tuple(x.shape.as_list()), axes)
        view = functools.partial(views.Wide, axes=axes, k=k)
        return by_own_moments(x, axes, gamma, beta, epsilon, view, precise=self.precise)

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        return PLAIN.infer(x, axes, moments, gamma, beta, epsilon)


def moments(x: Any, axes: Axes, variant: Variant = ORDINARY) -> Moments:
    """Returns what ``train`` returns beside the normalised input, where nothing is normalised by it."""
    found, _ = _centred(widen(x), axes, variant)
    return _kept(found, axes, variant)


def widen(x: Any) -> Any:
    """Returns half precision as float32, everything else as it is."""
    return x if x.dtype == statistics_dtype(x.dtype) else tf.cast(x, tf.float32)


def by_own_moments(
    x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, view: Callable[[Any], Any], *, precise: bool
) -> tuple[Any, Moments]:
    """Returns what ``train`` does where nothing else takes part, on a view of the input."""
    wide = widen(x)
    y, moments = composed.normalize(wide, gamma, beta, view, epsilon, precise=precise)
    return y if y.dtype == x.dtype else tf.cast(y, x.dtype), moments


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
