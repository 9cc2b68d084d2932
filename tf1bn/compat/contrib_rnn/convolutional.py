"""Convolutional LSTM along one, two or three axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.rnn_base import LSTMStateTuple, RNNCell

_CONVOLUTIONS = {1: tf.nn.conv1d, 2: tf.nn.conv2d, 3: tf.nn.conv3d}


class ConvLSTMCell(RNNCell):
    """An LSTM whose maps are convolutions, padded to the same size; channels come last.

    i, j, f, o = conv([inputs, h], kernel) + biases
    c = sigmoid(f + forget_bias) * c + sigmoid(i) * tanh(j)
    h = sigmoid(o) * tanh(c)

    With ``skip_connection`` the inputs are joined to the output. (In the original also to h, which made any second step
    fail; here h is without them.)

    Variables:
      ``kernel`` ``[*kernel_shape, input channels + output_channels, 4 * output_channels]`` and ``biases``.

    Args:
      conv_ndims: 1, 2 or 3.
      input_shape: of the inputs without the batch, channels last.
      kernel_shape: one size for each axis.
      initializers: of the kernel; by default the scope's. The original accepted it and did nothing with it.

    Raises:
      ArgumentError: an ``input_shape`` or a ``kernel_shape`` that does not fit ``conv_ndims``.

    Source: Shi, Chen, Wang, Yeung, Wong, Woo: Convolutional LSTM network (2015).
    """

    def __init__(
        self,
        conv_ndims: int,
        input_shape: Sequence[int],
        output_channels: int,
        kernel_shape: Sequence[int],
        use_bias: bool = True,
        skip_connection: bool = False,
        forget_bias: float = 1.0,
        initializers: Any = None,
        name: str = "conv_lstm_cell",
    ) -> None:
        super().__init__(name=name)
        if conv_ndims != len(input_shape) - 1 or conv_ndims != len(kernel_shape):
            raise errors.ArgumentError(
                errors.explain(
                    "`input_shape` and `kernel_shape` do not fit `conv_ndims`",
                    got=(conv_ndims, list(input_shape), list(kernel_shape)),
                    expected="input_shape with one entry more than conv_ndims, kernel_shape with as many",
                ),
                where="ConvLSTMCell",
            )
        self._axes, self._space = conv_ndims, list(input_shape)[:-1]
        self._channels, self._kernel = output_channels, list(kernel_shape)
        self._extra = list(input_shape)[-1] if skip_connection else 0
        self._biased, self._forget_bias, self._initializer = use_bias, forget_bias, initializers

    @property
    def state_size(self) -> Any:
        """Shapes of c and of h without the batch."""
        size = tf.TensorShape([*self._space, self._channels])
        return LSTMStateTuple(size, size)

    @property
    def output_size(self) -> Any:
        """Shape of the output without the batch."""
        return tf.TensorShape([*self._space, self._channels + self._extra])

    def call(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        """Returns h, joined with the inputs if so asked, and the new state."""
        c, h = state
        i, j, f, o = tf.split(self._convolved(tf.concat([inputs, h], -1)), 4, axis=-1)
        c = tf.sigmoid(f + self._forget_bias) * c + tf.sigmoid(i) * tf.tanh(j)
        h = tf.tanh(c) * tf.sigmoid(o)
        return tf.concat([h, inputs], -1) if self._extra else h, LSTMStateTuple(c, h)

    def _convolved(self, joined: Any) -> Any:
        filters = 4 * self._channels
        shape = [*self._kernel, joined.shape.as_list()[-1], filters]
        kernel = self.add_variable("kernel", shape, self._initializer, joined.dtype)
        strides = 1 if self._axes == 1 else [1] * (self._axes + 2)
        result = _CONVOLUTIONS[self._axes](joined, kernel, strides, padding="SAME")
        if not self._biased:
            return result
        return result + self.add_variable("biases", [filters], tf.zeros_initializer(), joined.dtype)


class Conv1DLSTMCell(ConvLSTMCell):
    """:class:`ConvLSTMCell` along one axis."""

    def __init__(self, name: str = "conv_1d_lstm_cell", **options: Any) -> None:
        super().__init__(conv_ndims=1, name=name, **options)


class Conv2DLSTMCell(ConvLSTMCell):
    """:class:`ConvLSTMCell` along two axes."""

    def __init__(self, name: str = "conv_2d_lstm_cell", **options: Any) -> None:
        super().__init__(conv_ndims=2, name=name, **options)


class Conv3DLSTMCell(ConvLSTMCell):
    """:class:`ConvLSTMCell` along three axes."""

    def __init__(self, name: str = "conv_3d_lstm_cell", **options: Any) -> None:
        super().__init__(conv_ndims=3, name=name, **options)
