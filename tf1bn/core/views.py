"""Ways of looking at an input when its channels are averaged, each in few and fast ops.

A view knows how to bring an input into its shape and back, how to average over all values of a channel, and how to
bring one value per channel into a shape that combines with the input.
"""

from __future__ import annotations

import math
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core import moments as batch
from tf1bn.core.axes import Axes

WIDEST = 1024
VECTOR = 16


class Whole:
    """The input as it is: any rank and any channel axes. Statistics have the shape in which they broadcast."""

    def __init__(self, x: Any, axes: Axes) -> None:
        self._axes, self._like = axes, x
        self._last = axes.kept == (axes.rank - 1,)
        self._reduced = tf.constant(axes.reduced)
        self.total = batch.count(x, axes, x.dtype)
        self.inverse = _inverse(self.total)

    def enter(self, x: Any) -> Any:
        return x

    def leave(self, y: Any) -> Any:
        y.set_shape(self._like.shape)
        return y

    def mean(self, values: Any) -> Any:
        """Returns the mean per channel; of no values, zero."""
        if _never_empty(self.inverse):
            return tf.raw_ops.Mean(input=values, axis=self._reduced, keep_dims=not self._last)
        return tf.raw_ops.Mul(x=self.sum(values), y=self.inverse)

    def sum(self, values: Any) -> Any:
        return tf.raw_ops.Sum(input=values, axis=self._reduced, keep_dims=not self._last)

    def spread(self, statistic: Any) -> Any:
        """Returns a statistic in a shape that broadcasts against the input."""
        return statistic

    def per_channel(self, parameter: Any) -> Any:
        """Returns gamma or beta in the shape of a statistic."""
        return parameter if self._fits(parameter) else tf.reshape(parameter, self._axes.broadcast_shape)

    def flat(self, statistic: Any) -> Any:
        """Returns a statistic in the shape of gamma and beta."""
        return statistic if self._last else tf.reshape(statistic, self._axes.parameter_shape)

    def _fits(self, parameter: Any) -> bool:
        return self._last or len(self._axes.parameter_shape) == self._axes.rank


class Wide:
    """Channels last, several rows seen as one: ``[N, C]`` as ``[N / k, k * C]``. Statistics have shape ``[C]``.

    Ops that combine an input with one value per channel go through it in vectors that end at the row; few channels,
    or a number of them that is no multiple of the processor's vector, cost up to five times as much as a wide row.
    """

    def __init__(self, x: Any, axes: Axes, k: int) -> None:
        self._like, self._k = x, k
        channels = axes.parameter_shape[0]
        self._wide = tf.constant([-1, k * channels])
        self._folded = tf.constant([k, channels])
        self._multiples = tf.constant([k])
        self._rows = tf.constant([0])
        self.total = batch.count(x, axes, x.dtype)
        self.inverse = _inverse(self.total)

    def enter(self, x: Any) -> Any:
        return tf.raw_ops.Reshape(tensor=x, shape=self._wide)

    def leave(self, y: Any) -> Any:
        return shaped_like(y, self._like)

    def mean(self, values: Any) -> Any:
        if _never_empty(self.inverse):
            return self._fold(tf.raw_ops.Mean, values)
        return tf.raw_ops.Mul(x=self.sum(values), y=self.inverse)

    def sum(self, values: Any) -> Any:
        return self._fold(tf.raw_ops.Sum, values)

    def spread(self, statistic: Any) -> Any:
        return tf.raw_ops.Tile(input=statistic, multiples=self._multiples)

    def per_channel(self, parameter: Any) -> Any:
        return parameter

    def flat(self, statistic: Any) -> Any:
        return statistic

    def _fold(self, reduce: Any, values: Any) -> Any:
        columns = reduce(input=values, axis=self._rows)
        return reduce(input=tf.raw_ops.Reshape(tensor=columns, shape=self._folded), axis=self._rows)


def shaped_like(y: Any, x: Any) -> Any:
    """Returns ``y`` reshaped to the shape of ``x``, in one op where that is known."""
    dims = x.shape.as_list()
    y = tf.raw_ops.Reshape(tensor=y, shape=tf.shape(x) if None in dims else dims)
    y.set_shape(x.shape)
    return y


def rows_per_row(dims: tuple[int | None, ...], axes: Axes, multiple: int = 1) -> int | None:
    """Returns how many rows ``Wide`` may see as one, None where there is no such number above 1.

    It divides the number of values per channel, also where the batch is unknown, and makes a row of at most
    ``WIDEST`` values; a multiple of ``VECTOR`` if one does, and always of ``multiple``.
    """
    if axes.kept != (axes.rank - 1,):
        return None
    channels = dims[-1]
    known = math.prod(d for d in dims[:-1] if d is not None)
    fitting = [k for k in range(2, WIDEST // channels + 1) if known % k == 0 and k * channels % multiple == 0]
    aligned = [k for k in fitting if k * channels % VECTOR == 0]
    return max(aligned or fitting, default=None)


def _inverse(total: Any) -> Any:
    """Returns 1 / total, of none 0: a Python float where static, else a scalar tensor."""
    if isinstance(total, int):
        return 1.0 / total if total else 0.0
    return tf.raw_ops.DivNoNan(x=tf.constant(1.0, total.dtype), y=total)


def _never_empty(inverse: Any) -> bool:
    return isinstance(inverse, float) and inverse > 0
