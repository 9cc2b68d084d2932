"""The target columns of tf.contrib.layers: what a model's logits mean, its loss, its predictions and its metrics.

A target column is the head of a model of tf.contrib.learn's first year: it knows how many logits the model has to
give, how they become a loss and predictions, and where labels and weights are found.

>>> head = tf.contrib.layers.multi_class_target(n_classes=3, weight_column_name="weight")
>>> logits = tf.contrib.layers.linear(net, head.num_label_columns)
>>> loss = head.training_loss(logits, labels, features)
>>> classes = head.logits_to_predictions(logits)
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import losses, metrics

Pair = tuple[Any, Any]
"""Of a metric: its value, and the op that updates it."""


class ProblemType:
    """What is learned; ``problem_type`` of a target column."""

    UNSPECIFIED = 0
    CLASSIFICATION = 1
    LINEAR_REGRESSION = 2
    LOGISTIC_REGRESSION = 3


class TargetColumn(abc.ABC):
    """What is common to all targets: labels and weights by name, and the loss of a batch.

    Args:
      loss_fn: of logits and labels, gives the loss of each example.
      num_label_columns: how many logits an example has.
      label_name: which of several labels is meant; needed where the labels are a dictionary.
      weight_column_name: the feature that weighs the examples.
      problem_type: one of :class:`ProblemType`.

    Raises:
      ArgumentError: no ``loss_fn``, or no ``num_label_columns``.
    """

    def __init__(
        self,
        loss_fn: Callable[[Any, Any], Any],
        num_label_columns: int,
        label_name: str | None,
        weight_column_name: str | None,
        problem_type: int,
    ) -> None:
        for name, value in (("loss_fn", loss_fn), ("num_label_columns", num_label_columns)):
            if value is None:
                raise errors.ArgumentError(
                    errors.explain(f"{name} must be provided", got=value), where=type(self).__name__
                )
        self._loss_fn = loss_fn
        self._num_label_columns = num_label_columns
        self._label_name = label_name
        self._weight_column_name = weight_column_name
        self._problem_type = problem_type

    @property
    def label_name(self) -> str | None:
        """Which of several labels is meant, or None."""
        return self._label_name

    @property
    def weight_column_name(self) -> str | None:
        """The feature that weighs the examples, or None."""
        return self._weight_column_name

    @property
    def num_label_columns(self) -> int:
        """How many logits an example has."""
        return self._num_label_columns

    @property
    def problem_type(self) -> int:
        """One of :class:`ProblemType`."""
        return self._problem_type

    @abc.abstractmethod
    def logits_to_predictions(self, logits: Any, proba: bool = False) -> Any:
        """Returns what logits predict; each target has its own."""

    @abc.abstractmethod
    def get_eval_ops(
        self, features: Any, logits: Any, labels: Any, metrics: Mapping[Any, Callable[..., Pair]] | None = None
    ) -> dict[str, Pair]:
        """Returns the metrics of an evaluation by name; each target has its own."""

    def get_weight_tensor(self, features: Mapping[str, Any]) -> tf.Tensor | None:
        """Returns the weights of the examples, float32 ``[batch]``; None without a ``weight_column_name``."""
        if not self._weight_column_name:
            return None
        return tf.reshape(tf.cast(features[self._weight_column_name], tf.float32), [-1])

    def training_loss(self, logits: Any, target: Any, features: Any, name: str = "training_loss") -> tf.Tensor:
        """Returns sum_i weight_i * loss_i / batch size: the loss whose gradient moves the model.

        Args:
          logits: ``[batch, num_label_columns]``.
          target: labels, or a dictionary of them.
          features: a dictionary, which has the weights.
          name: of the resulting op.
        """
        each, weights = self._losses(logits, target, features)
        return tf.reduce_mean(each if weights is None else each * weights, name=name)

    def loss(self, logits: Any, target: Any, features: Any) -> tf.Tensor:
        """Returns sum_i weight_i * loss_i / sum_i weight_i: the loss that is reported."""
        each, weights = self._losses(logits, target, features)
        if weights is None:
            return tf.reduce_mean(each, name="loss")
        return tf.divide(tf.reduce_sum(each * weights), tf.reduce_sum(weights), name="loss")

    def _losses(self, logits: Any, target: Any, features: Any) -> tuple[Any, Any]:
        """Returns the loss of each example and its weight; both flat where there are weights."""
        each, weights = self._loss_fn(logits, self._labels(target)), self.get_weight_tensor(features)
        return (each, None) if weights is None else (tf.reshape(each, [-1]), weights)

    def _labels(self, target: Any) -> Any:
        """Returns the labels that this target means.

        Raises:
          ArgumentError: a dictionary that does not have them.
        """
        if not isinstance(target, Mapping):
            return target
        if self._label_name not in target:
            raise errors.ArgumentError(
                errors.explain(
                    "the labels are a dictionary without `label_name`",
                    got=self._label_name,
                    expected=f"one of {sorted(target)}",
                    fix="Pass label_name to the function that makes the target.",
                ),
                where=type(self).__name__,
            )
        return target[self._label_name]

    def _run(self, predictions: Any, labels: Any, wanted: Mapping[str, Any], features: Any) -> dict[str, Pair]:
        """Returns metrics of predictions and labels, which get the predictions' dtype, with the examples' weights."""
        labels, weights = tf.cast(labels, predictions.dtype), self.get_weight_tensor(features)
        more = {} if weights is None else {"weights": weights}
        return {name: metric(predictions, labels, **more) for name, metric in wanted.items()}


class RegressionTargetColumn(TargetColumn):
    """Numbers, with the squared error; made by :func:`regression_target`."""

    def logits_to_predictions(self, logits: Any, proba: bool = False) -> Any:
        """Returns the logits; one label gives ``[batch]``, several ``[batch, labels]``."""
        return tf.squeeze(logits, axis=[1]) if self.num_label_columns == 1 else logits

    def get_eval_ops(
        self, features: Any, logits: Any, labels: Any, metrics: Mapping[Any, Callable[..., Pair]] | None = None
    ) -> dict[str, Pair]:
        """Returns the mean ``loss``, and each of ``metrics`` of predictions, labels and weights."""
        return {
            "loss": _mean(self.loss(logits, labels, features)),
            **self._run(self.logits_to_predictions(logits), self._labels(labels), metrics or {}, features),
        }


class MultiClassTargetColumn(TargetColumn):
    """One class of several, with the cross entropy; made by :func:`multi_class_target`."""

    def logits_to_predictions(self, logits: Any, proba: bool = False) -> Any:
        """Returns classes, int64 ``[batch]``; with ``proba`` their probabilities ``[batch, classes]``."""
        logits = self._of_all_classes(logits)
        return tf.nn.softmax(logits) if proba else tf.argmax(logits, 1)

    def get_eval_ops(
        self, features: Any, logits: Any, labels: Any, metrics: Mapping[Any, Callable[..., Pair]] | None = None
    ) -> dict[str, Pair]:
        """Returns the mean ``loss`` and the metrics, of which two classes have further ones.

        Args:
          metrics: by a name, or by a pair of a name and what the metric is of: ``"classes"``, as without a pair, or
            ``"probabilities"``. By default ``accuracy``. Weights go into these, and not into those of two classes.

        Raises:
          ArgumentError: a key of ``metrics`` of another form.
        """
        result = {"loss": _mean(self.loss(logits, labels, features))}
        labels = self._labels(labels)
        if self.num_label_columns == 1:
            own = get_default_binary_metrics_for_eval([0.5])
            chances, truth = tf.sigmoid(logits), tf.cast(labels, tf.float32)
            result.update({name: metric(chances, truth) for name, metric in own.items()})
        wanted = _ACCURACY if metrics is None else metrics
        for kind, proba in (("classes", False), ("probabilities", True)):
            chosen = {name: metric for (name, of), metric in map(_named, wanted.items()) if of == kind}
            if chosen:
                result.update(self._run(self.logits_to_predictions(logits, proba=proba), labels, chosen, features))
        return result

    def _of_all_classes(self, logits: Any) -> Any:
        """Returns ``[batch, classes]``: the one logit of two classes is that of the second, the first's is 0."""
        return tf.concat([tf.zeros_like(logits), logits], 1) if self.num_label_columns == 1 else logits


class BinarySvmTargetColumn(MultiClassTargetColumn):
    """Two classes with the hinge loss; made by :func:`binary_svm_target`."""

    def logits_to_predictions(self, logits: Any, proba: bool = False) -> Any:
        """Returns classes, int64 ``[batch]``.

        Raises:
          ArgumentError: ``proba``; the margin of a support vector machine is no probability.
        """
        if proba:
            raise errors.ArgumentError(
                errors.explain("logits to probabilities is not supported", got=proba), where=type(self).__name__
            )
        return super().logits_to_predictions(logits)


def regression_target(
    label_name: str | None = None, weight_column_name: str | None = None, label_dimension: int = 1
) -> RegressionTargetColumn:
    """Returns the target of a regression: ``label_dimension`` numbers for each example, with the squared error."""
    return RegressionTargetColumn(
        _squared_errors, label_dimension, label_name, weight_column_name, ProblemType.LINEAR_REGRESSION
    )


def multi_class_target(
    n_classes: int, label_name: str | None = None, weight_column_name: str | None = None
) -> MultiClassTargetColumn:
    """Returns the target of a classification; two classes have one logit, more have one each.

    Raises:
      ArgumentError: fewer than two classes.
    """
    if n_classes < 2:
        raise errors.ArgumentError(
            errors.explain("n_classes must be > 1 for classification", got=n_classes), where="multi_class_target"
        )
    loss_fn, count = (_log_losses, 1) if n_classes == 2 else (_cross_entropies, n_classes)
    return MultiClassTargetColumn(loss_fn, count, label_name, weight_column_name, ProblemType.CLASSIFICATION)


def binary_svm_target(label_name: str | None = None, weight_column_name: str | None = None) -> BinarySvmTargetColumn:
    """Returns the target of two classes with the hinge loss, which is one number for the batch."""
    return BinarySvmTargetColumn(_hinge, 1, label_name, weight_column_name, ProblemType.CLASSIFICATION)


def get_default_binary_metrics_for_eval(thresholds: Iterable[float]) -> dict[str, Callable[..., Pair]]:
    """Returns metrics of probabilities and labels of two classes, by the names that they have in event files."""
    found: dict[str, Callable[..., Pair]] = {
        "labels/prediction_mean": _mean_prediction,
        "labels/actual_target_mean": _mean_label,
        "accuracy/baseline_target_mean": _mean_label,
        "auc": _area,
    }
    for threshold in thresholds:
        found[f"accuracy/threshold_{threshold:f}_mean"] = _accuracy_at(threshold)
        found[f"precision/positive_threshold_{threshold:f}_mean"] = _at(
            metrics.streaming_precision_at_thresholds, threshold
        )
        found[f"recall/positive_threshold_{threshold:f}_mean"] = _at(metrics.streaming_recall_at_thresholds, threshold)
    return found


_ACCURACY = {("accuracy", "classes"): metrics.streaming_accuracy}


def _named(item: tuple[Any, Any]) -> tuple[tuple[str, str], Any]:
    """Returns a metric with the pair that names it."""
    key, metric = item
    name, of = (key, "classes") if isinstance(key, str) else key if _is_pair(key) else ("", "")
    if of not in ("classes", "probabilities"):
        raise errors.ArgumentError(
            errors.explain(
                "the name of a metric is of no known form",
                got=key,
                expected='a string, or a pair of a string and "classes" or "probabilities"',
            ),
            where="get_eval_ops",
        )
    return (name, of), metric


def _is_pair(key: Any) -> bool:
    return isinstance(key, tuple) and len(key) == 2


def _squared_errors(logits: Any, target: Any) -> Any:
    target = _column(target)
    logits.shape.assert_is_compatible_with(target.shape)
    return tf.squared_difference(logits, tf.cast(target, tf.float32))


def _log_losses(logits: Any, target: Any) -> Any:
    labels = tf.cast(_column(target), tf.float32)
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)


def _cross_entropies(logits: Any, target: Any) -> Any:
    if not target.dtype.is_integer:
        raise errors.ArgumentError(
            errors.explain("Target's dtype should be integer", got=target.dtype, fix="Cast the labels to tf.int64."),
            where="multi_class_target",
        )
    labels = tf.squeeze(target, axis=[1]) if target.shape.rank == 2 else target
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def _hinge(logits: Any, target: Any) -> Any:
    text = "target's shape should be either [batch_size, 1] or [batch_size]"
    with tf.control_dependencies([tf.Assert(tf.less_equal(tf.rank(target), 2), [text])]):
        return losses.hinge_loss(logits, tf.reshape(target, [tf.shape(target)[0], 1]))


def _column(target: Any) -> Any:
    """Returns labels ``[batch]`` as ``[batch, 1]``, so that nothing is broadcast against the logits."""
    return tf.expand_dims(target, axis=1) if target.shape.rank == 1 else target


def _mean(values: Any, weights: Any = None) -> Pair:
    return metrics.streaming_mean(values, weights=weights)  # type: ignore[no-any-return]


def _mean_label(predictions: Any, labels: Any, weights: Any = None) -> Pair:
    return _mean(labels, weights)


def _mean_prediction(predictions: Any, labels: Any, weights: Any = None) -> Pair:
    return _mean(predictions, weights)


def _area(predictions: Any, labels: Any, weights: Any = None) -> Pair:
    return metrics.streaming_auc(predictions, labels, weights=_floats(weights))


def _accuracy_at(threshold: float) -> Callable[..., Pair]:
    def accuracy(predictions: Any, labels: Any, weights: Any = None) -> Pair:
        chosen = tf.cast(tf.greater_equal(predictions, threshold), tf.float32)
        return metrics.streaming_accuracy(chosen, labels, weights=weights)  # type: ignore[no-any-return]

    return accuracy


def _at(metric: Callable[..., Pair], threshold: float) -> Callable[..., Pair]:
    def one(predictions: Any, labels: Any, weights: Any = None) -> Pair:
        value, update = metric(predictions, labels=labels, thresholds=[threshold], weights=_floats(weights))
        return tf.squeeze(value), update

    return one


def _floats(weights: Any) -> Any:
    return None if weights is None else tf.cast(weights, tf.float32)


__all__ = [
    "BinarySvmTargetColumn",
    "MultiClassTargetColumn",
    "ProblemType",
    "RegressionTargetColumn",
    "TargetColumn",
    "binary_svm_target",
    "get_default_binary_metrics_for_eval",
    "multi_class_target",
    "regression_target",
]
