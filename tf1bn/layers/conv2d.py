"""A two-dimensional convolution."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place
from tf1bn.layers import arguments
from tf1bn.layers import scope as scopes
from tf1bn.layers.linear import Linear

_SCOPE = "conv2d"
_CHANNELS = {"channels_last": 3, "channels_first": 1}


def conv2d(
    inputs: Any,
    filters: int,
    kernel_size: int | tuple[int, int],
    *,
    strides: int | tuple[int, int] = 1,
    padding: str = "same",
    data_format: str = "channels_last",
    dilation_rate: int | tuple[int, int] = 1,
    activation: Any = None,
    normalizer: Any = None,
    use_bias: bool | None = None,
    kernel_initializer: Any = None,
    bias_initializer: Any = None,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    trainable: bool = True,
    scope: str | tf.VariableScope | None = None,
    reuse: Any = None,
) -> tf.Tensor:
    """Returns activation(normalizer(inputs * kernel + bias)), where * is the cross-correlation of tf.nn.conv2d.

    Channels-first images are transposed for the convolution and back, since TensorFlow convolves
    channels-last only on CPU; on a GPU its layout pass takes the pair out again.

    Shapes:
      inputs: ``[batch, height, width, channels]`` or ``[batch, channels, height, width]``; channels known.
      outputs: the same with ``filters`` channels; height and width divided by the strides, rounded up, for
        padding "same".

    Variables (under ``scope``, by default ``conv2d``, ``conv2d_1``, ...; dtype of the inputs):
      kernel: ``[height, width, channels, filters]``, trainable; the variable scope's initializer, Glorot
        uniform without one.
      bias: ``[filters]``, trainable, zeros.

    Graph effects:
      As in ``dense``.

    Args:
      inputs: floating-point tensor of rank 4.
      filters: number of output channels, at least 1.
      kernel_size: height and width of the window, or one number for both.
      strides: likewise.
      padding: "same" or "valid".
      data_format: "channels_last" or "channels_first". A batch norm as normalizer needs ``axis=1`` for the latter.
      dilation_rate: likewise; above 1 only with strides of 1.
      activation, normalizer, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
        bias_regularizer, trainable, scope, reuse: as in ``dense``.

    Raises:
      GraphModeError, ArgumentTypeError, ArgumentError, ShapeError, ReuseError: as in ``batch_norm``.

    Example:
      >>> h = tf1bn.conv2d(images, 32, 3, normalizer=lambda h: tf1bn.batch_norm(h, is_training))
    """
    with errors.located("conv2d", scope=scopes.display_name(scope, _SCOPE), inputs=arguments.shape_text(inputs)):
        place.require_graph_mode()
        scopes.check(scope, reuse)
        linear = Linear(
            activation,
            use_bias,
            normalizer,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            trainable,
        )
        filters = arguments.size(filters, "filters")
        window = arguments.pair(kernel_size, "kernel_size")
        stride = arguments.pair(strides, "strides")
        dilation = arguments.pair(dilation_rate, "dilation_rate")
        arguments.choice(padding, "padding", ("same", "valid"))
        arguments.choice(data_format, "data_format", tuple(_CHANNELS))
        if max(stride) > 1 and max(dilation) > 1:
            raise errors.ArgumentError(
                errors.explain("`dilation_rate` and `strides` are both above 1", got=(dilation, stride))
            )
        checked = arguments.dense(inputs)
        channels = _channels(arguments.static_shape(checked), data_format)
        first = data_format == "channels_first"

        def apply(x: tf.Tensor, kernel: Any) -> tf.Tensor:
            x = tf.transpose(x, [0, 2, 3, 1]) if first else x
            y = tf.nn.conv2d(x, kernel, strides=stride, padding=padding.upper(), dilations=dilation)
            return tf.transpose(y, [0, 3, 1, 2]) if first else y

        def add_bias(y: tf.Tensor, bias: Any) -> tf.Tensor:
            return y + tf.reshape(bias, [-1, 1, 1]) if first else tf.nn.bias_add(y, bias)

        return linear.build(checked, scope, _SCOPE, reuse, (*window, channels, filters), apply, add_bias)


def _channels(shape: tf.TensorShape, data_format: str) -> int:
    if shape.rank != 4:
        raise errors.ShapeError(errors.explain("`inputs` must have rank 4", got=str(shape)))
    channels = shape.as_list()[_CHANNELS[data_format]]
    if not channels:
        raise errors.ShapeError(
            errors.explain(
                f"the channel dimension of `inputs` must be known and positive for data_format {data_format!r}",
                got=str(shape),
            )
        )
    return channels
