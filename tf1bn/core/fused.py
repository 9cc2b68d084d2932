"""TensorFlow's fused kernel for every shape with one channel axis: as images, as volumes, or several rows at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import composed, plain, views
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
    decide in each run whether there is one. What is added is added as a bias, so that the gradient passes either branch
    unchanged and asks for nothing that the branch not taken would have computed.

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
    moved = tf.cond(far, lambda: _lowered(x, shift, last), lambda: tf.identity(x))
    moved.set_shape(x.shape)
    applied = raw.Mul(x=tf.cast(shift, tf.float32), y=tf.cast(far, tf.float32))
    return Moved(moved, applied if last else tf.reshape(applied, [-1]))


def _lowered(x: Any, shift: Any, last: bool) -> Any:
    """Returns the input minus a constant per channel."""
    lower = tf.stop_gradient(tf.raw_ops.Neg(x=shift))
    return tf.raw_ops.BiasAdd(value=x, bias=lower) if last else tf.raw_ops.AddV2(x=x, y=lower)


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
    """``FusedBatchNormV3`` over the input, seen as images with channels last or, for any other axis, first.

    oneDNN takes over batch norms of images, and hands them to threads, which costs more than a small input takes
    altogether. Those of volumes it leaves to TensorFlow's own kernel. TFLite has no such op, and of an empty batch its
    gradient loses a dimension, so that a gradient of the gradient fails there.
    """

    name: str = "fused"
    precise: bool = False
    volumes: bool = False

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        moved = near_zero(x, epsilon, *axes.kept) if self.precise else Moved(x)
        images = _Images(moved.x, axes, volumes=self.volumes)
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
    """The fused kernel with given moments over several rows at a time, for channels that are no multiple of four.

    The moments come from composed ops. The kernel's own gradient makes both sums of the closed form in one pass, but
    takes given moments for constants. So they are given as constants, m and v, and their gradients go through gamma and
    beta: with s = 1 / sqrt(variance + epsilon),

        y = (x - m) / sqrt(v + epsilon) * [gamma * sqrt(v + epsilon) * s] + [beta - gamma * s * (mean - m)]

    In value the brackets are gamma and beta; their derivatives of all orders are right.
    """

    name: str = "fused_wide"
    precise: bool = False

    def train(
        self, x: Any, axes: Axes, gamma: Any, beta: Any, epsilon: float, variant: Variant = ORDINARY
    ) -> tuple[Any, Moments]:
        raw = tf.raw_ops
        gamma, beta = _filled(gamma, beta, axes)
        wide_x = plain.widen(x)
        seen = views.Wide(wide_x, axes, views.rows_per_row(tuple(x.shape.as_list()), axes, CHANNEL_MULTIPLE) or 1)
        wide = seen.enter(wide_x)
        _, mean, residual, variance = composed.centred(wide, seen, precise=self.precise)
        given, deviation = tf.stop_gradient(mean), raw.AddV2(x=variance, y=epsilon)
        scale = raw.Mul(x=raw.Rsqrt(x=deviation), y=gamma)
        left = raw.Sub(x=mean, y=given)
        left = left if residual is None else raw.AddV2(x=left, y=residual)
        offset = raw.Sub(x=beta, y=raw.Mul(x=scale, y=left))
        scale = raw.Mul(x=scale, y=tf.stop_gradient(raw.Sqrt(x=deviation)))
        constants = Moments(*(tf.stop_gradient(seen.spread(statistic)) for statistic in (given, variance)))
        row = seen.spread(scale)
        image = raw.Reshape(tensor=wide, shape=[1, 1, -1, row.shape.as_list()[0]])
        y = seen.leave(_run(image, row, seen.spread(offset), epsilon, constants)[0])
        y = y if y.dtype == x.dtype else tf.cast(y, x.dtype)
        mean = mean if residual is None else raw.AddV2(x=mean, y=residual)
        return y, _without_gradient(Moments(mean, variance, seen.total))

    def infer(self, x: Any, axes: Axes, moments: Moments, gamma: Any, beta: Any, epsilon: float) -> Any:
        return plain.PLAIN.infer(x, axes, moments, gamma, beta, epsilon)


class _Images:
    """An input as images of rank 4, or volumes of rank 5, and the way back."""

    def __init__(self, x: Any, axes: Axes, *, volumes: bool = False) -> None:
        (channel_axis,) = axes.kept
        self._like, last = x, channel_axis == axes.rank - 1
        self.data_format, self.channel_axis = ("NHWC", 3) if last else ("NCHW", 1)
        shape = _image_shape(x, channel_axis, last)
        if volumes:
            self.data_format, self.channel_axis, shape = "NDHWC", 4, [1, *shape]
        fits = axes.rank == len(shape) and channel_axis == self.channel_axis
        self.x = x if fits else tf.raw_ops.Reshape(tensor=x, shape=shape)

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
