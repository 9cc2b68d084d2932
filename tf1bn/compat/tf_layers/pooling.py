"""``tf.layers.max_pooling1d`` to ``average_pooling3d`` and their classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import given, takes
from tf1bn.compat.tf_layers import windows
from tf1bn.compat.tf_layers.base import Layer
from tf1bn.compat.tf_layers.specs import InputSpec


class Pooling(Layer):
    """What poolings share: the maximum or the mean of each window of each channel.

    Channels-first inputs are transposed and back, so they work on every device.
    """

    rank: ClassVar[int] = 2
    maximum: ClassVar[bool] = True

    def __init__(
        self,
        pool_size: Any,
        strides: Any,
        padding: str = "valid",
        data_format: str = "channels_last",
        name: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        with errors.located(type(self).__name__):
            self.pool_size = windows.sizes(pool_size, self.rank, "pool_size")
            if strides is None:
                raise errors.ArgumentError(
                    errors.explain("argument `strides` must not be None", fix="Pass `pool_size` once more.")
                )
            self.strides = windows.sizes(strides, self.rank, "strides")
            self.padding = windows.padding(padding)
            self.data_format = windows.data_format(data_format)
            self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        if inputs.shape.rank != self.rank + 2:
            raise errors.ShapeError(errors.explain(f"`inputs` must have rank {self.rank + 2}", got=str(inputs.shape)))
        x = windows.channels_last(inputs, self.data_format)
        if self.rank == 1:
            y = tf.squeeze(self._pooled(tf.expand_dims(x, 2), (*self.pool_size, 1), (*self.strides, 1)), [2])
        else:
            y = self._pooled(x, self.pool_size, self.strides)
        return windows.as_given(y, self.data_format)

    def compute_output_shape(self, input_shape: Any) -> tf.TensorShape:
        dims = tf.TensorShape(input_shape).as_list()
        first = 1 if self.data_format == windows.LAST else 2
        for i in range(self.rank):
            dims[first + i] = windows.moved(dims[first + i], self.pool_size[i], self.padding, self.strides[i])
        return tf.TensorShape(dims)

    def _pooled(self, x: tf.Tensor, window: tuple[int, ...], strides: tuple[int, ...]) -> tf.Tensor:
        ksize, strides, pad = (1, *window, 1), (1, *strides, 1), self.padding.upper()
        if len(window) == 3:
            pool = tf.nn.max_pool3d if self.maximum else tf.nn.avg_pool3d
            return pool(x, ksize, strides, pad, name="MaxPool3D" if self.maximum else "AvgPool3D")
        if self.maximum:
            return tf.nn.max_pool(x, ksize, strides, pad, name="MaxPool")
        return tf.nn.avg_pool(x, ksize, strides, pad, name="AvgPool")


class MaxPooling1D(Pooling):
    """The maximum over windows along one axis; see :class:`Pooling`."""

    rank = 1


class MaxPooling2D(Pooling):
    """The maximum over windows along two axes; see :class:`Pooling`."""

    rank = 2


class MaxPooling3D(Pooling):
    """The maximum over windows along three axes; see :class:`Pooling`."""

    rank = 3


class AveragePooling1D(Pooling):
    """The mean over windows along one axis; see :class:`Pooling`."""

    rank = 1
    maximum = False


class AveragePooling2D(Pooling):
    """The mean over windows along two axes; see :class:`Pooling`."""

    rank = 2
    maximum = False


class AveragePooling3D(Pooling):
    """The mean over windows along three axes; see :class:`Pooling`."""

    rank = 3
    maximum = False


@dataclass(frozen=True)
class Pool:
    """What the functions take."""

    inputs: Any
    pool_size: Any
    strides: Any
    padding: str = "valid"
    data_format: str = "channels_last"
    name: Any = None

    def pooled(self, kind: type[Pooling]) -> tf.Tensor:
        """Returns the output of a new layer."""
        return kind(**given(self, "inputs"))(self.inputs)


@takes(Pool)
def max_pooling1d(call: Pool) -> tf.Tensor:
    """Returns the maximum of each window; see :class:`MaxPooling1D`."""
    return call.pooled(MaxPooling1D)


@takes(Pool)
def max_pooling2d(call: Pool) -> tf.Tensor:
    """Returns the maximum of each window; see :class:`MaxPooling2D`."""
    return call.pooled(MaxPooling2D)


@takes(Pool)
def max_pooling3d(call: Pool) -> tf.Tensor:
    """Returns the maximum of each window; see :class:`MaxPooling3D`."""
    return call.pooled(MaxPooling3D)


@takes(Pool)
def average_pooling1d(call: Pool) -> tf.Tensor:
    """Returns the mean of each window; see :class:`AveragePooling1D`."""
    return call.pooled(AveragePooling1D)


@takes(Pool)
def average_pooling2d(call: Pool) -> tf.Tensor:
    """Returns the mean of each window; see :class:`AveragePooling2D`."""
    return call.pooled(AveragePooling2D)


@takes(Pool)
def average_pooling3d(call: Pool) -> tf.Tensor:
    """Returns the mean of each window; see :class:`AveragePooling3D`."""
    return call.pooled(AveragePooling3D)
