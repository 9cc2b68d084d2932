"""``separable_conv2d`` of tf.contrib.layers."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.convolution import layout
from tf1bn.compat.contrib.initializers import XAVIER, ZEROS
from tf1bn.compat.contrib.linear import collected, finished, uses_bias
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_getter
from tf1bn.compat.tf_layers import windows
from tf1bn.compat.tf_layers.separable import SeparableConv2D

_NAMES = {"bias": "biases", "depthwise_kernel": "depthwise_weights", "pointwise_kernel": "pointwise_weights"}


class _Depthwise(SeparableConv2D):
    """The first half of a separable convolution: each channel by itself."""

    def _shapes(self, channels: int) -> dict[str, tuple[int, ...]]:
        self.filters = channels * self.depth_multiplier
        return {"depthwise": super()._shapes(channels)["depthwise"]}

    def _convolved(self, x: tf.Tensor) -> tf.Tensor:
        strides = (1, *self.strides, 1)
        return tf.nn.depthwise_conv2d(
            x, self.depthwise_kernel, strides, self.padding.upper(), rate=self.dilation_rate, name="depthwise"
        )


@add_arg_scope
def separable_convolution2d(
    inputs: Any,
    num_outputs: int | None,
    kernel_size: Any,
    depth_multiplier: int = 1,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str = "NHWC",
    rate: Any = 1,
    activation_fn: Any = tf.nn.relu,
    normalizer_fn: Any = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Any = XAVIER,
    pointwise_initializer: Any = None,
    weights_regularizer: Any = None,
    biases_initializer: Any = ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tf.Tensor:
    """Returns activation_fn(normalizer_fn(separable convolution + biases)).

    Variables (in ``scope``, by default ``SeparableConv2d``, ...; also in MODEL_VARIABLES):
      depthwise_weights ``[*window, channels, depth_multiplier]``; pointwise_weights
      ``[1, 1, channels * depth_multiplier, num_outputs]``; biases as in ``convolution``.

    Args:
      num_outputs: None leaves the second half out; there are then ``channels * depth_multiplier`` outputs.
      others: as in contrib.
    """
    with errors.located("separable_conv2d", scope=getattr(scope, "name", scope)):
        form = layout(data_format, ("NHWC", "NCHW"))
        with tf.variable_scope(
            scope, "SeparableConv2d", [inputs], reuse=reuse, custom_getter=model_getter(_NAMES)
        ) as entered:
            inputs = tf.convert_to_tensor(inputs)
            if not inputs.dtype.is_floating:
                raise errors.ArgumentTypeError(errors.explain("`weights` must be floats", got=inputs.dtype.name))
            layer = (SeparableConv2D if num_outputs is not None else _Depthwise)(
                1 if num_outputs is None else num_outputs,
                kernel_size,
                strides=stride,
                padding=padding,
                data_format=form,
                dilation_rate=windows.sizes(rate, 2, "rate"),
                depth_multiplier=depth_multiplier,
                use_bias=uses_bias(normalizer_fn, biases_initializer),
                depthwise_initializer=weights_initializer,
                pointwise_initializer=weights_initializer if pointwise_initializer is None else pointwise_initializer,
                bias_initializer=biases_initializer,
                depthwise_regularizer=weights_regularizer,
                pointwise_regularizer=weights_regularizer,
                bias_regularizer=biases_regularizer,
                trainable=trainable,
                name=entered.name,
                dtype=inputs.dtype.base_dtype,
                _scope=entered,
                _reuse=reuse,
            )
            kernels = {"weights": ["depthwise_kernel", "pointwise_kernel"]}
            outputs = collected(layer, layer(inputs), variables_collections, kernels)
            outputs = finished(outputs, normalizer_fn, normalizer_params, activation_fn)
            return named_outputs.collect_named_outputs(outputs_collections, entered.name, outputs)


separable_conv2d = separable_convolution2d
