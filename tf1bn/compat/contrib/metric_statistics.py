"""Statistics of tf.contrib.metrics: counts, covariance and correlation, agreement, areas by histograms, top k."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib.metric_parts import (
    Kept,
    Metric,
    PredictionsFirst,
    Streaming,
    broadcast,
    metric_variable,
    squeezed,
)


@dataclass(frozen=True)
class _Values:
    values: Any


@dataclass(frozen=True)
class Count(Kept, _Values):
    """What ``count`` is given."""


@takes(Count)
def count(call: Count) -> Metric:
    """Returns the number of values that were seen, or the sum of their weights, and the update."""
    with tf.variable_scope(call.name, "count", [call.values]):
        values = tf.convert_to_tensor(call.values)
        total = metric_variable([], tf.float32, "count")
        if call.weights is None:
            more = tf.cast(tf.size(values), tf.float32)
        else:
            values, _, weights = squeezed(tf.cast(values, tf.float32), None, call.weights)
            more = tf.reduce_sum(broadcast(weights, values))
        with tf.control_dependencies([values]):
            update = tf.assign_add(total, more)
        return call.collected(tf.identity(total), update)


@takes(Streaming)
def streaming_covariance(call: Streaming) -> Metric:
    """Returns the unbiased covariance of all values that were seen, NaN of fewer than two, and the update.

    Variables (local; in ``name``, by default ``covariance``): count, mean_prediction, mean_label and comoment.

    Source: Chan, Golub, LeVeque: Updating formulae and a pairwise algorithm for computing sample variances (1979).
    """
    with tf.variable_scope(call.name, "covariance", [call.predictions, call.labels]):
        predictions, labels, weights = squeezed(call.predictions, call.labels, call.weights)
        leaves = ("count", "mean_prediction", "mean_label", "comoment")
        kept = [metric_variable([], tf.float32, leaf) for leaf in leaves]
        old = [tf.identity(variable) for variable in kept]
        w = tf.ones_like(labels) if weights is None else tf.cast(broadcast(weights, labels), labels.dtype)
        batch = tf.reduce_sum(w)
        means = [tf.div_no_nan(tf.reduce_sum(x * w), batch) for x in (predictions, labels)]
        own = tf.reduce_sum((predictions - means[0]) * (labels - means[1]) * w)
        total = old[0] + batch
        shifts = [mean - before for mean, before in zip(means, old[1:3], strict=True)]
        moved = [before + tf.div_no_nan(shift * batch, total) for before, shift in zip(old[1:3], shifts, strict=True)]
        comoment = old[3] + own + shifts[0] * shifts[1] * tf.div_no_nan(old[0] * batch, total)
        with tf.control_dependencies([*old, total, *moved, comoment]):
            assigned = [tf.assign(v, new) for v, new in zip(kept, (total, *moved, comoment), strict=True)]
        with tf.control_dependencies(assigned):
            update = _unbiased(tf.identity(comoment), tf.identity(total))
        value = _unbiased(tf.identity(kept[3]), tf.identity(kept[0]))
    return call.collected(value, update)


def _unbiased(comoment: Any, total: Any) -> Any:
    return tf.where(total <= 1, tf.constant(float("nan")), comoment / (total - 1))


@takes(Streaming)
def streaming_pearson_correlation(call: Streaming) -> Metric:
    """Returns Pearson's correlation of all values that were seen, and the update."""
    with tf.variable_scope(call.name, "pearson_r", [call.predictions, call.labels]):
        predictions, labels, weights = squeezed(call.predictions, call.labels, call.weights)
        both = streaming_covariance(predictions, labels, weights, name="covariance")
        first = streaming_covariance(predictions, predictions, weights, name="variance_predictions")
        second = streaming_covariance(labels, labels, weights, name="variance_labels")
        value, update = (c / (tf.sqrt(a) * tf.sqrt(b)) for c, a, b in zip(both, first, second, strict=True))
    return call.collected(value, update)


@dataclass(frozen=True)
class _AlongAxis(PredictionsFirst):
    dim: int


@dataclass(frozen=True)
class CosineDistance(Kept, _AlongAxis):
    """What ``streaming_mean_cosine_distance`` is given."""


@takes(CosineDistance)
def streaming_mean_cosine_distance(call: CosineDistance) -> Metric:
    """Returns 1 minus the mean product along an axis, of unit vectors the cosine distance, and the update."""
    predictions, labels, weights = squeezed(call.predictions, call.labels, call.weights)
    products = tf.reduce_sum(predictions * labels, [call.dim], keepdims=True)
    value, update = tf.metrics.mean(products, weights, name=call.name or "mean_cosine_distance")
    return call.collected(1 - value, 1 - update)


@dataclass(frozen=True)
class _Classes:
    labels: Any
    predictions_idx: Any
    num_classes: int


@dataclass(frozen=True)
class Kappa(Kept, _Classes):
    """What ``cohen_kappa`` is given."""


@takes(Kappa)
def cohen_kappa(call: Kappa) -> Metric:
    """Returns Cohen's kappa, (agreement - agreement by chance) / (1 - agreement by chance), and the update.

    Variables (local; in ``name``, by default ``cohen_kappa``): po, pe_row and pe_col, ``[num_classes]``.

    Raises:
      ArgumentError: fewer than two classes; ShapeError: predictions of another shape.

    Source: Cohen: A coefficient of agreement for nominal scales (1960).
    """
    if call.num_classes < 2:
        raise errors.ArgumentError(
            errors.explain("there are too few classes", got=call.num_classes, expected="`num_classes` of at least 2"),
            where="cohen_kappa",
        )
    with tf.variable_scope(call.name, "cohen_kappa", [call.labels, call.predictions_idx]):
        labels = tf.convert_to_tensor(call.labels)
        labels = tf.squeeze(labels, [-1]) if labels.shape.rank == 2 else labels
        predictions, labels, weights = squeezed(call.predictions_idx, labels, call.weights)
        dtype = tf.int64 if weights is None or weights.dtype.is_integer else tf.float32
        table = tf.confusion_matrix(labels, predictions, call.num_classes, dtype, weights=weights)
        batch = {"po": tf.diag_part(table), "pe_row": tf.reduce_sum(table, 0), "pe_col": tf.reduce_sum(table, 1)}
        kept = {leaf: metric_variable([call.num_classes], dtype, leaf) for leaf in batch}
        updated = [tf.assign_add(kept[leaf], batch[leaf]) for leaf in batch]
        value, update = _kappa(*kept.values()), _kappa(*updated)
        return call.collected(value, update)


def _kappa(agreed: Any, rows: Any, columns: Any) -> Any:
    total = tf.cast(tf.reduce_sum(rows), tf.float64)
    by_chance = tf.reduce_sum(tf.div_no_nan(tf.cast(rows * columns, tf.float64), total))
    return tf.div_no_nan(tf.cast(tf.reduce_sum(agreed), tf.float64) - by_chance, total - by_chance)


def auc_using_histogram(
    boolean_labels: Any,
    scores: Any,
    score_range: Any,
    nbins: int = 100,
    collections: Any = None,
    check_shape: bool = True,
    name: str | None = None,
) -> Metric:
    """Returns the area under the ROC curve of two histograms of the scores, and the update.

    Variables (local, or in ``collections``): hist_true_acc and hist_false_acc, ``[nbins]``.

    Raises:
      ArgumentError: labels that are not booleans.
    """
    with tf.variable_scope(name, "auc_using_histogram", [boolean_labels, scores]):
        scores, labels, _ = squeezed(scores, tf.convert_to_tensor(boolean_labels))
        if labels.dtype != tf.bool:
            raise errors.ArgumentError(
                errors.explain("`boolean_labels` are not of type bool", got=labels.dtype.name),
                where="auc_using_histogram",
            )
        if check_shape:
            ranks = [tf.assert_rank(labels, 1), tf.assert_rank(scores, 1)]
            with tf.control_dependencies([check for check in ranks if check is not None]):
                labels, scores = tf.identity(labels), tf.identity(scores)
        kept, updates = [], []
        with tf.variable_scope(None, "hist_accumulate"):
            for leaf, mask in (("hist_true_acc", labels), ("hist_false_acc", tf.logical_not(labels))):
                counts = tf.histogram_fixed_width(tf.boolean_mask(scores, mask), score_range, nbins, tf.int64)
                variable = tf.get_variable(
                    leaf,
                    [nbins],
                    tf.int64,
                    tf.zeros_initializer(),
                    trainable=False,
                    collections=list(collections or [tf.GraphKeys.LOCAL_VARIABLES]),
                )
                kept.append(tf.cast(variable, tf.float32) / tf.cast(tf.reduce_sum(variable), tf.float32))
                updates.append(tf.assign_add(variable, counts))
        y, dx = tf.cumsum(tf.reverse(kept[0], [0])), tf.reverse(kept[1], [0])
        return tf.reduce_sum(dx * (y + tf.pad(y[:-1], [[1, 0]])) / 2), tf.group(*updates)


@dataclass(frozen=True)
class _LabelsOfTopK:
    labels: Any
    top_k_predictions: Any
    class_id: int | None = None


@dataclass(frozen=True)
class _TopKOfLabels:
    top_k_predictions: Any
    labels: Any
    class_id: int | None = field(default=None, init=False)


@dataclass(frozen=True)
class RecallAtTopK(Kept, _LabelsOfTopK):
    """What ``sparse_recall_at_top_k`` is given."""


@dataclass(frozen=True)
class TopK(Kept, _TopKOfLabels):
    """What ``streaming_sparse_average_precision_at_top_k`` is given."""


@dataclass(frozen=True)
class PrecisionAtTopK(TopK):
    """What ``streaming_sparse_precision_at_top_k`` is given."""

    class_id: int | None = None


@takes(RecallAtTopK)
def sparse_recall_at_top_k(call: RecallAtTopK) -> Metric:
    """Returns the recall of predictions that are given as their k best classes, and the update."""
    passed = call.passed(_named("recall", call.class_id))
    return tf.metrics.recall_at_top_k(call.labels, call.top_k_predictions, class_id=call.class_id, **passed)


@takes(PrecisionAtTopK)
def streaming_sparse_precision_at_top_k(call: PrecisionAtTopK) -> Metric:
    """Returns the precision of predictions that are given as their k best classes, and the update."""
    passed = call.passed(_named("precision", call.class_id))
    return tf.metrics.precision_at_top_k(call.labels, call.top_k_predictions, class_id=call.class_id, **passed)


@takes(TopK)
def streaming_sparse_average_precision_at_top_k(call: TopK) -> Metric:
    """Returns the mean average precision of predictions that are given as their k best classes, and the update.

    Raises:
      ShapeError: an unknown number of classes in ``top_k_predictions``.
    """
    best = tf.cast(call.top_k_predictions, tf.int64)
    k = best.shape.as_list()[-1] if best.shape.rank else None
    if k is None:
        raise errors.ShapeError(
            errors.explain("the last dimension of `top_k_predictions` must be known", got=str(best.shape)),
            where="streaming_sparse_average_precision_at_top_k",
        )
    sparse = isinstance(call.labels, tf.SparseTensor)
    values = call.labels.values if sparse else tf.cast(call.labels, tf.int64)
    highest = tf.maximum(tf.reduce_max(best), tf.reduce_max(tf.concat([tf.reshape(values, [-1]), [0]], 0)))
    # Scores that fall with the place, and 0 for all other classes, have these k classes as their best.
    scores = tf.range(k, 0, -1, dtype=tf.float32)
    predictions = tf.reduce_sum(tf.one_hot(best, tf.cast(highest, tf.int32) + k + 1) * tf.expand_dims(scores, -1), -2)
    return tf.metrics.average_precision_at_k(call.labels, predictions, k, **call.passed())


def _named(what: str, class_id: int | None) -> str:
    return f"{what}_at_k" if class_id is None else f"{what}_at_k_class{class_id}"
