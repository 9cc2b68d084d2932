"""The ready-made estimators: deep networks, linear models, both together, and the baseline.

Names and shapes of variables, metrics, predictions and signatures are those of ``tf.estimator`` 1.15.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import ready_optimizers
from tf1bn.compat.estimator.estimator import Estimator
from tf1bn.compat.estimator.ready_heads import Head, Regression, classes, require_reduction
from tf1bn.compat.estimator.ready_logits import DNN, LINEAR, Deep, Nothing, Wide, require_columns

_SUM = tf.losses.Reduction.SUM
Train = Callable[[Any], Any]


def _estimate(
    estimator: Any, head: Head, networks: Sequence[Any], train: Train, model_dir: Any, config: Any, warm: Any = None
) -> None:
    """Makes an estimator whose logits are the sum of those of some networks."""

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        with errors.located(type(estimator).__name__):
            logits = sum_of([network.logits(features, mode, head.logits) for network in networks])
            with _inside(scope), tf.name_scope("head"):
                return head.spec(features, labels, mode, logits, train)

    combined = isinstance(estimator, DNNLinearCombinedClassifier | DNNLinearCombinedRegressor)
    scope = "" if combined else networks[0].scope
    Estimator.__init__(estimator, model_fn, model_dir, config, warm_start_from=warm)


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


def _classes(where: Any, count: int, vocabulary: Any, weight_column: Any, reduction: Any) -> Head:
    with errors.located(type(where).__name__):
        return classes(count, vocabulary, weight_column, require_reduction(reduction))


def _numbers(where: Any, dimension: int, weight_column: Any, reduction: Any) -> Head:
    with errors.located(type(where).__name__):
        return Regression(dimension, weight_column, require_reduction(reduction))


def _deep(where: Any, *given: Any) -> Deep:
    units, columns, *rest = given
    name = type(where).__name__
    if not units:
        raise errors.ArgumentError(errors.explain("`hidden_units` is empty", got=units), where=name)
    return Deep(list(units), require_columns(name, "feature_columns", columns), *rest)


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

    def __init__(
        self,
        hidden_units: Sequence[int],
        feature_columns: Any,
        model_dir: str | None = None,
        n_classes: int = 2,
        weight_column: Any = None,
        label_vocabulary: Any = None,
        optimizer: Any = "Adagrad",
        activation_fn: Any = tf.nn.relu,
        dropout: float | None = None,
        input_layer_partitioner: Any = None,
        config: Any = None,
        warm_start_from: Any = None,
        loss_reduction: str = _SUM,
        batch_norm: bool = False,
    ) -> None:
        head = _classes(self, n_classes, label_vocabulary, weight_column, loss_reduction)
        deep = _deep(self, hidden_units, feature_columns, activation_fn, dropout, input_layer_partitioner, batch_norm)
        train = ready_optimizers.one(optimizer, ready_optimizers.DEEP_RATE)
        _estimate(self, head, [deep], train, model_dir, config, warm_start_from)


class DNNRegressor(Estimator):
    """Numbers from a stack of dense layers; arguments as of :class:`DNNClassifier`, and ``label_dimension``."""

    def __init__(
        self,
        hidden_units: Sequence[int],
        feature_columns: Any,
        model_dir: str | None = None,
        label_dimension: int = 1,
        weight_column: Any = None,
        optimizer: Any = "Adagrad",
        activation_fn: Any = tf.nn.relu,
        dropout: float | None = None,
        input_layer_partitioner: Any = None,
        config: Any = None,
        warm_start_from: Any = None,
        loss_reduction: str = _SUM,
        batch_norm: bool = False,
    ) -> None:
        head = _numbers(self, label_dimension, weight_column, loss_reduction)
        deep = _deep(self, hidden_units, feature_columns, activation_fn, dropout, input_layer_partitioner, batch_norm)
        train = ready_optimizers.one(optimizer, ready_optimizers.DEEP_RATE)
        _estimate(self, head, [deep], train, model_dir, config, warm_start_from)


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

    def __init__(
        self,
        feature_columns: Any,
        model_dir: str | None = None,
        n_classes: int = 2,
        weight_column: Any = None,
        label_vocabulary: Any = None,
        optimizer: Any = "Ftrl",
        config: Any = None,
        partitioner: Any = None,
        warm_start_from: Any = None,
        loss_reduction: str = _SUM,
        sparse_combiner: str = "sum",
    ) -> None:
        head = _classes(self, n_classes, label_vocabulary, weight_column, loss_reduction)
        columns = require_columns(type(self).__name__, "feature_columns", feature_columns)
        train = ready_optimizers.one(optimizer or ready_optimizers.by_columns(columns), ready_optimizers.WIDE_RATE)
        _estimate(self, head, [Wide(columns, partitioner, sparse_combiner)], train, model_dir, config, warm_start_from)


class LinearRegressor(Estimator):
    """Numbers from a linear model; arguments as of :class:`LinearClassifier`, and ``label_dimension``."""

    def __init__(
        self,
        feature_columns: Any,
        model_dir: str | None = None,
        label_dimension: int = 1,
        weight_column: Any = None,
        optimizer: Any = "Ftrl",
        config: Any = None,
        partitioner: Any = None,
        warm_start_from: Any = None,
        loss_reduction: str = _SUM,
        sparse_combiner: str = "sum",
    ) -> None:
        head = _numbers(self, label_dimension, weight_column, loss_reduction)
        columns = require_columns(type(self).__name__, "feature_columns", feature_columns)
        train = ready_optimizers.one(optimizer or ready_optimizers.by_columns(columns), ready_optimizers.WIDE_RATE)
        _estimate(self, head, [Wide(columns, partitioner, sparse_combiner)], train, model_dir, config, warm_start_from)


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

    def __init__(
        self,
        model_dir: str | None = None,
        linear_feature_columns: Any = None,
        linear_optimizer: Any = "Ftrl",
        dnn_feature_columns: Any = None,
        dnn_optimizer: Any = "Adagrad",
        dnn_hidden_units: Sequence[int] | None = None,
        dnn_activation_fn: Any = tf.nn.relu,
        dnn_dropout: float | None = None,
        n_classes: int = 2,
        weight_column: Any = None,
        label_vocabulary: Any = None,
        input_layer_partitioner: Any = None,
        config: Any = None,
        warm_start_from: Any = None,
        loss_reduction: str = _SUM,
        batch_norm: bool = False,
        linear_sparse_combiner: str = "sum",
    ) -> None:
        head = _classes(self, n_classes, label_vocabulary, weight_column, loss_reduction)
        wide = (linear_feature_columns, input_layer_partitioner, linear_sparse_combiner)
        layers = (dnn_activation_fn, dnn_dropout, input_layer_partitioner, batch_norm)
        deep = (dnn_hidden_units, dnn_feature_columns, *layers)
        networks, train = _combined(self, wide, linear_optimizer, deep, dnn_optimizer)
        _estimate(self, head, networks, train, model_dir, config, warm_start_from)


class DNNLinearCombinedRegressor(Estimator):
    """Numbers from a linear model and dense layers; arguments as of :class:`DNNLinearCombinedClassifier`."""

    def __init__(
        self,
        model_dir: str | None = None,
        linear_feature_columns: Any = None,
        linear_optimizer: Any = "Ftrl",
        dnn_feature_columns: Any = None,
        dnn_optimizer: Any = "Adagrad",
        dnn_hidden_units: Sequence[int] | None = None,
        dnn_activation_fn: Any = tf.nn.relu,
        dnn_dropout: float | None = None,
        label_dimension: int = 1,
        weight_column: Any = None,
        input_layer_partitioner: Any = None,
        config: Any = None,
        warm_start_from: Any = None,
        loss_reduction: str = _SUM,
        batch_norm: bool = False,
        linear_sparse_combiner: str = "sum",
    ) -> None:
        head = _numbers(self, label_dimension, weight_column, loss_reduction)
        wide = (linear_feature_columns, input_layer_partitioner, linear_sparse_combiner)
        layers = (dnn_activation_fn, dnn_dropout, input_layer_partitioner, batch_norm)
        deep = (dnn_hidden_units, dnn_feature_columns, *layers)
        networks, train = _combined(self, wide, linear_optimizer, deep, dnn_optimizer)
        _estimate(self, head, networks, train, model_dir, config, warm_start_from)


class BaselineClassifier(Estimator):
    """The share of each class, whatever the features are; optimizers by name have learning rate 0.3."""

    def __init__(
        self,
        model_dir: str | None = None,
        n_classes: int = 2,
        weight_column: Any = None,
        label_vocabulary: Any = None,
        optimizer: Any = "Ftrl",
        config: Any = None,
        loss_reduction: str = _SUM,
    ) -> None:
        head = _classes(self, n_classes, label_vocabulary, weight_column, loss_reduction)
        _estimate(self, head, [Nothing()], ready_optimizers.one(optimizer, 0.3), model_dir, config)


class BaselineRegressor(Estimator):
    """The mean of the labels, whatever the features are; optimizers by name have learning rate 0.3."""

    def __init__(
        self,
        model_dir: str | None = None,
        label_dimension: int = 1,
        weight_column: Any = None,
        optimizer: Any = "Ftrl",
        config: Any = None,
        loss_reduction: str = _SUM,
    ) -> None:
        head = _numbers(self, label_dimension, weight_column, loss_reduction)
        _estimate(self, head, [Nothing()], ready_optimizers.one(optimizer, 0.3), model_dir, config)
