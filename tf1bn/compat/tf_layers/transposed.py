"""``tf.layers.conv2d_transpose``, ``conv3d_transpose`` and their classes."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.tf_layers import windows
from tf1bn.compat.tf_layers.convolutional import Convolution


class TransposedConvolution(Convolution):
    """What transposed convolutions share: the gradient of a convolution, as a layer.

    The kernel is ``[*window, filters, channels]``. Padding "same" makes ``size * stride`` of each axis, "valid"
    ``size * stride + max(window - stride, 0)``.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str = "channels_last",
        activation: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, padding, data_format, 1, activation, *args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["dilation_rate"]
        return config

    def _kernel_shape(self, channels: int) -> tuple[int, ...]:
        return (*self.kernel_size, self.filters, channels)

    def _length(self, size: int | None, i: int) -> int | None:
        return windows.spread(size, self.kernel_size[i], self.padding, self.strides[i])

    def _result(self) -> str:
        if self.bias is None:  # of images, the original without a GPU transposes, too
            return {2: "transpose_1"}.get(self.rank, f"conv{self.rank}d_transpose")
        return "BiasAdd"

    def _convolved(self, x: tf.Tensor) -> tf.Tensor:
        static, dynamic = x.shape.as_list(), tf.shape(x)
        dims = [dynamic[i] if size is None else size for i, size in enumerate(static[:-1])]
        shape = [
            dims[0],
            *(
                windows.spread(dims[i + 1], self.kernel_size[i], self.padding, self.strides[i])
                for i in range(self.rank)
            ),
            self.filters,
        ]
        transposed = {2: tf.nn.conv2d_transpose, 3: tf.nn.conv3d_transpose}[self.rank]
        strides = (1, *self.strides, 1)
        y = transposed(x, self.kernel, output_shape=tf.stack(shape), strides=strides, padding=self.padding.upper())
        y.set_shape([static[0], *(self._length(size, i) for i, size in enumerate(static[1:-1])), self.filters])
        return y


class Conv2DTranspose(TransposedConvolution):
    """A transposed convolution of images; see :class:`TransposedConvolution`."""

    rank = 2


class Conv3DTranspose(TransposedConvolution):
    """A transposed convolution of volumes; see :class:`TransposedConvolution`."""

    rank = 3


def conv2d_transpose(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str = "channels_last",
    activation: Any = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = "zeros",
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: Any = None,
    reuse: Any = None,
) -> tf.Tensor:
    """Returns the transposed convolution of the inputs; see :class:`Conv2DTranspose`."""
    layer = Conv2DTranspose(
        filters,
        kernel_size,
        strides,
        padding,
        data_format,
        activation,
        use_bias,
        kernel_initializer,
        bias_initializer,
        kernel_regularizer,
        bias_regularizer,
        activity_regularizer,
        kernel_constraint,
        bias_constraint,
        trainable,
        name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs)


def conv3d_transpose(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str = "channels_last",
    activation: Any = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = "zeros",
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: Any = None,
    reuse: Any = None,
) -> tf.Tensor:
    """Returns the transposed convolution of the inputs; see :class:`Conv3DTranspose`."""
    layer = Conv3DTranspose(
        filters,
        kernel_size,
        strides,
        padding,
        data_format,
        activation,
        use_bias,
        kernel_initializer,
        bias_initializer,
        kernel_regularizer,
        bias_regularizer,
        activity_regularizer,
        kernel_constraint,
        bias_constraint,
        trainable,
        name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs)
