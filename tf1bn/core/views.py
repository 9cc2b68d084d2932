"""Ways of looking at an input when its channels are averaged, each in few and fast ops.

A view knows how to bring an input into its shape and back, how to average over all values of a channel, and how to
bring one value per channel into a shape that combines with the input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core import moments as batch
from tf1bn.core.axes import Axes

WIDEST = 1024
VECTOR = 16

# From this many values on, the gradient op of a bias sums columns up to four times as fast as Sum does; below, both
# take less than their start, and Sum has the shorter gradient. Of fewer columns than a vector holds, it is slower.
COLUMNS_FROM_ELEMENTS = 65536

# What an axis of unknown size is taken for.
USUAL_SIZE = 32


class Whole:
    """The input as it is: any rank and any channel axes. Statistics have the shape in which they broadcast."""

    def __init__(self, x: Any, axes: Axes) -> None:
        self._axes, self._like = axes, x
        self._last = axes.kept == (axes.rank - 1,)
        many = elements(x.shape.as_list()) >= COLUMNS_FROM_ELEMENTS
        self._columns = self._last and axes.parameter_shape[0] >= VECTOR and many
        self.total = batch.count(x, axes, x.dtype)
        self._inverse = _inverse(self.total, x.dtype)

    def enter(self, x: Any) -> Any:
        return x

    def leave(self, y: Any) -> Any:
        y.set_shape(self._like.shape)
        return y

    def mean(self, values: Any) -> Any:
        """Returns the mean per channel; of no values, zero."""
        return tf.raw_ops.Mul(x=self._sum(values), y=self._inverse)

    def _sum(self, values: Any) -> Any:
        if self._columns:
            return tf.raw_ops.BiasAddGrad(out_backprop=values)
        return tf.raw_ops.Sum(input=values, axis=tf.constant(self._axes.reduced), keep_dims=not self._last)

    def add(self, values: Any, statistic: Any) -> Any:
        """Returns values plus one value per channel."""
        if self._last:
            return tf.raw_ops.BiasAdd(value=values, bias=statistic)
        return tf.raw_ops.AddV2(x=values, y=statistic)

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
        self._shape = shape_of(x)
        self._many = elements(x.shape.as_list()) >= COLUMNS_FROM_ELEMENTS
        self._wide = tf.constant([-1, k * channels])
        self._folded, self._row = tf.constant([k, channels]), tf.constant([k * channels])
        self.total = batch.count(x, axes, x.dtype)
        self._inverse = _inverse(self.total, x.dtype)

    def enter(self, x: Any) -> Any:
        return tf.raw_ops.Reshape(tensor=x, shape=self._wide)

    def leave(self, y: Any) -> Any:
        return shaped_like(y, self._like, self._shape)

    def mean(self, values: Any) -> Any:
        folded = tf.raw_ops.Reshape(tensor=self._columns(values), shape=self._folded)
        total = tf.raw_ops.Sum(input=folded, axis=tf.constant([0]), keep_dims=False)
        return tf.raw_ops.Mul(x=total, y=self._inverse)

    def _columns(self, values: Any) -> Any:
        if self._many:
            return tf.raw_ops.BiasAddGrad(out_backprop=values)
        return tf.raw_ops.Sum(input=values, axis=tf.constant([0]), keep_dims=False)

    def add(self, values: Any, statistic: Any) -> Any:
        return tf.raw_ops.BiasAdd(value=values, bias=self.spread(statistic))

    def spread(self, statistic: Any) -> Any:
        repeated = tf.raw_ops.BroadcastTo(input=statistic, shape=self._folded)
        return tf.raw_ops.Reshape(tensor=repeated, shape=self._row)

    def per_channel(self, parameter: Any) -> Any:
        return parameter

    def flat(self, statistic: Any) -> Any:
        return statistic


def shaped_like(y: Any, x: Any, shape: Any = None) -> Any:
    """Returns ``y`` reshaped to the shape of ``x``, in one op where that is known.

    Args:
      shape: the shape as a tensor, where there is one already.
    """
    y = tf.raw_ops.Reshape(tensor=y, shape=shape_of(x) if shape is None else shape)
    y.set_shape(x.shape)
    return y


def shape_of(x: Any) -> Any:
    """Returns the shape of ``x`` as a tensor, a constant where that is known."""
    dims = x.shape.as_list()
    return tf.shape(x) if None in dims else tf.constant(dims)


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


def elements(dims: Sequence[int | None]) -> int:
    """Returns the number of values of a shape, with an unknown size taken for what is usual."""
    return math.prod(USUAL_SIZE if size is None else size for size in dims)


def _inverse(total: Any, dtype: tf.DType) -> Any:
    """Returns 1 / total, of none 0."""
    if isinstance(total, int):
        return tf.constant(1.0 / total if total else 0.0, dtype)
    return tf.raw_ops.DivNoNan(x=tf.constant(1.0, dtype), y=total)
