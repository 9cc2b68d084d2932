"""``tf.contrib.metrics``, which is ``slim.metrics``: tf.metrics with the predictions first, and several at once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import absent
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib.metric_areas import (
    auc_with_confidence_intervals,
    streaming_concat,
    streaming_dynamic_auc,
)
from tf1bn.compat.contrib.metric_parts import Curve, Kept, Metric, PredictionsFirst
from tf1bn.compat.contrib.metric_rates import (
    f1_score,
    precision_at_recall,
    precision_recall_at_equal_thresholds,
    recall_at_precision,
    streaming_curve_points,
    streaming_false_negative_rate,
    streaming_false_negative_rate_at_thresholds,
    streaming_false_negatives_at_thresholds,
    streaming_false_positive_rate,
    streaming_false_positive_rate_at_thresholds,
    streaming_false_positives_at_thresholds,
    streaming_true_negatives_at_thresholds,
    streaming_true_positives_at_thresholds,
)
from tf1bn.compat.contrib.metric_statistics import (
    auc_using_histogram,
    cohen_kappa,
    count,
    sparse_recall_at_top_k,
    streaming_covariance,
    streaming_mean_cosine_distance,
    streaming_pearson_correlation,
    streaming_sparse_average_precision_at_top_k,
    streaming_sparse_precision_at_top_k,
)

confusion_matrix = tf.confusion_matrix
set_difference, set_intersection = tf.sets.difference, tf.sets.intersection
set_size, set_union = tf.sets.size, tf.sets.union


def _tensor(value: Any) -> Any:
    return value if isinstance(value, tf.SparseTensor) else tf.convert_to_tensor(value)


def _swapped(metric: Callable[..., Metric], name: str) -> Callable[..., Metric]:
    """Returns a metric of tf.metrics whose first arguments are the predictions, then the labels."""

    @functools.wraps(metric)
    def streaming(predictions: Any, labels: Any, *args: Any, **kwargs: Any) -> Metric:
        return metric(_tensor(labels), _tensor(predictions), *args, **kwargs)

    streaming.__name__ = streaming.__qualname__ = name
    streaming.__doc__ = f"Returns the value and the update of ``tf.metrics.{metric.__name__}``, the predictions first."
    labels, predictions, *rest = inspect.signature(metric).parameters.values()
    streaming.__signature__ = inspect.Signature([predictions, labels, *rest])  # type: ignore[attr-defined]
    return streaming


_SWAPPED = {
    "streaming_accuracy": tf.metrics.accuracy,
    "streaming_false_negatives": tf.metrics.false_negatives,
    "streaming_false_positives": tf.metrics.false_positives,
    "streaming_mean_absolute_error": tf.metrics.mean_absolute_error,
    "streaming_mean_iou": tf.metrics.mean_iou,
    "streaming_mean_relative_error": tf.metrics.mean_relative_error,
    "streaming_mean_squared_error": tf.metrics.mean_squared_error,
    "streaming_precision": tf.metrics.precision,
    "streaming_precision_at_thresholds": tf.metrics.precision_at_thresholds,
    "streaming_recall": tf.metrics.recall,
    "streaming_recall_at_thresholds": tf.metrics.recall_at_thresholds,
    "streaming_root_mean_squared_error": tf.metrics.root_mean_squared_error,
    "streaming_sensitivity_at_specificity": tf.metrics.sensitivity_at_specificity,
    "streaming_sparse_average_precision_at_k": tf.metrics.average_precision_at_k,
    "streaming_specificity_at_sensitivity": tf.metrics.specificity_at_sensitivity,
    "streaming_true_negatives": tf.metrics.true_negatives,
    "streaming_true_positives": tf.metrics.true_positives,
}
globals().update({name: _swapped(metric, name) for name, metric in _SWAPPED.items()})

streaming_mean = tf.metrics.mean
streaming_mean_tensor = tf.metrics.mean_tensor
streaming_percentage_less = tf.metrics.percentage_below


@dataclass(frozen=True)
class Auc(Curve, PredictionsFirst):
    """What ``streaming_auc`` is given."""


@takes(Auc)
def streaming_auc(call: Auc) -> Metric:
    """Returns the value and the update of the area under the curve, of ``num_thresholds`` thresholds."""
    shown = {"num_thresholds": call.num_thresholds, "curve": call.curve}
    return tf.metrics.auc(call.labels, call.predictions, **shown, **call.passed())


@dataclass(frozen=True)
class _Best(PredictionsFirst):
    k: int
    class_id: int | None = field(default=None, init=False)


@dataclass(frozen=True)
class AtK(Kept, _Best):
    """What ``streaming_recall_at_k`` is given."""


@dataclass(frozen=True)
class OfClassAtK(AtK):
    """What the metrics of several labels per example are given, of all classes or of one."""

    class_id: int | None = None

    def of(self, metric: Callable[..., Metric]) -> Metric:
        """Returns a metric of tf.metrics."""
        return metric(self.labels, self.predictions, self.k, class_id=self.class_id, **self.passed())


@takes(AtK)
def streaming_recall_at_k(call: AtK) -> Metric:
    """Returns the value and the update of the share of examples whose label is among the k best predictions."""
    hits = tf.cast(tf.nn.in_top_k(call.predictions, call.labels, call.k), tf.float32)
    return tf.metrics.mean(hits, **call.passed(f"recall_at_{call.k}"))


@takes(OfClassAtK)
def streaming_sparse_recall_at_k(call: OfClassAtK) -> Metric:
    """Returns the value and the update of the recall of the k best predictions, of several labels per example."""
    return call.of(tf.metrics.recall_at_k)


@takes(OfClassAtK)
def streaming_sparse_precision_at_k(call: OfClassAtK) -> Metric:
    """Returns the value and the update of the precision of the k best predictions, of several labels per example."""
    return call.of(tf.metrics.precision_at_k)


def accuracy(predictions: Any, labels: Any, weights: Any = None, name: str | None = None) -> tf.Tensor:
    """Returns the weighted share of predictions that equal the labels, of this batch alone.

    Raises:
      ArgumentError: labels of floats, or of another dtype than the predictions.
    """
    with tf.name_scope(name, "accuracy", [predictions, labels]):
        predictions, labels = tf.convert_to_tensor(predictions), tf.convert_to_tensor(labels)
        if labels.dtype.is_floating:
            raise errors.ArgumentError(
                errors.explain("labels of this type are not compared", got=labels.dtype.name),
                where="accuracy",
            )
        if labels.dtype.base_dtype != predictions.dtype.base_dtype:
            raise errors.ArgumentError(
                errors.explain(
                    "Dtypes of predictions and labels should match", got=(predictions.dtype.name, labels.dtype.name)
                ),
                where="accuracy",
            )
        predictions.shape.assert_is_compatible_with(labels.shape)
        right = tf.cast(tf.equal(predictions, labels), tf.float32)
        if weights is None:
            return tf.reduce_mean(right)
        weights = tf.cast(weights, tf.float32) * tf.ones_like(right)
        return tf.div_no_nan(tf.reduce_sum(right * weights), tf.reduce_sum(weights))


def aggregate_metrics(*value_update_tuples: Metric) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Returns the values and the updates of several metrics, as two tuples."""
    values, updates = zip(*value_update_tuples, strict=True)
    return values, updates


def aggregate_metric_map(names_to_tuples: Mapping[str, Metric]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the values and the updates of several metrics, as two dictionaries by name."""
    values = {name: pair[0] for name, pair in names_to_tuples.items()}
    return values, {name: pair[1] for name, pair in names_to_tuples.items()}


__all__ = [
    *sorted(_SWAPPED),
    "accuracy",
    "auc_using_histogram",
    "auc_with_confidence_intervals",
    "cohen_kappa",
    "confusion_matrix",
    "count",
    "f1_score",
    "precision_at_recall",
    "precision_recall_at_equal_thresholds",
    "recall_at_precision",
    "set_difference",
    "set_intersection",
    "set_size",
    "set_union",
    "sparse_recall_at_top_k",
    "streaming_concat",
    "streaming_covariance",
    "streaming_curve_points",
    "streaming_dynamic_auc",
    "streaming_false_negative_rate",
    "streaming_false_negative_rate_at_thresholds",
    "streaming_false_negatives_at_thresholds",
    "streaming_false_positive_rate",
    "streaming_false_positive_rate_at_thresholds",
    "streaming_false_positives_at_thresholds",
    "streaming_mean_cosine_distance",
    "streaming_pearson_correlation",
    "streaming_sparse_average_precision_at_top_k",
    "streaming_sparse_precision_at_top_k",
    "streaming_true_negatives_at_thresholds",
    "streaming_true_positives_at_thresholds",
    "aggregate_metric_map",
    "aggregate_metrics",
    "streaming_auc",
    "streaming_mean",
    "streaming_mean_tensor",
    "streaming_percentage_less",
    "streaming_recall_at_k",
    "streaming_sparse_precision_at_k",
    "streaming_sparse_recall_at_k",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.metrics", name, __all__)
