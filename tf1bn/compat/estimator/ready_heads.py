"""What ready-made estimators make of logits: predictions, loss, metrics and outputs of an export."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_lookup import index_table_from_tensor, index_to_string_table_from_tensor
from tf1bn.compat.estimator.export_outputs import ClassificationOutput, PredictOutput, RegressionOutput
from tf1bn.compat.estimator.modes import ModeKeys
from tf1bn.compat.estimator.spec import EstimatorSpec

Metrics = dict[str, tuple[Any, Any]]


class Head(abc.ABC):
    """The base of the heads.

    Args:
      weight_column: key of a feature, or a numeric column: weights of examples.
      reduction: one of ``tf.losses.Reduction``: how losses of examples make that of a batch.
    """

    logits = 1
    """Number of logits of an example."""

    def __init__(self, weight_column: Any, reduction: str) -> None:
        self._weight_column, self._reduction = weight_column, reduction

    @abc.abstractmethod
    def _predictions(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns what is predicted, each ``[batch, ...]``."""

    @abc.abstractmethod
    def _outputs(self, predictions: dict[str, tf.Tensor]) -> dict[str, Any]:
        """Returns the outputs of an export by the names of their signatures."""

    @abc.abstractmethod
    def _losses(self, labels: Any, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns labels as they are compared, and the loss of each example ``[batch, 1]`` or ``[batch, outputs]``."""

    @abc.abstractmethod
    def _metrics(self, labels: Any, predictions: dict[str, tf.Tensor], weights: Any) -> Metrics:
        """Returns the metrics of this kind."""

    def spec(
        self, features: Any, labels: Any, mode: str, logits: tf.Tensor, train: Callable[[Any], Any]
    ) -> EstimatorSpec:
        """Returns what a ``model_fn`` returns.

        Args:
          logits: ``[batch, self.logits]``.
          train: maps the loss to the op of one step.

        Raises:
          ArgumentError: no labels where they are needed, or labels of another shape or dtype.
        """
        with tf.name_scope("predictions", values=(logits,)):
            predictions = self._predictions(logits)
        if mode == ModeKeys.PREDICT:
            outputs = {**self._outputs(predictions), "predict": PredictOutput(predictions)}
            return EstimatorSpec(mode, predictions, export_outputs=outputs)
        if labels is None:
            raise errors.ArgumentError(errors.explain("`labels` is None", fix="Return them from input_fn."))
        compared, each = self._losses(labels, logits)
        weights = self._weights(features)
        loss = tf.losses.compute_weighted_loss(each, weights, reduction=self._reduction)
        if mode == ModeKeys.EVAL:
            metrics = {"average_loss": tf.metrics.mean(each, weights), **self._metrics(compared, predictions, weights)}
            return EstimatorSpec(mode, predictions, loss, eval_metric_ops=metrics)
        if self._reduction == tf.losses.Reduction.SUM:
            mean = tf.losses.compute_weighted_loss(each, weights, loss_collection=None)
            with tf.name_scope(""):  # the tag stands at the root
                tf.summary.scalar("average_loss", mean)
        return EstimatorSpec(mode, predictions, loss, _with_updates(train(loss)))

    def _weights(self, features: Any) -> Any:
        """Returns weights ``[batch, 1]``, or 1."""
        column = self._weight_column
        if column is None:
            return 1.0
        column = tf.feature_column.numeric_column(column) if isinstance(column, str) else column
        given = tf.cast(features[column.key], tf.float32)
        given = given if column.normalizer_fn is None else column.normalizer_fn(given)
        return _column_of(given, "weights")


class _Classes(Head):
    """A head of classes, by their numbers or by a vocabulary of labels."""

    def __init__(self, count: int, vocabulary: Sequence[str] | None, weight_column: Any, reduction: str) -> None:
        super().__init__(weight_column, reduction)
        self._count, self._vocabulary = count, None if vocabulary is None else list(vocabulary)

    def _named(self, logits: tf.Tensor, scores: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the class of the largest of scores, and all classes, as numbers and as strings."""
        batch = tf.shape(logits)[0]
        chosen = tf.expand_dims(tf.argmax(scores, axis=-1, name="class_ids"), -1)
        every = tf.expand_dims(tf.range(self._count), 0)
        if self._vocabulary is None:
            names, all_names = tf.as_string(chosen, name="str_classes"), tf.as_string(every)
        else:
            table = index_to_string_table_from_tensor(tf.constant(self._vocabulary), name="class_string_lookup")
            names, all_names = table.lookup(chosen), tf.expand_dims(tf.constant(self._vocabulary), 0)
        return {
            "class_ids": chosen,
            "classes": names,
            "all_class_ids": tf.tile(every, [batch, 1]),
            "all_classes": tf.tile(all_names, [batch, 1]),
        }

    def _outputs(self, predictions: dict[str, tf.Tensor]) -> dict[str, Any]:
        scores = predictions["probabilities"]
        output = ClassificationOutput(scores=scores, classes=predictions["all_classes"])
        return {"serving_default": output, "classification": output}

    def _numbers(self, labels: Any) -> tf.Tensor:
        """Returns labels as numbers of classes, ``[batch, 1]`` int64, checked in each run."""
        labels = _column_of(labels, "labels")
        if self._vocabulary is not None:
            if labels.dtype != tf.string:
                raise errors.ArgumentError(
                    errors.explain("`labels` must be strings with a `label_vocabulary`", got=labels)
                )
            table = index_table_from_tensor(tf.constant(self._vocabulary), name="class_id_lookup")
            return table.lookup(labels)
        if not (labels.dtype.is_integer or (labels.dtype.is_floating and self._count == 2)):
            raise errors.ArgumentError(
                errors.explain(
                    "`labels` must be whole numbers", got=labels, fix="For strings, pass `label_vocabulary`."
                )
            )
        known = tf.assert_less(labels, tf.cast(self._count, labels.dtype), message="Labels must be below n_classes")
        positive = tf.assert_non_negative(labels, message="Labels must be 0 or more")
        with tf.control_dependencies([known, positive]):
            return tf.identity(labels if labels.dtype.is_floating else tf.cast(labels, tf.int64))


class MultiClass(_Classes):
    """More than two classes: softmax cross entropy of ``n_classes`` logits."""

    def __init__(self, count: int, vocabulary: Any, weight_column: Any, reduction: str) -> None:
        super().__init__(count, vocabulary, weight_column, reduction)
        self.logits = count

    def _predictions(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            "logits": logits,
            "probabilities": tf.nn.softmax(logits, name="probabilities"),
            **self._named(logits, logits),
        }

    def _losses(self, labels: Any, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        numbers = self._numbers(labels)
        flat = tf.squeeze(numbers, axis=[-1])
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=flat, logits=logits)
        return numbers, tf.expand_dims(each, -1)

    def _metrics(self, labels: Any, predictions: dict[str, tf.Tensor], weights: Any) -> Metrics:
        return {"accuracy": tf.metrics.accuracy(labels, predictions["class_ids"], weights)}


class Binary(_Classes):
    """Two classes: sigmoid cross entropy of one logit."""

    def _predictions(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        both = tf.concat([tf.zeros_like(logits), logits], -1)
        chance, shares = tf.sigmoid(logits, name="logistic"), tf.nn.softmax(both, name="probabilities")
        made = {"logits": logits, "logistic": chance, "probabilities": shares}
        return {**made, **self._named(logits, both)}

    def _outputs(self, predictions: dict[str, tf.Tensor]) -> dict[str, Any]:
        return {**super()._outputs(predictions), "regression": RegressionOutput(predictions["logistic"])}

    def _losses(self, labels: Any, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        numbers = tf.cast(self._numbers(labels), tf.float32)
        return numbers, tf.nn.sigmoid_cross_entropy_with_logits(labels=numbers, logits=logits)

    def _metrics(self, labels: Any, predictions: dict[str, tf.Tensor], weights: Any) -> Metrics:
        chosen, chance = predictions["class_ids"], predictions["logistic"]
        mean, moved = tf.metrics.mean(labels, weights)
        area = {"curve": "PR", "summation_method": "careful_interpolation"}
        return {
            "accuracy": tf.metrics.accuracy(labels, chosen, weights),
            "precision": tf.metrics.precision(labels, chosen, weights),
            "recall": tf.metrics.recall(labels, chosen, weights),
            "prediction/mean": tf.metrics.mean(chance, weights),
            "label/mean": (mean, moved),
            # What always choosing the more frequent class would reach.
            "accuracy_baseline": (tf.maximum(mean, 1 - mean), tf.maximum(moved, 1 - moved)),
            "auc": tf.metrics.auc(labels, chance, weights),
            "auc_precision_recall": tf.metrics.auc(labels, chance, weights, **area),
        }


class Regression(Head):
    """Numbers: squared errors."""

    def __init__(self, dimension: int, weight_column: Any, reduction: str) -> None:
        super().__init__(weight_column, reduction)
        self.logits = dimension

    def _predictions(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"predictions": logits}

    def _outputs(self, predictions: dict[str, tf.Tensor]) -> dict[str, Any]:
        output = RegressionOutput(predictions["predictions"])
        return {"serving_default": output, "regression": output}

    def _losses(self, labels: Any, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        numbers = tf.cast(_column_of(labels, "labels", self.logits), tf.float32)
        return numbers, tf.square(logits - numbers)

    def _metrics(self, labels: Any, predictions: dict[str, tf.Tensor], weights: Any) -> Metrics:
        return {
            "label/mean": tf.metrics.mean(labels, weights),
            "prediction/mean": tf.metrics.mean(predictions["predictions"], weights),
        }


def classes(count: int, vocabulary: Any, weight_column: Any, reduction: str) -> Head:
    """Returns the head of a classifier.

    Raises:
      ArgumentError: fewer than two classes, or a vocabulary of another size.
    """
    if not isinstance(count, int) or count < 2:
        raise errors.ArgumentError(errors.explain("`n_classes` must be at least 2", got=count))
    if vocabulary is not None and len(vocabulary) != count:
        raise errors.ArgumentError(
            errors.explain(
                "`label_vocabulary` has another size than `n_classes`", got=len(vocabulary), expected=str(count)
            )
        )
    kind = Binary if count == 2 else MultiClass
    return kind(count, vocabulary, weight_column, reduction)


def require_reduction(reduction: Any) -> str:
    """Returns a reduction of losses to a scalar.

    Raises:
      ArgumentError: "none", or something else.
    """
    if reduction not in tf.losses.Reduction.all() or reduction == tf.losses.Reduction.NONE:
        expected = "a value of tf.losses.Reduction but NONE"
        raise errors.ArgumentError(errors.explain("`loss_reduction` is wrong", got=reduction, expected=expected))
    return str(reduction)


def _column_of(value: Any, name: str, width: int = 1) -> Any:
    """Returns a tensor ``[batch]`` or ``[batch, width]`` as ``[batch, width]``.

    Raises:
      ArgumentError: another shape, or several tensors.
    """
    if isinstance(value, Mapping):
        raise errors.ArgumentError(
            errors.explain(f"`{name}` must be one tensor", got=sorted(value), fix="Return one of them from input_fn.")
        )
    value = tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else tf.convert_to_tensor(value)
    if value.shape.rank == 1 and width == 1:
        value = tf.expand_dims(value, -1)
    if not value.shape.is_compatible_with([None, width]):
        raise errors.ArgumentError(
            errors.explain(f"`{name}` has another shape", got=str(value.shape), expected=f"[batch, {width}]")
        )
    return tf.ensure_shape(value, [None, width])


def _with_updates(train: Any) -> Any:
    """Returns the step together with the updates of batch norms."""
    return tf.group(train, *tf.get_collection(tf.GraphKeys.UPDATE_OPS))
