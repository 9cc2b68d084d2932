"""``legacy_fully_connected`` of tf.contrib.layers, with the names and collections of the first versions."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.initializers import XAVIER, ZEROS


def legacy_fully_connected(
    x: Any,
    num_output_units: int,
    activation_fn: Any = None,
    weight_init: Any = XAVIER,
    bias_init: Any = ZEROS,
    name: Any = None,
    weight_collections: Sequence[str] | None = (tf.GraphKeys.WEIGHTS,),
    bias_collections: Sequence[str] | None = (tf.GraphKeys.BIASES,),
    output_collections: Sequence[str] | None = (tf.GraphKeys.ACTIVATIONS,),
    trainable: bool = True,
    weight_regularizer: Any = None,
    bias_regularizer: Any = None,
) -> tf.Tensor:
    """Returns activation_fn(x @ weights + bias), the product over the last axis.

    Variables (in ``name``, by default ``fully_connected``, ...; not in MODEL_VARIABLES):
      weights ``[features, num_output_units]``; bias ``[num_output_units]``, unless ``bias_init`` is None. They are in
      GLOBAL_VARIABLES and in the collections given.

    Raises:
      ShapeError: a rank below 2 or unknown, or an unknown number of features.
    """
    with tf.variable_scope(name, "fully_connected", [x]):
        x = tf.convert_to_tensor(x)
        rank = x.shape.rank
        if rank is None or rank < 2 or x.shape.as_list()[-1] is None:
            lacking = "last dimension of x must be known but is None"
            if rank is None or rank < 2:
                lacking = f"rank of x must be at least 2 not: {rank}" if rank else "dims of x must be known but is None"
            raise errors.ShapeError(errors.explain(lacking, got=str(x.shape)), where="legacy_fully_connected")
        features = x.shape.as_list()[-1]

        def made(leaf: str, shape: list[int], initializer: Any, collections: Any, regularizer: Any) -> Any:
            return tf.get_variable(
                leaf,
                shape,
                x.dtype.base_dtype,
                initializer,
                regularizer,
                trainable,
                sorted({*(collections or ()), tf.GraphKeys.GLOBAL_VARIABLES}),
            )

        weights = made("weights", [features, num_output_units], weight_init, weight_collections, weight_regularizer)
        y = tf.matmul(x if rank == 2 else tf.reshape(x, [-1, features]), weights)
        if bias_init is not None:
            y = tf.nn.bias_add(y, made("bias", [num_output_units], bias_init, bias_collections, bias_regularizer))
        if rank > 2:
            y = tf.reshape(y, tf.concat([tf.shape(x)[:-1], [num_output_units]], 0))
            y.set_shape([*x.shape.as_list()[:-1], num_output_units])
        y = y if activation_fn is None else activation_fn(y)
        tf.add_to_collections(list(output_collections or ()), y)
        return y


legacy_linear = functools.partial(legacy_fully_connected, activation_fn=None)
legacy_relu = functools.partial(legacy_fully_connected, activation_fn=tf.nn.relu)
