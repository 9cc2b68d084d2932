"""Metrics of tf.contrib.metrics that are made of true and false positives and negatives."""

from __future__ import annotations

import collections
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib.metric_parts import (
    EPSILON,
    KINDS,
    Curve,
    Kept,
    LabelsFirst,
    Metric,
    Streaming,
    at_thresholds,
    collected,
    metric_variable,
    require_curve,
    require_range,
    squeezed,
    thresholds_between,
)

PrecisionRecallData = collections.namedtuple(
    "PrecisionRecallData", ["tp", "fp", "tn", "fn", "precision", "recall", "thresholds"]
)


def _rate(name: str, wrong: Callable[..., Metric], right: Callable[..., Metric], doc: str) -> Callable[..., Metric]:
    """Returns the metric wrong / (wrong + right), 0 where there is neither."""

    @takes(Streaming)
    def streaming(call: Streaming) -> Metric:
        with tf.variable_scope(call.name, default, [call.predictions, call.labels]):
            true = (tf.cast(call.predictions, tf.bool), tf.cast(call.labels, tf.bool))
            predictions, labels, weights = squeezed(*true, call.weights)
            wrongs, rights = wrong(labels, predictions, weights), right(labels, predictions, weights)
            value, update = (tf.div_no_nan(a, a + b) for a, b in zip(wrongs, rights, strict=True))
            return call.collected(value, update)

    default = name
    streaming.__name__ = streaming.__qualname__ = f"streaming_{name}"
    streaming.__doc__ = f"Returns the value and the update of {doc}."
    return streaming


def _rate_at(name: str, wrong: str, right: str, doc: str) -> Callable[..., Metric]:
    def streaming(
        predictions: Any,
        labels: Any,
        thresholds: Sequence[float],
        weights: Any = None,
        metrics_collections: Any = None,
        updates_collections: Any = None,
        name: str | None = None,
    ) -> Metric:
        with tf.variable_scope(name, default, [predictions, labels]):
            counts = at_thresholds(predictions, labels, thresholds, weights, (wrong, right))
            value, update = (count[wrong] / (EPSILON + count[wrong] + count[right]) for count in counts)
            return collected(value, update, metrics_collections, updates_collections)

    default = f"{name}_at_thresholds"
    streaming.__name__ = streaming.__qualname__ = f"streaming_{default}"
    streaming.__doc__ = f"Returns the values at each threshold, and the update, of {doc}."
    return streaming


def _count_at(kind: str, name: str) -> Callable[..., Metric]:
    def streaming(predictions: Any, labels: Any, thresholds: Sequence[float], weights: Any = None) -> Metric:
        value, update = at_thresholds(predictions, labels, thresholds, weights, (kind,))
        return value[kind], update[kind]

    streaming.__name__ = streaming.__qualname__ = f"streaming_{name}_at_thresholds"
    streaming.__doc__ = f"Returns how many {name.replace('_', ' ')} there are at each threshold, and the update."
    return streaming


_POSITIVE = "the share of negatives that are predicted as positive"
_NEGATIVE = "the share of positives that are predicted as negative"
_rates = tf.metrics
streaming_false_positive_rate = _rate("false_positive_rate", _rates.false_positives, _rates.true_negatives, _POSITIVE)
streaming_false_negative_rate = _rate("false_negative_rate", _rates.false_negatives, _rates.true_positives, _NEGATIVE)
streaming_false_positive_rate_at_thresholds = _rate_at("false_positive_rate", "fp", "tn", _POSITIVE)
streaming_false_negative_rate_at_thresholds = _rate_at("false_negative_rate", "fn", "tp", _NEGATIVE)


streaming_true_positives_at_thresholds = _count_at("tp", "true_positives")
streaming_false_positives_at_thresholds = _count_at("fp", "false_positives")
streaming_true_negatives_at_thresholds = _count_at("tn", "true_negatives")
streaming_false_negatives_at_thresholds = _count_at("fn", "false_negatives")


@dataclass(frozen=True)
class _Labelled:
    labels: Any = None
    predictions: Any = None


@dataclass(frozen=True)
class CurvePoints(Curve, _Labelled):
    """What ``streaming_curve_points`` is given."""


@takes(CurvePoints)
def streaming_curve_points(call: CurvePoints) -> Metric:
    """Returns points ``[num_thresholds, 2]`` of a curve, and the update.

    ROC: false positive rate and recall; PR: recall and precision.

    Raises:
      ArgumentError: another curve.
    """
    with tf.variable_scope(call.name, "curve_points", [call.labels, call.predictions]):
        require_curve(call.curve)
        limits = thresholds_between(call.num_thresholds)
        count, updates = at_thresholds(call.predictions, call.labels, limits, call.weights)
        little = 1e-6
        recall = (count["tp"] + little) / (count["tp"] + count["fn"] + little)
        if call.curve == "ROC":
            points = [count["fp"] / (count["fp"] + count["tn"] + little), recall]
        else:
            points = [recall, (count["tp"] + little) / (count["tp"] + count["fp"] + little)]
        update = tf.group(*updates.values())
        return call.collected(tf.stack(points, 1), update)


@dataclass(frozen=True)
class Search(Kept, LabelsFirst):
    """What a metric is given that looks for the best of some thresholds."""

    num_thresholds: int = 200

    def best(self, default: str, of: Callable[[dict[str, Any]], Any], kinds: Sequence[str] = KINDS) -> Metric:
        """Returns what a function makes of the counts at all thresholds, and of the updated ones."""
        with tf.variable_scope(self.name, default, [self.predictions, self.labels]):
            limits = thresholds_between(self.num_thresholds)
            counts = at_thresholds(self.predictions, self.labels, limits, self.weights, kinds)
            value, update = map(of, counts)
            return self.collected(value, update)


@takes(Search)
def f1_score(call: Search) -> Metric:
    """Returns the best F1 of all thresholds, 2 * precision * recall / (precision + recall), and the update."""

    def f1(count: dict[str, Any]) -> Any:
        tp, fp, fn = count["tp"], count["fp"], count["fn"]
        precision, recall = tp / (EPSILON + tp + fp), tp / (EPSILON + tp + fn)
        return tf.reduce_max(2 * precision * recall / (precision + recall + EPSILON))

    return call.best("f1", f1, ("tp", "fp", "fn"))


@dataclass(frozen=True)
class _Recall(LabelsFirst):
    target_recall: float


@dataclass(frozen=True)
class PrecisionAtRecall(Search, _Recall):
    """What ``precision_at_recall`` is given."""


@takes(PrecisionAtRecall)
def precision_at_recall(call: PrecisionAtRecall) -> Metric:
    """Returns the precision at the highest threshold whose recall is still the target's, and the update.

    Raises:
      ArgumentError: a target outside 0 to 1.
    """
    require_range("target_recall", call.target_recall)

    def precision(count: dict[str, Any]) -> Any:
        tp, fp, fn = count["tp"], count["fp"], count["fn"]
        enough = tf.cast(tp / (tp + fn + EPSILON) >= call.target_recall, tf.int64)
        place = tf.reduce_sum(enough) - 1
        return (tp[place] + EPSILON) / (tp[place] + fp[place] + EPSILON)

    return call.best("precision_at_recall", precision)


@dataclass(frozen=True)
class _Precision(LabelsFirst):
    precision: float


@dataclass(frozen=True)
class RecallAtPrecision(Search, _Precision):
    """What ``recall_at_precision`` is given."""

    strict_mode: bool = False


@takes(RecallAtPrecision)
def recall_at_precision(call: RecallAtPrecision) -> Metric:
    """Returns the recall at the threshold whose precision is nearest, and the update.

    Args:
      strict_mode: whether it must be that precision at least; there is recall 0 where no threshold has it.

    Raises:
      ArgumentError: a precision outside 0 to 1.
    """
    require_range("precision", call.precision)

    def recall(count: dict[str, Any]) -> Any:
        tp, fp, fn = count["tp"], count["fp"], count["fn"]
        precisions = tp / (tp + fp + EPSILON)
        if call.strict_mode:
            place = tf.argmax(1 / (precisions - call.precision + EPSILON), 0, output_type=tf.int32)
        else:
            place = tf.argmin(tf.abs(precisions - call.precision), 0, output_type=tf.int32)
        found = tp[place] / (tp[place] + fn[place] + EPSILON)
        strict = call.strict_mode
        return tf.where(precisions[place] >= call.precision, found, tf.zeros_like(found)) if strict else found

    return call.best("recall_at_precision", recall)


def precision_recall_at_equal_thresholds(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    num_thresholds: int | None = None,
    use_locking: bool | None = None,
    name: str | None = None,
) -> Metric:
    """Returns counts, precision and recall at thresholds from 0 to 1, evenly spaced, and the update.

    It needs memory of the number of thresholds alone, not of that times the batch.

    Args:
      labels: booleans.
      predictions: from 0 to 1.
      num_thresholds: 201 by default.

    Raises:
      ArgumentTypeError: labels of another dtype.
    """
    count = 201 if num_thresholds is None else num_thresholds
    labels, predictions = tf.convert_to_tensor(labels), tf.convert_to_tensor(predictions)
    if labels.dtype != tf.bool:
        raise errors.ArgumentTypeError(
            errors.explain("labels of another type than bool", got=labels.dtype.name),
            where="precision_recall_at_equal_thresholds",
        )
    with tf.variable_scope(name, "precision_recall_at_equal_thresholds", [labels, predictions]):
        text = "predictions must be in [0, 1]"
        with tf.control_dependencies(
            [
                tf.assert_greater_equal(predictions, tf.cast(0.0, predictions.dtype), message=text),
                tf.assert_less_equal(predictions, tf.cast(1.0, predictions.dtype), message=text),
            ]
        ):
            predictions, labels, weights = squeezed(predictions, labels, 1.0 if weights is None else weights)
        wide = tf.cast(weights, tf.float64)
        true = tf.reshape(tf.cast(labels, tf.float64) * wide, [-1])
        false = tf.reshape((1 - tf.cast(labels, tf.float64)) * wide, [-1])
        bucket = tf.cast(tf.floor(tf.reshape(predictions, [-1]) * (count - 1)), tf.int32)
        locking = use_locking is None or use_locking
        kept, updates = [], []
        for leaf, values in (("tp_buckets", true), ("fp_buckets", false)):
            with tf.name_scope(f"{tf.get_default_graph().get_name_scope()}/variables/"):
                variable = metric_variable([count], tf.float64, leaf)
            kept.append(tf.cumsum(variable, reverse=True))
            updates.append(tf.scatter_add(variable, bucket, values, use_locking=locking))
        tp, fp = kept
        tn, fn = fp[0] - fp, tp[0] - tp
        rates = (tp / tf.maximum(tf.cast(EPSILON, tf.float64), total) for total in (tp + fp, tp + fn))
        data = [tp, fp, tn, fn, *rates, tf.linspace(0.0, 1.0, count)]
        return PrecisionRecallData(*(tf.cast(part, predictions.dtype) for part in data)), tf.group(*updates)
