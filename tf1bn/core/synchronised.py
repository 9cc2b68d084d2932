"""Moments of a batch that is split over several members: devices, towers, replicas or machines.

A *member* holds a shard of the batch, which may be of any size, also empty. Members exchange sums only. Each of
them ends with the same moments: those of all shards together, which is what one device would have computed.

Chan, Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983: why sums of squares are taken of
values that are centred already, and how moments of parts are combined.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import moments as batch
from tf1bn.core import place
from tf1bn.core.axes import Axes
from tf1bn.core.values import Moments

AllSum = Callable[[list[Any]], list[Any]]
"""Maps this member's tensors to their sums over all members; the gradient of a sum is the sum of the gradients."""


class Shard(NamedTuple):
    """The part of a batch that one member holds.

    Attributes:
      x: float32 or float64.
      axes: its geometry.
      weights: None, or a tensor of the rank of ``x`` with size 1 at the channel axes.
      device: where its part is computed; None for the current device.
    """

    x: Any
    axes: Axes
    weights: Any = None
    device: str | None = None

    def here(self) -> contextlib.AbstractContextManager[Any]:
        """Enters the shard's device."""
        return place.on_device(self.device)


def alone(tensors: list[Any]) -> list[Any]:
    """Sums over the only member there is."""
    return tensors


def two_rounds(shards: Sequence[Shard], all_sum: AllSum) -> list[batch.Centred]:
    """Returns each shard centred by the moments of all shards, of this and of the other members.

    Round 1: n = sum(w), shift = sum(w * x) / n.  Round 2, with rest = x - shift: residual = sum(w * rest) / n and
    variance = sum(w * rest^2) / n - residual^2. The shift carries no gradient, since the sum of both does not depend
    on it; so the gradient needs one round only, that of the second one's sums.
    """
    opened = [_Opened.of(shard) for shard in shards]
    total, first = _summed([[part.count, part.values()] for part in opened], shards, all_sum)
    shift = tf.stop_gradient(tf.math.divide_no_nan(first, total))
    rests = [part.rest(shift) for part in opened]
    sums = [part.sums(rest) for part, rest in zip(opened, rests, strict=True)]
    one, two = _summed(sums, shards, all_sum)
    residual = tf.math.divide_no_nan(one, total)
    variance = tf.maximum(tf.math.divide_no_nan(two, total) - tf.square(residual), 0.0)
    return [batch.Centred(rest, shift, residual, variance, total) for rest in rests]


def one_round(shard: Shard, gather: AllSum) -> batch.Centred:
    """Returns the shard centred by the moments of all members' shards, exchanging its own moments only.

    Each member centres by its own mean. With n_i values, mean m_i and sum M_i of squared differences from it:
    mean = sum(n_i * m_i) / n;  variance = sum(M_i + n_i * (m_i - mean)^2) / n. Means are taken as differences from
    a rounded mean of all, so that they keep their digits where the mean is far from zero.

    Args:
      gather: maps this member's tensors to those of all members, stacked along a new first axis, with a gradient.
    """
    part = _Opened.of(shard)
    shift = tf.stop_gradient(tf.math.divide_no_nan(part.values(), part.count))
    rest = part.rest(shift)
    n, shifts, ones, twos = gather([part.count, shift, *part.sums(rest)])
    n = tf.reshape(n, [-1, *[1] * shard.axes.rank])
    total = _over_members(n)
    origin = tf.math.divide_no_nan(_over_members(n * shifts), total)
    offset = tf.math.divide_no_nan(ones, n) + (shifts - origin)
    mean = tf.math.divide_no_nan(_over_members(n * offset), total)
    inner = twos - tf.math.divide_no_nan(tf.square(ones), n)
    variance = tf.math.divide_no_nan(_over_members(inner + n * tf.square(offset - mean)), total)
    count = tf.reshape(total, []) if shard.weights is None else total
    return batch.Centred(rest, shift, mean - (shift - origin), tf.maximum(variance, 0.0), count)


def pooled(count: Any, moments: Moments, all_sum: AllSum) -> Moments:
    """Returns the moments of all members' values from those of each.

    mean = sum(n_i * m_i) / n;  variance = sum(n_i * (v_i + (m_i - mean)^2)) / n

    Args:
      count: number of values, or their total weight, with which this member takes part.
    """
    n = tf.cast(count, moments.mean.dtype)
    held = n > 0
    total, first = all_sum([n, batch.masked(held, n * moments.mean)])
    mean = tf.math.divide_no_nan(first, total)
    spread = batch.masked(held, n * (moments.variance + tf.square(moments.mean - mean)))
    (second,) = all_sum([spread])
    return Moments(mean, tf.math.divide_no_nan(second, total), total)


def averaged(count: Any, moments: Moments, all_sum: AllSum) -> Moments:
    """Returns the mean of the members' means and of their variances, over the members that hold any value.

    What lies between the members' means is no part of this variance.
    """
    n = tf.cast(count, moments.mean.dtype)
    held = tf.cast(n > 0, n.dtype)
    parts = [batch.masked(n > 0, value) for value in moments[:2]]
    members, values, *sums = all_sum([held, n, *parts])
    mean, variance = (tf.math.divide_no_nan(value, members) for value in sums)
    return Moments(mean, variance, tf.math.divide_no_nan(values, members))


class _Opened(NamedTuple):
    """A shard with what its sums need; everything is computed on its device."""

    shard: Shard
    count: Any
    weights: Any
    used: Any

    @classmethod
    def of(cls, shard: Shard) -> _Opened:
        with shard.here():
            x, axes = shard.x, shard.axes
            if shard.weights is None:
                n = batch.count(x, axes, x.dtype)
                return cls(shard, tf.constant(n, x.dtype) if isinstance(n, int) else n, None, None)
            full, total, _ = batch.shares(x, axes.reduced, tf.cast(shard.weights, x.dtype))
            return cls(shard, total, full, full > 0)

    def values(self) -> Any:
        """Returns the sum of the weighted values."""
        with self.shard.here():
            x = self.shard.x
            return self._sum(x) if self.weights is None else self._sum(self.weights * batch.masked(self.used, x))

    def rest(self, shift: Any) -> Any:
        """Returns the values minus a shift; what has no weight and is not finite is taken for the mean."""
        with self.shard.here():
            rest = self.shard.x - shift
            return rest if self.used is None else batch.masked(self.used | tf.is_finite(self.shard.x), rest)

    def sums(self, rest: Any) -> list[Any]:
        """Returns the weighted sums of centred values and of their squares."""
        with self.shard.here():
            if self.weights is None:
                return [self._sum(rest), self._sum(tf.raw_ops.Mul(x=rest, y=rest))]
            counted = batch.masked(self.used, rest)
            return [self._sum(self.weights * counted), self._sum(self.weights * tf.square(counted))]

    def _sum(self, values: Any) -> Any:
        return tf.reduce_sum(values, self.shard.axes.reduced, keepdims=True)


def _over_members(rows: Any) -> Any:
    """Returns the sum of the rows, one of each member."""
    return tf.reduce_sum(rows, 0) if rows.shape.as_list()[0] is None else tf.add_n(tf.unstack(rows))


def _summed(rows: Sequence[Sequence[Any]], shards: Sequence[Shard], all_sum: AllSum) -> list[Any]:
    """Returns the sums of the columns over the shards here and over the other members."""
    if len(rows) == 1:
        return all_sum(list(rows[0]))
    with shards[0].here():
        return all_sum([tf.add_n(list(column)) for column in zip(*rows, strict=True)])
