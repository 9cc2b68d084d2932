"""``tf.layers.conv2d_transpose``, ``conv3d_transpose`` and their classes."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import made_with, takes
from tf1bn.compat.tf_layers import signatures, windows
from tf1bn.compat.tf_layers.convolutional import Convolution


class TransposedConvolution(Convolution):
    """What transposed convolutions share: the gradient of a convolution, as a layer.

    The kernel is ``[*window, filters, channels]``. Padding "same" makes ``size * stride`` of each axis, "valid"
    ``size * stride + max(window - stride, 0)``.
    """

    @made_with(signatures.Transposed)
    def __init__(self, given: signatures.Transposed) -> None:
        self._take_sizes(given)

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


@takes(signatures.Transposed2DCall)
def conv2d_transpose(call: signatures.Transposed2DCall) -> tf.Tensor:
    """Returns the transposed convolution of the inputs; see :class:`Conv2DTranspose`."""
    return call.layer(Conv2DTranspose)(call.inputs)


@takes(signatures.Transposed3DCall)
def conv3d_transpose(call: signatures.Transposed3DCall) -> tf.Tensor:
    """Returns the transposed convolution of the inputs; see :class:`Conv3DTranspose`."""
    return call.layer(Conv3DTranspose)(call.inputs)
