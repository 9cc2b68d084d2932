"""``conv2d_in_plane`` of tf.contrib.layers: one small kernel for every channel."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.affine import Affine
from tf1bn.compat.contrib.convolution import Window
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_variable
from tf1bn.compat.tf_layers import windows


@dataclass(frozen=True)
class InPlane(Affine, Window):
    """What ``convolution2d_in_plane`` is given."""

    num_outputs: int = field(default=1, init=False)
    data_format: str = field(default="NHWC", init=False)
    rate: Any = field(default=1, init=False)

    def variable(self, name: str, shape: list[int], dtype: Any, initializer: Any, regularizer: Any) -> Any:
        """Returns a model variable of the layer."""
        return model_variable(
            name,
            shape=shape,
            dtype=dtype,
            initializer=initializer,
            regularizer=regularizer,
            collections=named_outputs.get_variable_collections(self.variables_collections, name),
            trainable=self.trainable,
        )


@add_arg_scope
@takes(InPlane)
def convolution2d_in_plane(call: InPlane) -> tf.Tensor:
    """Returns activation_fn(normalizer_fn(each channel convolved with the same weights + biases)).

    Variables (in ``scope``, by default ``ConvInPlane``, ``ConvInPlane_1``, ...; also in MODEL_VARIABLES):
      weights ``[height, width, 1, 1]``; biases ``[channels]``, unless there is a ``normalizer_fn`` or
      ``biases_initializer`` is None.

    Raises:
      ShapeError: inputs that are not ``[batch, height, width, channels]`` with channels known.
    """
    with call.entered("ConvInPlane", call.inputs) as entered:
        inputs = tf.convert_to_tensor(call.inputs)
        dtype = inputs.dtype.base_dtype
        channels = inputs.shape.as_list()[-1] if inputs.shape.rank == 4 else None
        if channels is None:
            raise errors.ShapeError(
                errors.explain("`inputs` must have rank 4 and known channels", got=str(inputs.shape)),
                where="conv2d_in_plane",
            )
        window = [*windows.sizes(call.kernel_size, 2, "kernel_size"), 1, 1]
        weights = call.variable("weights", window, dtype, call.weights_initializer, call.weights_regularizer)
        weights = tf.tile(weights, [1, 1, channels, 1])
        strides = [1, *windows.sizes(call.stride, 2, "stride"), 1]
        outputs = tf.nn.depthwise_conv2d(inputs, weights, strides, call.padding)
        if call.uses_bias:
            biases = call.variable("biases", [channels], dtype, call.biases_initializer, call.biases_regularizer)
            outputs = tf.nn.bias_add(outputs, biases)
        return call.finished(outputs, entered)


conv2d_in_plane = convolution2d_in_plane
