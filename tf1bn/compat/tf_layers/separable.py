"""``tf.layers.separable_conv1d``, ``separable_conv2d`` and their classes."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.tf_layers import windows, words
from tf1bn.compat.tf_layers.convolutional import Convolution


class SeparableConvolution(Convolution):
    """What separable convolutions share: each channel by itself, then a mixture of channels at each point.

    Variables: depthwise_kernel ``[*window, channels, depth_multiplier]``, pointwise_kernel
    ``[1 ..., channels * depth_multiplier, filters]``, bias ``[filters]``.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str = "channels_last",
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = None,
        pointwise_initializer: Any = None,
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        trainable: bool = True,
        name: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            trainable=trainable,
            name=name,
            **kwargs,
        )
        self.depth_multiplier = windows.sizes(depth_multiplier, 1, "depth_multiplier")[0]
        self.depthwise_initializer = words.initializer(depthwise_initializer)
        self.pointwise_initializer = words.initializer(pointwise_initializer)
        self.depthwise_regularizer, self.pointwise_regularizer = depthwise_regularizer, pointwise_regularizer
        self.depthwise_constraint, self.pointwise_constraint = depthwise_constraint, pointwise_constraint
        self.depthwise_kernel: Any = None
        self.pointwise_kernel: Any = None

    def build(self, input_shape: Any) -> None:
        channels = windows.channels(tf.TensorShape(input_shape), self.rank + 2, self.data_format)
        for part, shape in self._shapes(channels).items():
            kernel = self.add_weight(
                f"{part}_kernel",
                shape,
                initializer=getattr(self, f"{part}_initializer"),
                regularizer=getattr(self, f"{part}_regularizer"),
                constraint=getattr(self, f"{part}_constraint"),
            )
            setattr(self, f"{part}_kernel", kernel)
        self._build_bias()
        self.built = True

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


def separable_conv1d(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = 1,
    depth_multiplier: int = 1,
    activation: Any = None,
    use_bias: bool = True,
    depthwise_initializer: Any = None,
    pointwise_initializer: Any = None,
    bias_initializer: Any = "zeros",
    depthwise_regularizer: Any = None,
    pointwise_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    depthwise_constraint: Any = None,
    pointwise_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: Any = None,
    reuse: Any = None,
) -> tf.Tensor:
    """Returns the separable convolution of the inputs; see :class:`SeparableConv1D`."""
    layer = SeparableConv1D(
        filters,
        kernel_size,
        strides,
        padding,
        data_format,
        dilation_rate,
        depth_multiplier,
        activation,
        use_bias,
        depthwise_initializer,
        pointwise_initializer,
        bias_initializer,
        depthwise_regularizer,
        pointwise_regularizer,
        bias_regularizer,
        activity_regularizer,
        depthwise_constraint,
        pointwise_constraint,
        bias_constraint,
        trainable,
        name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs)


def separable_conv2d(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = (1, 1),
    depth_multiplier: int = 1,
    activation: Any = None,
    use_bias: bool = True,
    depthwise_initializer: Any = None,
    pointwise_initializer: Any = None,
    bias_initializer: Any = "zeros",
    depthwise_regularizer: Any = None,
    pointwise_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    depthwise_constraint: Any = None,
    pointwise_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: Any = None,
    reuse: Any = None,
) -> tf.Tensor:
    """Returns the separable convolution of the inputs; see :class:`SeparableConv2D`."""
    layer = SeparableConv2D(
        filters,
        kernel_size,
        strides,
        padding,
        data_format,
        dilation_rate,
        depth_multiplier,
        activation,
        use_bias,
        depthwise_initializer,
        pointwise_initializer,
        bias_initializer,
        depthwise_regularizer,
        pointwise_regularizer,
        bias_regularizer,
        activity_regularizer,
        depthwise_constraint,
        pointwise_constraint,
        bias_constraint,
        trainable,
        name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs)
