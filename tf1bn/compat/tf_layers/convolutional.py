"""``tf.layers.conv1d`` to ``conv3d`` and their classes."""

from __future__ import annotations

from typing import Any, ClassVar

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import made_with, takes
from tf1bn.compat.tf_layers import signatures, windows
from tf1bn.compat.tf_layers.specs import InputSpec
from tf1bn.compat.tf_layers.weighted import Weighted


class Convolution(Weighted):
    """What convolutions of all ranks share: activation(inputs * kernel + bias).

    Channels-first inputs are transposed for the convolution and back, so they work on every device.

    Variables: kernel ``[*window, channels, filters]``, bias ``[filters]``, of the dtype of the first input; in
    GLOBAL_VARIABLES and TRAINABLE_VARIABLES, none in MODEL_VARIABLES.
    """

    rank: ClassVar[int] = 2
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    @made_with(signatures.Convolution)
    def __init__(self, given: signatures.Convolution) -> None:
        self._take_sizes(given)

    def _take_sizes(self, given: signatures.Convolution) -> None:
        self._take(given)
        with errors.located(type(self).__name__):
            self.filters = windows.sizes(given.filters, 1, "filters")[0]
            self.kernel_size = windows.sizes(given.kernel_size, self.rank, "kernel_size")
            self.strides = windows.sizes(given.strides, self.rank, "strides")
            self.dilation_rate = windows.sizes(given.dilation_rate, self.rank, "dilation_rate")
            self.padding = windows.padding(given.padding, self.paddings)
            self.data_format = windows.data_format(given.data_format)
            self.input_spec = InputSpec(ndim=self.rank + 2)

    def build(self, input_shape: Any) -> None:
        channels = windows.channels(tf.TensorShape(input_shape), self.rank + 2, self.data_format)
        axis = -1 if self.data_format == windows.LAST else 1
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        self._build_kernels(channels)
        self._build_bias(self.filters)
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if self.data_format == windows.LAST:
            y = self._with_bias(inputs)
        else:
            with tf.name_scope(windows.LAST):
                y = self._with_bias(windows.channels_last(inputs, self.data_format))
            y = windows.as_given(y, self.data_format, self._result())
        return y if self.activation is None else self.activation(y)

    def _with_bias(self, x: tf.Tensor) -> tf.Tensor:
        y = self._convolved(x)
        return y if self.bias is None else tf.nn.bias_add(y, self.bias)

    def _result(self) -> str:
        """The original's name of what is activated."""
        if self.bias is None:
            return {1: "Conv1D/Squeeze"}.get(self.rank, f"Conv{self.rank}D")
        return "add" if self.rank == 1 else "BiasAdd"

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        dims = tf.TensorShape(input_shape).as_list()
        spatial = dims[1:-1] if self.data_format == windows.LAST else dims[2:]
        out = [self._length(size, i) for i, size in enumerate(spatial)]
        last = self.data_format == windows.LAST
        return tf.TensorShape([dims[0], *out, self.filters] if last else [dims[0], self.filters, *out])

    def _length(self, size: int | None, i: int) -> int | None:
        return windows.moved(size, self.kernel_size[i], self.padding, self.strides[i], self.dilation_rate[i])

    def _kernel_shape(self, channels: int) -> tuple[int, ...]:
        return (*self.kernel_size, channels, self.filters)

    def _build_kernels(self, channels: int) -> None:
        self.kernel = self._variable("kernel", self._kernel_shape(channels), "kernel")

    def _convolved(self, x: tf.Tensor) -> tf.Tensor:
        pad = self.padding.upper()
        if self.padding == "causal":
            before = self.dilation_rate[0] * (self.kernel_size[0] - 1)
            x, pad = tf.pad(x, [[0, 0], [before, 0], [0, 0]]), "VALID"
        return tf.nn.convolution(
            x, self.kernel, pad, strides=self.strides, dilation_rate=self.dilation_rate, name=f"Conv{self.rank}D"
        )


class Conv1D(Convolution):
    """A convolution over one axis: ``[batch, length, channels]``; see :class:`Convolution`."""

    rank = 1
    paddings = ("valid", "same", "causal")


class Conv2D(Convolution):
    """A convolution over images: ``[batch, height, width, channels]``; see :class:`Convolution`."""

    rank = 2


class Conv3D(Convolution):
    """A convolution over volumes: ``[batch, depth, height, width, channels]``; see :class:`Convolution`."""

    rank = 3


@takes(signatures.Conv1DCall)
def conv1d(call: signatures.Conv1DCall) -> tf.Tensor:
    """Returns the convolution of the inputs; see :class:`Conv1D`."""
    return call.layer(Conv1D)(call.inputs)


@takes(signatures.Conv2DCall)
def conv2d(call: signatures.Conv2DCall) -> tf.Tensor:
    """Returns the convolution of the inputs; see :class:`Conv2D`."""
    return call.layer(Conv2D)(call.inputs)


@takes(signatures.Conv3DCall)
def conv3d(call: signatures.Conv3DCall) -> tf.Tensor:
    """Returns the convolution of the inputs; see :class:`Conv3D`."""
    return call.layer(Conv3D)(call.inputs)
