"""Every formula of batch normalization in NumPy float64, written for reading: the oracle of the tests.

Needs no TensorFlow. Inputs are arrays of any float dtype and are computed in float64; moments and averages have
shape ``[C]``, where C is the size of the channel axis.

Source: Ioffe and Szegedy, "Batch Normalization", 2015: algorithm 1 and the gradients that follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

Array = Any


class Statistics(NamedTuple):
    """A mean and a variance per channel."""

    mean: Array
    variance: Array


class Gradients(NamedTuple):
    """Gradients of a loss with respect to the arguments of a batch norm."""

    x: Array
    gamma: Array
    beta: Array


def moments(x: Array, axis: int = -1, *, bessel: bool = False) -> Statistics:
    """Returns mean and variance per channel over all other axes.

    mean = sum(x) / n;  variance = sum((x - mean)^2) / n, or / max(n - 1, 1) with ``bessel``

    Args:
      x: any rank from 1; ``axis`` holds the channels.
      axis: the channel axis.
      bessel: divides by n - 1, the unbiased estimate.
    """
    columns = _columns(x, axis)
    n = len(columns)
    mean = columns.sum(0) / n
    variance = np.square(columns - mean).sum(0) / (max(n - 1, 1) if bessel else n)
    return Statistics(mean, variance)


def normalize(
    x: Array, statistics: Statistics, gamma: Array = 1.0, beta: Array = 0.0, *, epsilon: float = 1e-3, axis: int = -1
) -> Array:
    """Returns (x - mean) / sqrt(variance + epsilon) * gamma + beta."""
    columns = _columns(x, axis)
    normal = (columns - _wide(statistics.mean)) / np.sqrt(_wide(statistics.variance) + epsilon)
    return _restored(normal * _wide(gamma) + _wide(beta), x, axis)


def batch_norm(x: Array, gamma: Array = 1.0, beta: Array = 0.0, *, epsilon: float = 1e-3, axis: int = -1) -> Array:
    """Returns ``x`` normalised by its own moments."""
    return normalize(x, moments(x, axis), gamma, beta, epsilon=epsilon, axis=axis)


def batch_gradients(x: Array, gamma: Array, dy: Array, *, epsilon: float = 1e-3, axis: int = -1) -> Gradients:
    """Returns the gradients of sum(dy * batch_norm(x, gamma, beta)): the moments depend on x.

    With xhat the normalised x, s = sqrt(variance + epsilon) and means over the batch:
    dx = gamma / s * (dy - mean(dy) - xhat * mean(dy * xhat));  dgamma = sum(dy * xhat);  dbeta = sum(dy)
    """
    statistics = moments(x, axis)
    xhat = _columns(normalize(x, statistics, epsilon=epsilon, axis=axis), axis)
    upstream = _columns(dy, axis)
    inner = upstream - upstream.mean(0) - xhat * (upstream * xhat).mean(0)
    dx = _wide(gamma) / np.sqrt(statistics.variance + epsilon) * inner
    return Gradients(_restored(dx, x, axis), (upstream * xhat).sum(0), upstream.sum(0))


def given_gradients(
    x: Array, statistics: Statistics, gamma: Array, dy: Array, *, epsilon: float = 1e-3, axis: int = -1
) -> Gradients:
    """Returns the gradients of sum(dy * normalize(x, statistics, gamma, beta)): the statistics are constants.

    dx = gamma / s * dy;  dgamma = sum(dy * xhat);  dbeta = sum(dy)
    """
    xhat = _columns(normalize(x, statistics, epsilon=epsilon, axis=axis), axis)
    upstream = _columns(dy, axis)
    dx = upstream * _wide(gamma) / np.sqrt(_wide(statistics.variance) + epsilon)
    return Gradients(_restored(dx, x, axis), (upstream * xhat).sum(0), upstream.sum(0))


def moving_averages(
    batches: Sequence[Array], decay: float, initial: Statistics, *, axis: int = -1, bessel: bool = False
) -> Statistics:
    """Returns the averages after the batches, one after the other; an empty batch moves nothing.

    average <- decay * average + (1 - decay) * batch
    """
    mean, variance = _start(initial)
    for batch in _filled(batches, axis, bessel):
        mean = decay * mean + (1 - decay) * batch.mean
        variance = decay * variance + (1 - decay) * batch.variance
    return Statistics(mean, variance)


def ema_averages(
    batches: Sequence[Array],
    decay: float,
    initial: Statistics,
    *,
    axis: int = -1,
    num_updates: float | None = None,
    zero_debias: bool = False,
) -> Statistics:
    """Returns what a ``tf.train.ExponentialMovingAverage`` keeps after the batches.

    Args:
      batches: in order.
      decay: share of the old average kept.
      initial: averages before the first batch.
      axis: the channel axis.
      num_updates: lowers the decay to min(decay, (1 + num_updates) / (10 + num_updates)).
      zero_debias: the weighted mean of the batches alone: the weight of batch i of N is decay^(N - i), and all
        weights are divided by their sum.
    """
    if num_updates is not None:
        decay = min(decay, (1 + num_updates) / (10 + num_updates))
    if not zero_debias:
        return moving_averages(batches, decay, initial, axis=axis)
    seen = list(_filled(batches, axis, False))
    if not seen:
        return Statistics(*_start(initial))
    weights = decay ** np.arange(len(seen) - 1, -1, -1, dtype=np.float64)
    weights /= weights.sum()
    return Statistics(weights @ np.stack([s.mean for s in seen]), weights @ np.stack([s.variance for s in seen]))


def cumulative_averages(
    batches: Sequence[Array], decay: float | None, initial: Statistics, *, axis: int = -1
) -> Statistics:
    """Returns the plain mean of the moments of all batches so far, whatever the decay; ``initial`` before the first."""
    del decay
    seen = list(_filled(batches, axis, False))
    if not seen:
        return Statistics(*_start(initial))
    return Statistics(np.mean([s.mean for s in seen], 0), np.mean([s.variance for s in seen], 0))


def unmoved(batches: Sequence[Array], decay: float | None, initial: Statistics) -> Statistics:
    """Returns the initial averages: the formula of a strategy that never moves."""
    del batches, decay
    return Statistics(*_start(initial))


class Trained(NamedTuple):
    """A batch normalised in training, and the moments that averages take in."""

    y: Array
    moments: Statistics


class Variant(NamedTuple):
    """Everything that a training batch can be normalised with, beside its own moments.

    Attributes:
      weights: broadcasts against the input, at least 0; None for ones. Values of weight 0 may be NaN.
      group_size: rows per ghost batch; row i belongs to group i mod (N / group_size).
      correction: maps a group's number and its statistics to r and d of batch renormalization.
      adjustment: a scale and an offset of the normalised values.
      axes: channel axes. Statistics have shape [C] for one, the input's rank with 1 elsewhere for several.
      epsilon: added to the variance.
      bessel: the moments for the averages have their variance multiplied by n / (n - 1).
    """

    weights: Array | None = None
    group_size: int | None = None
    correction: Callable[[int, Statistics], tuple[Array, Array]] | None = None
    adjustment: tuple[Array, Array] | None = None
    axes: tuple[int, ...] = (-1,)
    epsilon: float = 1e-3
    bessel: bool = False


ORDINARY = Variant()


def train(x: Array, gamma: Array = 1.0, beta: Array = 0.0, variant: Variant = ORDINARY) -> Trained:
    """Returns ``x`` normalised in groups by weighted moments, corrected and adjusted.

    Per group: p = w / sum(w);  mean = sum(p * x);  variance = sum(p * (x - mean)^2), both 0 where sum(w) is 0
    z = (x - mean) / sqrt(variance + epsilon) * r + d;  y = (z * scale + offset) * gamma + beta
    Moments are the mean over the groups whose total weight is above 0.
    """
    x = _wide(x)
    z, found = np.zeros_like(x), []
    for number, (rows, centred, share, total) in enumerate(_groups(x, variant)):
        variance = np.sum(share * np.square(centred), _reduced(x, variant), keepdims=True)
        mean = np.sum(share * np.where(share > 0, x[rows], 0), _reduced(x, variant), keepdims=True)
        r, d = (1.0, 0.0) if variant.correction is None else variant.correction(number, Statistics(mean, variance))
        z[rows] = centred / np.sqrt(variance + variant.epsilon) * r + d
        found.append((mean, variance, total))
    held = [(m, v) for m, v, total in found if total > 0] or [(0 * found[0][0], 0 * found[0][1])]
    mean, variance = (np.mean(part, 0) for part in zip(*held, strict=True))
    n = np.mean([total for _, _, total in found if total > 0] or [0.0])
    factor = max(n, 1) / max(n - 1, 1) if variant.bessel else 1.0
    scale, offset = (1.0, 0.0) if variant.adjustment is None else variant.adjustment
    y = (z * scale + offset) * _spread(gamma, x, variant) + _spread(beta, x, variant)
    return Trained(y, Statistics(_flat(mean, variant), _flat(variance, variant) * factor))


def train_gradients(x: Array, gamma: Array, dy: Array, variant: Variant = ORDINARY) -> Gradients:
    """Returns the gradients of sum(dy * train(x, gamma, beta).y); none flows through r and d.

    With dz = dy * gamma * scale, xhat = (x - mean) / s and the shares p of a group:
    dx = r / s * (dz - p * sum(dz) - p * xhat * sum(dz * xhat));  dgamma = sum(dy * (y - beta) / gamma)
    """
    x, dy = _wide(x), _wide(dy)
    scale, offset = (1.0, 0.0) if variant.adjustment is None else variant.adjustment
    dz, dx, z = dy * _spread(gamma, x, variant) * scale, np.zeros_like(x), np.zeros_like(x)
    axes = _reduced(x, variant)
    for number, (rows, centred, share, _) in enumerate(_groups(x, variant)):
        variance = np.sum(share * np.square(centred), axes, keepdims=True)
        mean = np.sum(share * np.where(share > 0, x[rows], 0), axes, keepdims=True)
        r, d = (1.0, 0.0) if variant.correction is None else variant.correction(number, Statistics(mean, variance))
        s = np.sqrt(variance + variant.epsilon)
        xhat, up = centred / s, dz[rows]
        inner = up - share * up.sum(axes, keepdims=True) - share * xhat * (up * xhat).sum(axes, keepdims=True)
        dx[rows] = np.where((share > 0) | np.isfinite(x[rows]), r / s * inner, 0)
        z[rows] = xhat * r + d
    dgamma = np.sum(dy * (z * scale + offset), axes, keepdims=True)
    return Gradients(dx, _flat(dgamma, variant), _flat(dy.sum(axes, keepdims=True), variant))


def averages_of(
    found: Sequence[Statistics | None],
    decay: float,
    initial: Statistics,
    *,
    num_updates: Sequence[float] | None = None,
    zero_debias: bool = False,
) -> Statistics:
    """Returns the averages after batches of these moments, one after the other; None moves nothing.

    average <- d * average + (1 - d) * batch, with d = min(decay, (1 + n) / (10 + n)) where ``num_updates`` gives n.
    With ``zero_debias`` the weight of the initial values is divided out, so that weights sum to one.
    """
    start = _start(initial)
    total, mean, variance = 0.0, 0 * start[0], 0 * start[1]
    left = 1.0
    for i, batch in enumerate(found):
        if batch is None:
            continue
        d = decay if num_updates is None else min(decay, (1 + num_updates[i]) / (10 + num_updates[i]))
        total, mean, variance = (
            d * old + (1 - d) * new for old, new in ((total, 1.0), (mean, batch[0]), (variance, batch[1]))
        )
        left *= d
    if zero_debias and total > 0:
        return Statistics(mean / total, variance / total)
    return Statistics(mean + left * start[0], variance + left * start[1])


def renorm_correction(
    batch: Statistics,
    references: tuple[Array, Array],
    *,
    rmin: float = 0.0,
    rmax: float = np.inf,
    dmax: float = np.inf,
    epsilon: float = 1e-3,
) -> tuple[Array, Array]:
    """Returns r = clip(s / reference, rmin, rmax) and d = clip((mean - reference mean) / reference, -dmax, dmax).

    s = sqrt(variance + epsilon); the reference deviation is at least sqrt(epsilon). Source: Ioffe, "Batch
    Renormalization", 2017, algorithm 1.
    """
    floor = np.maximum(references[1], np.sqrt(epsilon))
    r = np.clip(np.sqrt(batch.variance + epsilon) / floor, rmin, rmax)
    return r, np.clip((batch.mean - references[0]) / floor, -dmax, dmax)


def _groups(x: Array, variant: Variant) -> Any:
    """Yields of each group: its rows, its centred values, shares p of its weights, and its total weight."""
    weights = np.ones_like(x) if variant.weights is None else np.broadcast_to(_wide(variant.weights), x.shape)
    count = 1 if variant.group_size is None else len(x) // variant.group_size
    axes = _reduced(x, variant)
    for number in range(count):
        rows = slice(number, None, count)
        own, w = x[rows], weights[rows]
        totals = w.sum(axes, keepdims=True)
        share = np.divide(w, totals, out=np.zeros_like(w), where=totals > 0)
        mean = np.sum(share * np.where(w > 0, own, 0), axes, keepdims=True)
        yield rows, np.where((w > 0) | np.isfinite(own), own - mean, 0), share, float(totals.max(initial=0))


def _reduced(x: Array, variant: Variant) -> tuple[int, ...]:
    return tuple(i for i in range(x.ndim) if i not in [axis % x.ndim for axis in variant.axes])


def _spread(parameter: Array, x: Array, variant: Variant) -> Array:
    parameter = _wide(parameter)
    if len(variant.axes) > 1 or parameter.ndim == 0:
        return parameter
    return parameter.reshape([-1 if i == variant.axes[0] % x.ndim else 1 for i in range(x.ndim)])


def _flat(statistic: Array, variant: Variant) -> Array:
    return statistic if len(variant.axes) > 1 else statistic.reshape(-1)


def _columns(x: Array, axis: int) -> Array:
    x = np.moveaxis(np.asarray(x, np.float64), axis, -1)
    return x.reshape(-1, x.shape[-1])


def _restored(columns: Array, like: Array, axis: int) -> Array:
    shape = np.moveaxis(np.asarray(like, np.float64), axis, -1).shape
    return np.moveaxis(columns.reshape(shape), -1, axis)


def _wide(value: Array) -> Array:
    return np.asarray(value, np.float64)


def _start(initial: Statistics) -> tuple[Array, Array]:
    return _wide(initial[0]), _wide(initial[1])


def _filled(batches: Sequence[Array], axis: int, bessel: bool) -> Any:
    return (moments(batch, axis, bessel=bessel) for batch in batches if np.size(batch))
