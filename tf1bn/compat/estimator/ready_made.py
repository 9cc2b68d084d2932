"""The ready-made estimators: deep networks, linear models, both together, and the baseline.

Names and shapes of variables, metrics, predictions and signatures are those of ``tf.estimator`` 1.15.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import made_with
from tf1bn.compat.estimator import ready_optimizers
from tf1bn.compat.estimator import ready_signatures as signatures
from tf1bn.compat.estimator.estimator import Estimator
from tf1bn.compat.estimator.ready_heads import Head, require_reduction
from tf1bn.compat.estimator.ready_logits import DNN, LINEAR, Deep, Nothing, Wide, require_columns

Train = Callable[[Any], Any]


def _estimate(estimator: Any, call: Any, head: Head, networks: Sequence[Any], train: Train) -> None:
    """Makes an estimator whose logits are the sum of those of some networks."""

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        with errors.located(type(estimator).__name__):
            logits = sum_of([network.logits(features, mode, head.logits) for network in networks])
            with _inside(scope), tf.name_scope("head"):
                return head.spec(features, labels, mode, logits, train)

    scope = "" if isinstance(call, signatures.Combined) else networks[0].scope
    Estimator.__init__(estimator, model_fn, call.model_dir, call.config, warm_start_from=call.warm_start_from)


@contextlib.contextmanager
def _inside(scope: str) -> Iterator[None]:
    """Enters the variable scope and the name scope of a network again; those of none at all for "".

    There 1.15 made the slots of an optimizer, whose names in a checkpoint hang on it.
    """
    if not scope:
        yield
        return
    with tf.variable_scope(scope, auxiliary_name_scope=False), tf.name_scope(f"{scope}/"):
        yield


def sum_of(logits: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the sum of tensors, or the only one."""
    return logits[0] if len(logits) == 1 else tf.add_n(list(logits))


def _head(estimator: Any, call: Any) -> Head:
    with errors.located(type(estimator).__name__):
        head: Head = call.head(require_reduction(call.loss_reduction))
    return head


def _deep(where: Any, *given: Any) -> Deep:
    units, columns, *rest = given
    name = type(where).__name__
    if not units:
        raise errors.ArgumentError(errors.explain("`hidden_units` is empty", got=units), where=name)
    return Deep(list(units), require_columns(name, "feature_columns", columns), *rest)


def _estimate_deep(estimator: Any, call: signatures.DeepClasses | signatures.DeepNumbers) -> None:
    head = _head(estimator, call)
    layers = (call.activation_fn, call.dropout, call.input_layer_partitioner, call.batch_norm)
    deep = _deep(estimator, call.hidden_units, call.feature_columns, *layers)
    _estimate(estimator, call, head, [deep], ready_optimizers.one(call.optimizer, ready_optimizers.DEEP_RATE))


def _estimate_wide(estimator: Any, call: signatures.WideClasses | signatures.WideNumbers) -> None:
    head = _head(estimator, call)
    columns = require_columns(type(estimator).__name__, "feature_columns", call.feature_columns)
    wide = Wide(columns, call.partitioner, call.sparse_combiner)
    train = ready_optimizers.one(call.optimizer or ready_optimizers.by_columns(columns), ready_optimizers.WIDE_RATE)
    _estimate(estimator, call, head, [wide], train)


def _estimate_combined(estimator: Any, call: signatures.CombinedClasses | signatures.CombinedNumbers) -> None:
    head = _head(estimator, call)
    wide = (call.linear_feature_columns, call.input_layer_partitioner, call.linear_sparse_combiner)
    layers = (call.dnn_activation_fn, call.dnn_dropout, call.input_layer_partitioner, call.batch_norm)
    deep = (call.dnn_hidden_units, call.dnn_feature_columns, *layers)
    _estimate(estimator, call, head, *_combined(estimator, wide, call.linear_optimizer, deep, call.dnn_optimizer))


def _combined(where: Any, wide: Any, wide_optimizer: Any, deep: Any, deep_optimizer: Any) -> tuple[list[Any], Train]:
    """Returns the networks of a combined estimator, and its step.

    Args:
      wide: columns, partitioner and combiner. deep: the fields of a Deep.

    Raises:
      ArgumentError: neither has columns, or a deep one has no units.
    """
    networks: list[Any] = []
    parts: list[tuple[Any, float, str]] = []
    if deep[1]:
        networks.append(_deep(where, *deep))
        parts.append((deep_optimizer, ready_optimizers.DEEP_RATE_BESIDE_WIDE, DNN))
    if wide[0]:
        columns = tuple(wide[0])
        networks.append(Wide(columns, *wide[1:]))
        parts.append(
            (wide_optimizer, ready_optimizers.wide_rate(columns, ready_optimizers.WIDE_RATE_BESIDE_DEEP), LINEAR)
        )
    if not networks:
        text = errors.explain("neither `linear_feature_columns` nor `dnn_feature_columns` is given")
        raise errors.ArgumentError(text, where=type(where).__name__)
    return networks, ready_optimizers.several(parts)


def _estimate_baseline(estimator: Any, call: signatures.BaselineClasses | signatures.BaselineNumbers) -> None:
    _estimate(estimator, call, _head(estimator, call), [Nothing()], ready_optimizers.one(call.optimizer, 0.3))


class DNNClassifier(Estimator):
    """Classes from a stack of dense layers.

    Args:
      hidden_units: of the hidden layers.
      feature_columns: dense columns of ``tf.feature_column``.
      model_dir, config, warm_start_from: as an Estimator has them.
      n_classes: of labels 0, 1, ...
      weight_column: key of a feature, or a numeric column: weights of examples.
      label_vocabulary: the labels, where they are strings.
      optimizer: an optimizer of ``tf.train``, its maker, or a name, with learning rate 0.05.
      activation_fn: of the hidden layers. dropout: share of units that training drops.
      input_layer_partitioner: splits the variables of columns.
      loss_reduction: a value of ``tf.losses.Reduction``; by default losses of a batch are summed.
      batch_norm: whether the hidden layers are normalised, with momentum 0.999.

    Raises:
      ArgumentError: no units, no columns, fewer than 2 classes, a vocabulary of another size, a loss that is no scalar.
    """

    @made_with(signatures.DeepClasses)
    def __init__(self, call: signatures.DeepClasses) -> None:
        _estimate_deep(self, call)


class DNNRegressor(Estimator):
    """Numbers from a stack of dense layers; arguments as of :class:`DNNClassifier`, and ``label_dimension``."""

    @made_with(signatures.DeepNumbers)
    def __init__(self, call: signatures.DeepNumbers) -> None:
        _estimate_deep(self, call)


class LinearClassifier(Estimator):
    """Classes from a linear model.

    Args:
      feature_columns: of ``tf.feature_column``, dense and categorical.
      optimizer: an optimizer of ``tf.train``, its maker, or a name, with learning rate 0.2; None is Ftrl with
        min(0.2, 1 / sqrt(columns)).
      partitioner: splits variables.
      sparse_combiner: of the values of a categorical column: "sum", "mean" or "sqrtn".
      The others: as of :class:`DNNClassifier`.

    Raises:
      ArgumentError: no columns, fewer than 2 classes, a vocabulary of another size, a loss that is no scalar.
    """

    @made_with(signatures.WideClasses)
    def __init__(self, call: signatures.WideClasses) -> None:
        _estimate_wide(self, call)


class LinearRegressor(Estimator):
    """Numbers from a linear model; arguments as of :class:`LinearClassifier`, and ``label_dimension``."""

    @made_with(signatures.WideNumbers)
    def __init__(self, call: signatures.WideNumbers) -> None:
        _estimate_wide(self, call)


class DNNLinearCombinedClassifier(Estimator):
    """Classes from a linear model and a stack of dense layers, whose logits are added.

    Args:
      linear_feature_columns, linear_optimizer, linear_sparse_combiner: as of :class:`LinearClassifier`, with learning
        rate min(0.005, 1 / sqrt(columns)).
      dnn_feature_columns, dnn_optimizer, dnn_hidden_units, dnn_activation_fn, dnn_dropout: as of
        :class:`DNNClassifier`, with learning rate 0.001. The others: as there.

    Raises:
      ArgumentError: no columns at all, or as :class:`DNNClassifier`.
    """

    @made_with(signatures.CombinedClasses)
    def __init__(self, call: signatures.CombinedClasses) -> None:
        _estimate_combined(self, call)


class DNNLinearCombinedRegressor(Estimator):
    """Numbers from a linear model and dense layers; arguments as of :class:`DNNLinearCombinedClassifier`."""

    @made_with(signatures.CombinedNumbers)
    def __init__(self, call: signatures.CombinedNumbers) -> None:
        _estimate_combined(self, call)


class BaselineClassifier(Estimator):
    """The share of each class, whatever the features are; optimizers by name have learning rate 0.3."""

    @made_with(signatures.BaselineClasses)
    def __init__(self, call: signatures.BaselineClasses) -> None:
        _estimate_baseline(self, call)


class BaselineRegressor(Estimator):
    """The mean of the labels, whatever the features are; optimizers by name have learning rate 0.3."""

    @made_with(signatures.BaselineNumbers)
    def __init__(self, call: signatures.BaselineNumbers) -> None:
        _estimate_baseline(self, call)
