"""A fully connected layer."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place
from tf1bn.layers import arguments
from tf1bn.layers import scope as scopes
from tf1bn.layers.linear import Linear

_SCOPE = "dense"


def dense(
    inputs: Any,
    units: int,
    *,
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
    """Returns activation(normalizer(inputs x kernel + bias)).

    Shapes:
      inputs: ``[batch, ..., features]``, rank 2 or more, features known; the last axis is multiplied.
      outputs: ``[batch, ..., units]``.

    Variables (under ``scope``, by default ``dense``, ``dense_1``, ...; dtype of the inputs):
      kernel: ``[features, units]``, trainable; the variable scope's initializer, Glorot uniform without one.
      bias: ``[units]``, trainable, zeros.

    Graph effects:
      Both in GLOBAL_VARIABLES, MODEL_VARIABLES and, if ``trainable``, TRAINABLE_VARIABLES. Regularizers add to
      REGULARIZATION_LOSSES. What the normalizer makes stands in the same scope: ``dense/batch_norm/gamma``.

    Args:
      inputs: floating-point tensor.
      units: number of outputs, at least 1.
      activation: maps a tensor to a tensor, for example ``tf.nn.relu``.
      normalizer: maps a tensor to a tensor before the activation, for example
        ``lambda h: tf1bn.batch_norm(h, is_training)``.
      use_bias: by default False with a normalizer and True without: the mean that batch normalization subtracts
        contains the bias, and beta takes its place.
      kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer: callables.
      trainable: whether the variables are added to TRAINABLE_VARIABLES.
      scope: name of the variable scope, or a VariableScope.
      reuse: as in ``batch_norm``.

    Raises:
      GraphModeError, ArgumentTypeError, ArgumentError, ShapeError, ReuseError: as in ``batch_norm``.

    Example:
      >>> h = tf1bn.dense(x, 100, normalizer=lambda h: tf1bn.batch_norm(h, is_training), activation=tf.nn.relu)
    """
    with errors.located("dense", scope=scopes.display_name(scope, _SCOPE), inputs=arguments.shape_text(inputs)):
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
        units = arguments.size(units, "units")
        checked = arguments.dense(inputs)
        features = _features(arguments.static_shape(checked))
        return linear.build(
            checked,
            scope,
            _SCOPE,
            reuse,
            (features, units),
            apply=lambda x, kernel: tf.tensordot(x, kernel, 1) if x.shape.rank > 2 else tf.matmul(x, kernel),
            add_bias=tf.nn.bias_add,
        )


def _features(shape: tf.TensorShape) -> int:
    if shape.rank is None or shape.rank < 2:
        raise errors.ShapeError(errors.explain("`inputs` must have rank 2 or more", got=str(shape)))
    features = shape.as_list()[-1]
    if not features:
        raise errors.ShapeError(
            errors.explain("the last dimension of `inputs` must be known and positive", got=str(shape))
        )
    return features
