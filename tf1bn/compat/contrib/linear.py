"""``fully_connected`` and ``bias_add`` of tf.contrib.layers."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.affine import NAMES, Affine, Outputs, activated
from tf1bn.compat.contrib.initializers import ZEROS
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_variable
from tf1bn.compat.tf_layers.core import Dense


@dataclass(frozen=True)
class FullyConnected(Affine, Outputs):
    """What ``fully_connected`` is given."""


@add_arg_scope
@takes(FullyConnected)
def fully_connected(call: FullyConnected) -> tf.Tensor:
    """Returns activation_fn(normalizer_fn(inputs x weights + biases)).

    Variables (in ``scope``, by default ``fully_connected``, ``fully_connected_1``, ...; also in MODEL_VARIABLES):
      weights ``[features, num_outputs]``; biases ``[num_outputs]``, unless there is a ``normalizer_fn`` or
      ``biases_initializer`` is None.
    """
    units = call.num_outputs
    if isinstance(units, bool) or not isinstance(units, (int, np.integer, tf.Dimension)):
        raise errors.ArgumentError(
            errors.explain("`num_outputs` must be an integer", got=units), where="fully_connected"
        )
    with call.entered("fully_connected", call.inputs, NAMES) as entered:
        inputs = tf.convert_to_tensor(call.inputs)
        return call.applied(Dense, inputs, entered, units=units, **call.weights())


relu = functools.partial(fully_connected, activation_fn=tf.nn.relu)
elu = functools.partial(fully_connected, activation_fn=tf.nn.elu)
relu6 = functools.partial(fully_connected, activation_fn=tf.nn.relu6)
linear = functools.partial(fully_connected, activation_fn=None)


@dataclass(frozen=True)
class BiasAdd:
    """What ``bias_add`` is given."""

    inputs: Any
    activation_fn: Any = None
    initializer: Any = ZEROS
    regularizer: Any = None
    reuse: Any = None
    variables_collections: Any = None
    outputs_collections: Any = None
    trainable: bool = True
    data_format: str = "NHWC"
    scope: Any = None


@add_arg_scope
@takes(BiasAdd)
def bias_add(call: BiasAdd) -> tf.Tensor:
    """Returns activation_fn(inputs + biases), one bias per channel.

    Raises:
      ArgumentError: ``data_format``; ShapeError: rank or channels unknown, or NCHW without rank 4.
    """
    with errors.located("bias_add"):
        if call.data_format not in ("NHWC", "NCHW"):
            raise errors.ArgumentError(
                errors.explain("`data_format` has to be either NCHW or NHWC", got=call.data_format)
            )
        with tf.variable_scope(call.scope, "BiasAdd", [call.inputs], reuse=call.reuse) as entered:
            inputs = tf.convert_to_tensor(call.inputs)
            rank = inputs.shape.rank
            if rank is None or (rank != 4 and call.data_format == "NCHW"):
                raise errors.ShapeError(
                    errors.explain(f"`inputs` does not fit {call.data_format}", got=str(inputs.shape))
                )
            channels = inputs.shape.as_list()[1 if call.data_format == "NCHW" else -1]
            if channels is None:
                raise errors.ShapeError(
                    errors.explain("`inputs` has an undefined channel dimension", got=str(inputs.shape))
                )
            biases = model_variable(
                "biases",
                shape=[channels],
                dtype=inputs.dtype.base_dtype,
                initializer=call.initializer,
                regularizer=call.regularizer,
                collections=named_outputs.get_variable_collections(call.variables_collections, "biases"),
                trainable=call.trainable,
            )
            outputs = tf.nn.bias_add(inputs, biases, data_format=call.data_format)
            return activated(call, outputs, entered)
