"""``tf.layers.separable_conv1d``, ``separable_conv2d`` and their classes."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import made_with, takes
from tf1bn.compat.tf_layers import signatures, windows, words
from tf1bn.compat.tf_layers.convolutional import Convolution


class SeparableConvolution(Convolution):
    """What separable convolutions share: each channel by itself, then a mixture of channels at each point.

    Variables: depthwise_kernel ``[*window, channels, depth_multiplier]``, pointwise_kernel
    ``[1 ..., channels * depth_multiplier, filters]``, bias ``[filters]``.
    """

    @made_with(signatures.Separable)
    def __init__(self, given: signatures.Separable) -> None:
        self._take_sizes(given)
        self.depth_multiplier = windows.sizes(given.depth_multiplier, 1, "depth_multiplier")[0]
        self.depthwise_initializer = words.initializer(given.depthwise_initializer)
        self.pointwise_initializer = words.initializer(given.pointwise_initializer)
        self.depthwise_regularizer, self.pointwise_regularizer = (
            given.depthwise_regularizer,
            given.pointwise_regularizer,
        )
        self.depthwise_constraint, self.pointwise_constraint = given.depthwise_constraint, given.pointwise_constraint
        self.depthwise_kernel: Any = None
        self.pointwise_kernel: Any = None

    def _build_kernels(self, channels: int) -> None:
        for part, shape in self._shapes(channels).items():
            setattr(self, f"{part}_kernel", self._variable(f"{part}_kernel", shape, part))

    def _shapes(self, channels: int) -> dict[str, tuple[int, ...]]:
        return {
            "depthwise": (*self.kernel_size, channels, self.depth_multiplier),
            "pointwise": (*[1] * self.rank, channels * self.depth_multiplier, self.filters),
        }

    def _with_bias(self, x: tf.Tensor) -> tf.Tensor:
        y = super()._with_bias(x)
        return tf.squeeze(y, [1]) if self.rank == 1 else y

    def _result(self) -> str:
        if self.rank == 1:
            return "Squeeze"
        return "separable_conv2d" if self.bias is None else "BiasAdd"

    def _convolved(self, x: tf.Tensor) -> tf.Tensor:
        depthwise, pointwise = (tf.convert_to_tensor(k) for k in (self.depthwise_kernel, self.pointwise_kernel))
        strides, dilation, pad = self.strides, self.dilation_rate, self.padding
        if self.rank == 1:
            if pad == "causal":
                x, pad = tf.pad(x, [[0, 0], [dilation[0] * (self.kernel_size[0] - 1), 0], [0, 0]]), "valid"
            # One axis is the second of two; the op wants equal strides for both.
            x, depthwise, pointwise = tf.expand_dims(x, 1), tf.expand_dims(depthwise, 0), tf.expand_dims(pointwise, 0)
            strides, dilation = strides * 2, (1, *dilation)
        return tf.nn.separable_conv2d(
            x, depthwise, pointwise, strides=(1, *strides, 1), padding=pad.upper(), rate=dilation
        )


class SeparableConv1D(SeparableConvolution):
    """A separable convolution over one axis; see :class:`SeparableConvolution`."""

    rank = 1
    paddings = ("valid", "same", "causal")


class SeparableConv2D(SeparableConvolution):
    """A separable convolution of images; see :class:`SeparableConvolution`."""

    rank = 2


@takes(signatures.Separable1DCall)
def separable_conv1d(call: signatures.Separable1DCall) -> tf.Tensor:
    """Returns the separable convolution of the inputs; see :class:`SeparableConv1D`."""
    return call.layer(SeparableConv1D)(call.inputs)


@takes(signatures.Separable2DCall)
def separable_conv2d(call: signatures.Separable2DCall) -> tf.Tensor:
    """Returns the separable convolution of the inputs; see :class:`SeparableConv2D`."""
    return call.layer(SeparableConv2D)(call.inputs)
