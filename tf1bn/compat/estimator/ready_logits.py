"""The networks of ready-made estimators: from features to logits, by feature columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import tf_layers
from tf1bn.compat.estimator.modes import ModeKeys

DNN, LINEAR = "dnn", "linear"
"""Scopes of the two networks."""

_SMALLEST_SLICE = 64 << 20  # bytes; variables below it stay whole


class Deep(NamedTuple):
    """A stack of dense layers.

    logits = dense(...activation(dense(columns of features))...)

    Variables, in the scope ``dnn``:
      input_from_feature_columns/input_layer/COLUMN_embedding/embedding_weights; hiddenlayer_I/kernel and bias;
      hiddenlayer_I/batchnorm_I/* where asked for; logits/kernel and bias.

    Attributes:
      units: of the hidden layers.
      columns: dense feature columns.
      activation: of the hidden layers.
      dropout: share of units that training drops, or None.
      partitioner: splits variables; None leaves what is below 64 MB whole.
      batch_norm: whether each hidden layer is normalised, with momentum 0.999.
    """

    units: Sequence[int]
    columns: Sequence[Any]
    activation: Callable[[Any], Any] | None
    dropout: float | None
    partitioner: Any
    batch_norm: bool

    @property
    def scope(self) -> str:
        """Of its variables."""
        return DNN

    def logits(self, features: Mapping[str, Any], mode: str, count: int) -> tf.Tensor:
        """Returns logits ``[batch, count]``, with summaries of the layers."""
        training = mode == ModeKeys.TRAIN
        splits = tf.min_max_variable_partitioner(1)
        with tf.variable_scope(DNN, partitioner=splits):
            chosen = self.partitioner or tf.min_max_variable_partitioner(1, min_slice_size=_SMALLEST_SLICE)
            with tf.variable_scope("input_from_feature_columns", partitioner=chosen):
                net = tf.feature_column.input_layer(features, self.columns)
            for number, units in enumerate(self.units):
                net = self._hidden(net, number, units, training)
            with tf.variable_scope("logits") as scope:
                logits = _dense(net, count, None, scope)
            _summarize(logits, scope.name)
        return logits

    def _hidden(self, net: Any, number: int, units: int, training: bool) -> Any:
        with tf.variable_scope(f"hiddenlayer_{number}") as scope:
            net = _dense(net, units, self.activation, scope)
            if self.dropout is not None and training:
                net = tf_layers.dropout(net, rate=self.dropout, training=True)
            if self.batch_norm:
                net = tf_layers.batch_normalization(net, momentum=0.999, training=training, name=f"batchnorm_{number}")
        _summarize(net, scope.name)
        return net


class Wide(NamedTuple):
    """A linear model: logits = sum over columns of weights of what they hold, + bias_weights.

    Variables, in the scope ``linear/linear_model``:
      COLUMN/weights, initially 0, and bias_weights.

    Attributes:
      columns: feature columns, dense and categorical.
      partitioner: splits variables; None leaves what is below 64 MB whole.
      combiner: of the values of a categorical column: "sum", "mean" or "sqrtn".
    """

    columns: Sequence[Any]
    partitioner: Any
    combiner: str

    @property
    def scope(self) -> str:
        """Of its variables."""
        return LINEAR

    def logits(self, features: Mapping[str, Any], mode: str, count: int) -> tf.Tensor:
        """Returns logits ``[batch, count]``, with summaries of the weights."""
        del mode
        splits = self.partitioner or tf.min_max_variable_partitioner(1, min_slice_size=_SMALLEST_SLICE)
        with tf.variable_scope(LINEAR, partitioner=splits) as scope:
            logits = tf.feature_column.linear_model(features, self.columns, units=count, sparse_combiner=self.combiner)
            weights = [v for v in tf.trainable_variables(scope.name + "/") if not _is_bias(v)]
            if weights:
                tf.summary.scalar("fraction_of_zero_weights", tf.nn.zero_fraction(_joined(weights)))
        return logits


class Nothing(NamedTuple):
    """A model that looks at no feature: logits = bias, for every example.

    Variables:
      baseline/bias: ``[logits]``, initially 0.
    """

    @property
    def scope(self) -> str:
        """None: 1.15 made the slots of its optimizer outside."""
        return ""

    def logits(self, features: Any, mode: str, count: int) -> tf.Tensor:
        """Returns logits ``[batch, count]``."""
        del mode
        first = tf.nest.flatten(features, expand_composites=False)[0]
        batch = first.dense_shape[0] if isinstance(first, tf.SparseTensor) else tf.shape(first)[0]
        with tf.variable_scope("baseline"):
            bias = tf.get_variable("bias", [count], initializer=tf.zeros_initializer())
            return tf.ones(tf.stack([batch, 1])) * bias


def require_columns(where: str, name: str, columns: Any) -> tuple[Any, ...]:
    """Returns feature columns as a tuple.

    Raises:
      ArgumentError: there are none.
    """
    found = tuple(columns) if columns is not None and not isinstance(columns, str | tf.Tensor) else ()
    if not found:
        raise errors.ArgumentError(
            errors.explain(f"`{name}` is empty", got=columns, expected="columns of tf.feature_column"), where=where
        )
    return found


def _dense(net: Any, units: int, activation: Any, scope: Any) -> Any:
    start = tf.glorot_uniform_initializer()
    return tf_layers.dense(net, units, activation=activation, kernel_initializer=start, name=scope)


def _summarize(value: Any, name: str) -> None:
    tf.summary.scalar(f"{name}/fraction_of_zero_values", tf.nn.zero_fraction(value))
    tf.summary.histogram(f"{name}/activation", value)


def _is_bias(variable: Any) -> bool:
    return "/bias_weights" in variable.op.name


def _joined(variables: Sequence[Any]) -> tf.Tensor:
    return tf.concat([tf.reshape(variable, [-1]) for variable in variables], 0)
