"""``fully_connected`` and ``bias_add`` of tf.contrib.layers, and what all its linear layers share."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import named_outputs
from tf1bn.compat.contrib.initializers import XAVIER, ZEROS
from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import model_getter, model_variable
from tf1bn.compat.tf_layers.base import Layer
from tf1bn.compat.tf_layers.core import Dense

NAMES = {"kernel": "weights", "bias": "biases"}


@add_arg_scope
def fully_connected(
    inputs: Any,
    num_outputs: int,
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
    """Returns activation_fn(normalizer_fn(inputs x weights + biases)).

    Variables (in ``scope``, by default ``fully_connected``, ``fully_connected_1``, ...; also in MODEL_VARIABLES):
      weights ``[features, num_outputs]``; biases ``[num_outputs]``, unless there is a ``normalizer_fn`` or
      ``biases_initializer`` is None.
    """
    if isinstance(num_outputs, bool) or not isinstance(num_outputs, (int, np.integer, tf.Dimension)):
        raise errors.ArgumentError(
            errors.explain("`num_outputs` must be an integer", got=num_outputs), where="fully_connected"
        )
    with tf.variable_scope(
        scope, "fully_connected", [inputs], reuse=reuse, custom_getter=model_getter(NAMES)
    ) as entered:
        inputs = tf.convert_to_tensor(inputs)
        layer = Dense(
            num_outputs,
            use_bias=uses_bias(normalizer_fn, biases_initializer),
            kernel_initializer=weights_initializer,
            bias_initializer=biases_initializer,
            kernel_regularizer=weights_regularizer,
            bias_regularizer=biases_regularizer,
            trainable=trainable,
            name=entered.name,
            dtype=inputs.dtype.base_dtype,
            _scope=entered,
            _reuse=reuse,
        )
        outputs = collected(layer, layer(inputs), variables_collections, {"weights": ["kernel"]})
        outputs = finished(outputs, normalizer_fn, normalizer_params, activation_fn)
        return named_outputs.collect_named_outputs(outputs_collections, entered.name, outputs)


relu = functools.partial(fully_connected, activation_fn=tf.nn.relu)
elu = functools.partial(fully_connected, activation_fn=tf.nn.elu)
relu6 = functools.partial(fully_connected, activation_fn=tf.nn.relu6)
linear = functools.partial(fully_connected, activation_fn=None)


@add_arg_scope
def bias_add(
    inputs: Any,
    activation_fn: Any = None,
    initializer: Any = ZEROS,
    regularizer: Any = None,
    reuse: Any = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> tf.Tensor:
    """Returns activation_fn(inputs + biases), one bias per channel.

    Raises:
      ArgumentError: ``data_format``; ShapeError: rank or channels unknown, or NCHW without rank 4.
    """
    with errors.located("bias_add"):
        if data_format not in ("NHWC", "NCHW"):
            raise errors.ArgumentError(errors.explain("`data_format` has to be either NCHW or NHWC", got=data_format))
        with tf.variable_scope(scope, "BiasAdd", [inputs], reuse=reuse) as entered:
            inputs = tf.convert_to_tensor(inputs)
            rank = inputs.shape.rank
            if rank is None or (rank != 4 and data_format == "NCHW"):
                raise errors.ShapeError(errors.explain(f"`inputs` does not fit {data_format}", got=str(inputs.shape)))
            channels = inputs.shape.as_list()[1 if data_format == "NCHW" else -1]
            if channels is None:
                raise errors.ShapeError(
                    errors.explain("`inputs` has an undefined channel dimension", got=str(inputs.shape))
                )
            biases = model_variable(
                "biases",
                shape=[channels],
                dtype=inputs.dtype.base_dtype,
                initializer=initializer,
                regularizer=regularizer,
                collections=named_outputs.get_variable_collections(variables_collections, "biases"),
                trainable=trainable,
            )
            outputs = tf.nn.bias_add(inputs, biases, data_format=data_format)
            outputs = outputs if activation_fn is None else activation_fn(outputs)
            return named_outputs.collect_named_outputs(outputs_collections, entered.name, outputs)


def uses_bias(normalizer_fn: Any, biases_initializer: Any) -> bool:
    """Whether a layer has biases: not before a normalizer, whose mean would take them out."""
    return not normalizer_fn and biases_initializer is not None


def collected(layer: Layer, outputs: Any, collections: Any, kernels: dict[str, list[str]]) -> Any:
    """Adds a layer's kernels and bias to the collections that are asked for by kind; returns the output."""
    for kind, leaves in {**kernels, "biases": ["bias"]}.items():
        for leaf in leaves:
            variable = getattr(layer, leaf)
            if variable is not None:
                named_outputs.add_variable(variable, collections, kind)
    return outputs


def finished(outputs: Any, normalizer_fn: Any, normalizer_params: Any, activation_fn: Any) -> Any:
    """Returns the output after normalizer and activation."""
    if normalizer_fn is not None:
        outputs = normalizer_fn(outputs, **(normalizer_params or {}))
    return outputs if activation_fn is None else activation_fn(outputs)
