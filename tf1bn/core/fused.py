"""TensorFlow's fused kernel for every shape with one channel axis: as images, or over several rows at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import closed_form, derivatives, plain, views
from tf1bn.core import moments as batch
from tf1bn.core.axes import Axes
from tf1bn.core.plain import ORDINARY, Variant
from tf1bn.core.values import Moments

# With channels that are no multiple of this, TensorFlow takes a kernel that is four to eight times slower.
CHANNEL_MULTIPLE = 4

# The kernel sums raw values in float32. Where the mean is this many standard deviations from zero, the rounding of
# that sum begins to show (in the variance it is a factor of 9 at 10000 and 131072 values), so a precise kernel shifts
# the input.
FAR_FROM_ZERO = 30.0
MANY_CHANNELS = 256

# A ReLU behind the kernel is merged into it by TensorFlow, which is two to three times slower unless the channels are
# a multiple of this.
RELU_CHANNELS = 8


class Moved(NamedTuple):
    """The input of the kernel, and what was subtracted from each channel; None for nothing."""

    x: Any
    shift: Any = None

    def back(self, moments: Moments) -> Moments:
        """Returns the moments of the input as it was given."""
        shifted = self.shift is not None
        return moments._replace(mean=tf.raw_ops.AddV2(x=moments.mean, y=self.shift)) if shifted else moments


def near_zero(x: Any, epsilon: float, channels: int) -> Moved:
    """Returns the input of the kernel, shifted where its mean is far from zero, and the shift ``[C]`` in float32.

    Trick: a shift always costs a fifth of the step, so a few values of each channel, spread over the whole batch,
    decide in each run whether there is one. The derivative is one in both cases, and said to be so. The choice is a
    pair of Switch and Merge, as ``tf.cond`` runs it in the end, without the functions that it would make first.

    Args:
      channels: the channel axis.
    """
    raw = tf.raw_ops
    axes = tf.constant([i for i in range(x.shape.rank) if i != channels])
    last = channels == x.shape.rank - 1
    sample = tf.cast(_sample(x, channels), tf.float32)
    mean = raw.Mean(input=sample, axis=axes, keep_dims=not last)
    square = raw.Mean(input=raw.Square(x=sample), axis=axes, keep_dims=not last)
    # mean^2 > FAR_FROM_ZERO^2 * (square - mean^2 + epsilon), divided by the factor.
    excess = raw.Sub(x=raw.Mul(x=raw.Square(x=mean), y=1 + FAR_FROM_ZERO**-2), y=square)
    far = tf.reduce_any(raw.Greater(x=excess, y=epsilon))
    # The input has the shift's precision, so that the difference is exact.
    shift = tf.cast(mean, x.dtype)
    near, away = raw.Switch(data=x, pred=far)
    moved = raw.Merge(inputs=[near, raw.Sub(x=away, y=shift)])[0]
    moved.set_shape(x.shape)
    applied = raw.Mul(x=tf.cast(shift, tf.float32), y=tf.cast(far, tf.float32))
    return Moved(derivatives.passed_on(moved, x), applied if last else tf.reshape(applied, [-1]))


def _sample(x: Any, channels: int) -> Any:
    """Returns up to nine values per channel, of many channels four: entries of two axes, the middle of the others."""
    sizes = x.shape.as_list()
    each = 3 if sizes[channels] <= MANY_CHANNELS else 2
    reduced = [i for i, size in enumerate(sizes) if i != channels and size != 1]
    counts = dict.fromkeys(range(len(sizes)), 1) | dict.fromkeys(reduced[:2], each if len(reduced) > 1 else each**2)
    del counts[channels]
    begin, end, strides = [0] * len(sizes), [0] * len(sizes), [1] * len(sizes)
    for i, count in counts.items():
        end[i] = count if sizes[i] is None else sizes[i]
        if sizes[i] is not None:
            strides[i] = max(-(-sizes[i] // count), 1)
            begin[i] = strides[i] // 2
    return tf.raw_ops.StridedSlice(input=x, begin=begin, end=end, strides=strides, end_mask=1 << channels)


class Fused(NamedTuple):
    """``FusedBatchNormV3`` over the input, seen as images with channels last or, for any other axis, first."""

    name: str = "fused"
    precise: bool = False

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        moved = near_zero(x, epsilon, *axes.kept) if self.precise else Moved(x)
        images = _Images(moved.x, axes)
        gamma, beta = _filled(gamma, beta, axes)
        y, mean, variance = _run(images.x, gamma, beta, epsilon, data_format=images.data_format)[:3]
        n = batch.count(x, axes, tf.float32)
        # The kernel returns variance * n / (n - 1), and no gradient flows through its statistics.
        biased = tf.raw_ops.Mul(x=variance, y=_biased(n))
        return images.back(y), _without_gradient(moved.back(Moments(mean, biased, n)))

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        if axes.kept != (axes.rank - 1,):
            # With channels first the composed formula has long rows, and no oneDNN is needed for it.
            return plain.PLAIN.infer(x, axes, moments, gamma, beta, epsilon)
        images = _Images(x, axes)
        gamma, beta = map(_row, _filled(gamma, beta, axes))
        given = Moments(_row(moments.mean), _row(moments.variance))
        # What is merged with the op in inference makes it faster.
        return images.back(_run(images.x, gamma, beta, epsilon, given)[0], merged=True)


class FusedWide(NamedTuple):
    """The fused kernel over several rows at a time, for channels that are no multiple of four.

    It gives moments of each of k groups of rows; the moments of the whole are put together from these, and the kernel
    runs a second time with them as given moments. The same kernel's gradient makes the two sums of the closed form.
    """

    name: str = "fused_wide"
    precise: bool = False

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        moved = near_zero(x, epsilon, *axes.kept) if self.precise else Moved(x)
        gamma, beta = _filled(gamma, beta, axes)
        n = batch.count(x, axes, tf.float32)
        seen = _Groups(moved.x, axes)
        wide, wide_gamma, wide_beta = seen.enter(moved.x), seen.spread(gamma), seen.spread(beta)
        parts = _run(wide, wide_gamma, wide_beta, epsilon)
        whole = seen.joined(parts[1], parts[2], n)
        spread = Moments(seen.spread(whole.mean), seen.spread(whole.variance))
        y = seen.leave(_run(wide, wide_gamma, wide_beta, epsilon, spread)[0])

        def backward(dy: Any) -> Any:
            found = _wide_gradients(dy, wide, (gamma, wide_gamma), whole.variance, spread, seen, epsilon, n)
            return closed_form.differentiable(found, dy, moved.x, gamma, axes, epsilon)

        y = derivatives.replaced([y], [moved.x, gamma, beta], backward)[0]
        return y, _without_gradient(moved.back(whole._replace(count=n)))

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        return plain.PLAIN.infer(x, axes, moments, gamma, beta, epsilon)


class _Images:
    """An input as images of rank 4, and the way back."""

    def __init__(self, x: Any, axes: Axes) -> None:
        (channel_axis,) = axes.kept
        self._like, last = x, channel_axis == axes.rank - 1
        self.data_format, self.channel_axis = ("NHWC", 3) if last else ("NCHW", 1)
        fits = axes.rank == 4 and channel_axis == self.channel_axis
        self.x = x if fits else tf.raw_ops.Reshape(tensor=x, shape=_image_shape(x, channel_axis, last))

    def back(self, y: Any, *, merged: bool = False) -> Any:
        """Returns a result in the shape of the input, unless merged with nothing that a ReLU behind it may go into."""
        if self.x is not self._like:
            return views.shaped_like(y, self._like)
        if not merged and self._like.shape.as_list()[self.channel_axis] % RELU_CHANNELS:
            y = tf.raw_ops.EnsureShape(input=y, shape=self._like.shape)
        y.set_shape(self._like.shape)
        return y


def _image_shape(x: Any, channel_axis: int, last: bool) -> Any:
    """Returns [1, 1, before, C], or [before, C, 1, after] where something stands behind the channels."""
    channels = x.shape.as_list()[channel_axis]
    before, after = (part.num_elements() for part in (x.shape[:channel_axis], x.shape[channel_axis + 1 :]))
    if last:
        return [1, 1, -1 if before is None else before, channels]
    if before is None and after is None:
        before = tf.reduce_prod(tf.shape(x)[:channel_axis])
    return [-1 if before is None else before, channels, 1, -1 if after is None else after]


class _Groups:
    """Channels last, seen as images of several rows in one; statistics ``[C]``, one per group of rows ``[k * C]``."""

    def __init__(self, x: Any, axes: Axes) -> None:
        self._like, self._channels = x, axes.parameter_shape[0]
        self.k = views.rows_per_row(tuple(x.shape.as_list()), axes, CHANNEL_MULTIPLE) or 1
        self._shape = views.shape_of(x)
        self._wide = tf.constant([1, 1, -1, self.k * self._channels])
        self._multiples = tf.constant([self.k])
        self._folded = tf.constant([self.k, self._channels])
        self._rows = tf.constant([0])

    def enter(self, x: Any) -> Any:
        return tf.raw_ops.Reshape(tensor=x, shape=self._wide)

    def leave(self, y: Any) -> Any:
        return views.shaped_like(y, self._like, self._shape)

    def spread(self, statistic: Any) -> Any:
        return tf.raw_ops.Tile(input=statistic, multiples=self._multiples)

    def sum(self, statistic: Any) -> Any:
        folded = tf.raw_ops.Reshape(tensor=statistic, shape=self._folded)
        return tf.raw_ops.Sum(input=folded, axis=self._rows)

    def joined(self, mean: Any, variance: Any, n: Any) -> Moments:
        """Returns the moments of all groups, each of the same size, from the kernel's moments of each."""
        raw = tf.raw_ops
        means = raw.Reshape(tensor=mean, shape=self._folded)
        variances = raw.Reshape(tensor=raw.Mul(x=variance, y=_biased(_per_group(n, self.k))), shape=self._folded)
        mean = raw.Mean(input=means, axis=self._rows)
        within = raw.AddV2(x=variances, y=raw.SquaredDifference(x=means, y=mean))
        return Moments(mean, raw.Mean(input=within, axis=self._rows))


def _wide_gradients(
    dy: Any, wide: Any, gammas: tuple[Any, Any], variance: Any, spread: Moments, seen: _Groups, epsilon: float, n: Any
) -> list[Any]:
    """Returns the gradients of x, gamma and beta.

    With given moments the kernel's gradient is dy * a beside the sums of the closed form; what that subtracts is
    itself a normalisation with given moments, whose gamma and beta are a / n times the sums.
    """
    raw = tf.raw_ops
    wide_dy = seen.enter(dy)
    through, wide_dgamma, wide_dbeta = raw.FusedBatchNormGradV3(
        y_backprop=wide_dy,
        x=wide,
        scale=gammas[1],
        reserve_space_1=spread.mean,
        reserve_space_2=spread.variance,
        reserve_space_3=tf.constant([], tf.float32),
        epsilon=epsilon,
        is_training=False,
    )[:3]
    dgamma, dbeta = seen.sum(wide_dgamma), seen.sum(wide_dbeta)
    a = raw.Mul(x=raw.Rsqrt(x=raw.AddV2(x=variance, y=epsilon)), y=gammas[0])
    share = raw.Mul(x=a, y=1.0 / n if isinstance(n, int) else raw.Reciprocal(x=tf.maximum(n, 1.0)))
    as_gamma, as_beta = (seen.spread(raw.Mul(x=d, y=share)) for d in (dgamma, dbeta))
    subtracted = _run(wide, as_gamma, as_beta, epsilon, spread)[0]
    return [seen.leave(raw.Sub(x=through, y=subtracted)), dgamma, dbeta]


def _run(x: Any, gamma: Any, beta: Any, epsilon: float, given: Moments | None = None, data_format: str = "NHWC") -> Any:
    """Runs the kernel with given moments, or in training."""
    nothing = None if given is not None else tf.constant([], tf.float32)
    return tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=gamma,
        offset=beta,
        mean=nothing if given is None else given.mean,
        variance=nothing if given is None else given.variance,
        epsilon=epsilon,
        is_training=given is None,
        data_format=data_format,
    )


def _per_group(n: Any, k: int) -> Any:
    return n // k if isinstance(n, int) else n / k


def _biased(n: Any) -> Any:
    """Returns (n - 1) / n; of nothing, a number."""
    return (n - 1) / max(n, 1) if isinstance(n, int) else tf.raw_ops.DivNoNan(x=n - 1, y=n)


def _without_gradient(moments: Moments) -> Moments:
    return moments._replace(mean=tf.stop_gradient(moments.mean), variance=tf.stop_gradient(moments.variance))


def _row(parameter: Any) -> Any:
    """The kernel wants vectors; a dialect may keep its variables in the rank of the input."""
    return parameter if parameter.shape.rank == 1 else tf.reshape(parameter, [-1])


def _filled(gamma: Any, beta: Any, axes: Axes) -> tuple[Any, Any]:
    """The kernel wants both parameters; a missing one is a constant."""
    return (
        tf.ones(axes.parameter_shape) if gamma is None else gamma,
        tf.zeros(axes.parameter_shape) if beta is None else beta,
    )
