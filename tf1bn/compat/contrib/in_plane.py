"""``conv2d_in_plane`` of tf.contrib.layers: one small kernel for every channel."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.initializers import XAVIER, ZEROS
from tf1bn.compat.contrib.linear import finished, uses_bias
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_variable
from tf1bn.compat.tf_layers import windows


@add_arg_scope
def convolution2d_in_plane(
    inputs: Any,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    activation_fn: Any = tf.nn.relu,
    normalizer_fn: Any = None,
    normalizer_params: dict[str, Any] | None = None,
    weights_initializer: Any = XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Any = ZEROS,
    biases_regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tf.Tensor:
    """Returns activation_fn(normalizer_fn(each channel convolved with the same weights + biases)).

    Variables (in ``scope``, by default ``ConvInPlane``, ``ConvInPlane_1``, ...; also in MODEL_VARIABLES):
      weights ``[height, width, 1, 1]``; biases ``[channels]``, unless there is a ``normalizer_fn`` or
      ``biases_initializer`` is None.

    Raises:
      ShapeError: inputs that are not ``[batch, height, width, channels]`` with channels known.
    """
    with tf.variable_scope(scope, "ConvInPlane", [inputs], reuse=reuse) as entered:
        inputs = tf.convert_to_tensor(inputs)
        channels = inputs.shape.as_list()[-1] if inputs.shape.rank == 4 else None
        if channels is None:
            raise errors.ShapeError(
                errors.explain("`inputs` must have rank 4 and known channels", got=str(inputs.shape)),
                where="conv2d_in_plane",
            )

        def made(name: str, shape: Any, initializer: Any, regularizer: Any) -> Any:
            return model_variable(
                name,
                shape=shape,
                dtype=inputs.dtype.base_dtype,
                initializer=initializer,
                regularizer=regularizer,
                collections=named_outputs.get_variable_collections(variables_collections, name),
                trainable=trainable,
            )

        window = [*windows.sizes(kernel_size, 2, "kernel_size"), 1, 1]
        weights = tf.tile(made("weights", window, weights_initializer, weights_regularizer), [1, 1, channels, 1])
        strides = [1, *windows.sizes(stride, 2, "stride"), 1]
        outputs = tf.nn.depthwise_conv2d(inputs, weights, strides, padding)
        if uses_bias(normalizer_fn, biases_initializer):
            outputs = tf.nn.bias_add(outputs, made("biases", [channels], biases_initializer, biases_regularizer))
        outputs = finished(outputs, normalizer_fn, normalizer_params, activation_fn)
        return named_outputs.collect_named_outputs(outputs_collections, entered.name, outputs)


conv2d_in_plane = convolution2d_in_plane
