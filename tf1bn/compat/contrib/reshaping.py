"""Layers of tf.contrib.layers that reduce: maxout, spatial softmax, unit norm, gradient scale."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.convolution import layout
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_variable


@add_arg_scope
def maxout(inputs: Any, num_units: int, axis: int = -1, scope: Any = None) -> tf.Tensor:
    """Returns the maximum over each group of neighbouring channels, of which there are ``num_units``.

    Raises:
      ShapeError: the channels are unknown, or no multiple of ``num_units``.
    """
    with tf.variable_scope(scope, "MaxOut", [inputs]), errors.located("maxout"):
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.rank
        channels = inputs.shape.as_list()[axis] if rank else None
        if channels is None or num_units < 1 or channels % num_units:
            raise errors.ShapeError(
                errors.explain("the number of features must be a multiple of `num_units`", got=str(inputs.shape))
            )
        at, sizes = axis % rank, tf.shape(inputs)
        static = inputs.shape.as_list()
        grouped = tf.concat([sizes[:at], [num_units, channels // num_units], sizes[at + 1 :]], 0)
        outputs = tf.reduce_max(tf.reshape(inputs, grouped), at + 1)
        outputs.set_shape([*static[:at], num_units, *static[at + 1 :]])
        return outputs


@add_arg_scope
def spatial_softmax(
    features: Any,
    temperature: Any = None,
    name: str | None = None,
    variables_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
) -> tf.Tensor:
    """Returns the expected position of each channel's features, ``[batch, 2 * channels]``.

    For each channel the position along the height comes first, then that along the width. Positions
    go from -1 to 1; the weights are softmax(features / temperature) over the image.

    Variables (in ``name``, by default ``spatial_softmax``; also in MODEL_VARIABLES):
      temperature: scalar, initially ``temperature`` or 1; trainable with ``trainable``.

    Raises:
      ArgumentError: ``data_format``; ShapeError: unknown channels.
    """
    with tf.variable_scope(name, "spatial_softmax"), errors.located("spatial_softmax"):
        features = tf.convert_to_tensor(features)
        form = layout(data_format, ("NHWC", "NCHW"))
        if form == "channels_last":
            features = tf.transpose(features, [0, 3, 1, 2])
        channels, height, width = features.shape.with_rank(4).as_list()[1:]
        if channels is None:
            raise errors.ShapeError(errors.explain("the number of channels must be defined", got=str(features.shape)))
        if height is None or width is None:
            height, width = tf.shape(features)[2], tf.shape(features)[3]
        temperature = model_variable(
            "temperature",
            shape=(),
            dtype=features.dtype.base_dtype,
            initializer=tf.constant_initializer(1.0 if temperature is None else temperature),
            collections=named_outputs.get_variable_collections(variables_collections, "temperature"),
            trainable=trainable,
        )
        rows = tf.nn.softmax(tf.reshape(features, [-1, height * width]) / temperature)
        x, y = tf.meshgrid(tf.linspace(-1.0, 1.0, width), tf.linspace(-1.0, 1.0, height))
        places = tf.cast(tf.stack([tf.reshape(y, [-1]), tf.reshape(x, [-1])], 1), rows.dtype)
        return tf.reshape(tf.matmul(rows, places), [-1, channels * 2], name="feature_keypoints")


@add_arg_scope
def unit_norm(inputs: Any, dim: int, epsilon: float = 1e-7, scope: Any = None) -> tf.Tensor:
    """Returns inputs / sqrt(epsilon + sum(inputs^2)), the sum along ``dim``.

    Raises:
      ShapeError: the rank is unknown, or ``dim`` is outside.
    """
    with tf.variable_scope(scope, "UnitNorm", [inputs]), errors.located("unit_norm"):
        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.rank
        if rank is None or not 0 <= dim < rank:
            raise errors.ShapeError(errors.explain("`dim` must be positive and below the rank of `inputs`", got=dim))
        return inputs / tf.sqrt(epsilon + tf.reduce_sum(tf.square(inputs), dim, keepdims=True))


def scale_gradient(inputs: Any, gradient_multiplier: Any) -> tf.Tensor:
    """Returns the inputs; their gradient is multiplied by a number."""

    @tf.custom_gradient
    def scaled(x: tf.Tensor) -> Any:
        return tf.identity(x), lambda gradient: gradient * gradient_multiplier

    return scaled(tf.convert_to_tensor(inputs))
