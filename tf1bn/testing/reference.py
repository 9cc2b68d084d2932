"""Every formula of batch normalization in NumPy float64, written for reading: the oracle of the tests.

Needs no TensorFlow. Inputs are arrays of any float dtype and are computed in float64; moments and averages have
shape ``[C]``, where C is the size of the channel axis.

Source: Ioffe and Szegedy, "Batch Normalization", 2015: algorithm 1 and the gradients that follow it.
"""

from __future__ import annotations

from collections.abc import Sequence
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
