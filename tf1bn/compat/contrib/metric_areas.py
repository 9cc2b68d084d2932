"""Areas under curves of tf.contrib.metrics, of all values that were seen; and values joined over batches."""

from __future__ import annotations

import collections
import statistics
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.metric_parts import EPSILON, Metric, collected, metric_variable, require_curve, squeezed

AucData = collections.namedtuple("AucData", ["auc", "lower", "upper"])


def next_array_size(required_size: Any, growth_factor: float = 1.5) -> Any:
    """Returns the least power of the factor that is large enough, rounded up."""
    exponent = tf.ceil(tf.log(tf.cast(required_size, tf.float32)) / tf.log(tf.cast(growth_factor, tf.float32)))
    return tf.cast(tf.ceil(growth_factor**exponent), tf.int32)


def strict_cumsum(tensor: Any, len_tensor: int) -> Any:
    """Returns the first ``len_tensor`` sums of a vector's beginnings, each with the entry that it ends with."""
    return tf.cumsum(tensor)[:len_tensor]


def streaming_concat(
    values: Any,
    axis: int = 0,
    max_size: int | None = None,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    name: str | None = None,
) -> Metric:
    """Returns all values that were seen, joined along an axis, and the update.

    Variables (local; in ``name``, by default ``streaming_concat``): array, which grows by half when it is full, and
    size.

    Args:
      max_size: how many entries are kept at most; the first ones are.

    Raises:
      ShapeError: an unknown rank, an axis outside of it, or another axis of unknown size.
    """
    with tf.variable_scope(name, "streaming_concat", [values]):
        values = tf.convert_to_tensor(values)
        axis, fixed = _axis(values, axis)
        rank = values.shape.rank
        first = [max_size or 0, *fixed]
        keys = [tf.GraphKeys.LOCAL_VARIABLES, tf.GraphKeys.METRIC_VARIABLES]
        array = tf.Variable(
            lambda: tf.zeros(first, values.dtype),
            trainable=False,
            collections=keys,
            name="array",
            validate_shape=False,
            shape=tf.TensorShape([None, *fixed]),
            use_resource=True,
        )
        size = metric_variable([], tf.int32, "size")
        stored = tf.identity(array)[:size]
        stored.set_shape([None, *fixed])
        back = [0 if n == axis else n + 1 if n < axis else n for n in range(rank)]
        value = tf.transpose(stored, back)
        added = tf.transpose(values, [axis, *(n for n in range(rank) if n != axis)])
        if max_size is not None:
            added = added[: max_size - size]
        update = _append(array, size, added, fixed)
        return collected(value, update, metrics_collections, updates_collections)


def _append(array: Any, size: Any, added: Any, fixed: list[int]) -> Any:
    before = tf.identity(size)
    after = before + tf.shape(added)[0]

    def grow() -> Any:
        old = tf.identity(array)
        more = next_array_size(after) - tf.shape(old)[0]
        wider = tf.concat([old, tf.zeros(tf.stack([more, *fixed]), old.dtype)], 0)
        with tf.control_dependencies([tf.assign(array, wider, validate_shape=False)]):
            return tf.no_op()

    with tf.control_dependencies([before]):
        grown = tf.cond(after > tf.shape(tf.identity(array))[0], grow, tf.no_op)
    with tf.control_dependencies([grown]):
        written = tf.scatter_update(array, tf.range(before, after), added)
    with tf.control_dependencies([written]):
        return tf.assign(size, after)


def _axis(values: Any, axis: int) -> tuple[int, list[int]]:
    rank = values.shape.rank
    if rank is None:
        raise errors.ShapeError(
            errors.explain("the rank of `values` is not known", got=values.name), where="streaming_concat"
        )
    place = axis + rank if axis < 0 else axis
    if not 0 <= place < rank:
        raise errors.ShapeError(
            errors.explain("there is no such axis", got=axis, expected=f"0 to {rank - 1}"), where="streaming_concat"
        )
    fixed = [length for n, length in enumerate(values.shape.as_list()) if n != place]
    if None in fixed:
        raise errors.ShapeError(
            errors.explain(
                "all dimensions of `values` other than the dimension to concatenate along must have statically "
                "known size",
                got=str(values.shape),
            ),
            where="streaming_concat",
        )
    return place, fixed


def _binary(labels: Any) -> Any:
    """Returns labels as one row of int64, after checks that they are 0 or 1."""
    labels = tf.reshape(tf.cast(labels, tf.int64), [-1])
    zero, one = tf.constant(0, tf.int64), tf.constant(1, tf.int64)
    low = tf.assert_greater_equal(labels, zero, message="labels must be 0 or 1, at least one is <0")
    high = tf.assert_less_equal(labels, one, message="labels must be 0 or 1, at least one is >1")
    with tf.control_dependencies([low, high]):
        return tf.identity(labels)


def streaming_dynamic_auc(
    labels: Any,
    predictions: Any,
    curve: str = "ROC",
    metrics_collections: Any = (),
    updates_collections: Any = (),
    name: str | None = None,
    weights: Any = None,
) -> Metric:
    """Returns the area under the curve of all predictions that were seen, each a threshold, and the update.

    It is 0 where all labels are the same. All predictions are kept.

    Raises:
      ArgumentError: another curve; ShapeError: labels of another shape.
    """
    require_curve(curve)
    with tf.variable_scope(name, "dynamic_auc"):
        predictions, labels = tf.convert_to_tensor(predictions), tf.convert_to_tensor(labels)
        predictions, labels, _ = squeezed(predictions, labels)
        parts = {"labels": _binary(labels), "preds": tf.reshape(tf.cast(predictions, tf.float64), [-1])}
        if weights is not None:
            parts["weights"] = tf.reshape(tf.cast(weights, tf.float64), [-1])
        seen = {key: streaming_concat(value, name=f"concat_{key}") for key, value in parts.items()}
        update = tf.group(*(pair[1] for pair in seen.values()))
        weight = seen["weights"][0] if "weights" in seen else tf.ones_like(seen["preds"][0])
        area = _area(seen["labels"][0], seen["preds"][0], weight, curve)
        return collected(area, update, metrics_collections, updates_collections)


def _area(labels: Any, predictions: Any, weights: Any, curve: str) -> Any:
    """Returns the area of the trapezoids between the different values of the predictions."""
    true = tf.cast(labels, tf.float64) * weights
    total, positive = tf.reduce_sum(weights), tf.reduce_sum(true)

    def computed() -> Any:
        ordered, places = tf.nn.top_k(predictions, k=tf.size(predictions))
        counts = tf.unique_with_counts(ordered)[2]
        ends = tf.pad(tf.cumsum(counts), [[1, 0]])

        def up_to(values: Any) -> Any:
            return tf.gather(tf.pad(tf.cumsum(tf.gather(values, places)), [[1, 0]]), ends)

        hits, all_of_them = up_to(true), up_to(weights)
        if curve == "ROC":
            x, y = (all_of_them - hits) / (total - positive), hits / positive
        else:
            x = hits / positive
            y = tf.where(ends > 0, tf.div_no_nan(hits, all_of_them), tf.ones_like(hits))
        return tf.reduce_sum((y[1:] + y[:-1]) / 2 * tf.abs(x[1:] - x[:-1]))

    same = tf.logical_or(tf.equal(positive, 0), tf.equal(positive, total))
    return tf.cond(same, lambda: tf.constant(0, tf.float64), computed)


def auc_with_confidence_intervals(
    labels: Any,
    predictions: Any,
    weights: Any = None,
    alpha: float = 0.95,
    logit_transformation: bool = True,
    metrics_collections: Any = (),
    updates_collections: Any = (),
    name: str | None = None,
) -> Metric:
    """Returns the area under the ROC curve with its interval of confidence, and the update.

    The area is the mean placement of the smaller class among the other; the interval follows from the variances of the
    placements. It is 0 where a batch has only one label, or a weight below 1 altogether.

    Args:
      alpha: of the interval, for example 0.95.
      logit_transformation: whether the interval is symmetric after log(auc / (1 - auc)).

    Raises:
      ArgumentError: an alpha outside 0 to 1.

    Source: DeLong, DeLong, Clarke-Pearson: Comparing the areas under two or more correlated ROC curves (1988).
    """
    if not 0 < alpha < 1:
        raise errors.ArgumentError(
            errors.explain("`alpha` is no share", got=alpha, expected="a number above 0 and below 1")
        )
    predictions = tf.convert_to_tensor(predictions)
    with tf.variable_scope(name, "auc_with_confidence_intervals", [labels, predictions]):
        weights = tf.ones_like(predictions) if weights is None else weights
        predictions, labels, weights = squeezed(predictions, labels, weights)
        total = tf.reduce_sum(weights)
        flat = {
            "labels": _binary(labels),
            "preds": tf.reshape(tf.cast(predictions, tf.float64), [-1]),
            "weights": tf.reshape(tf.cast(weights, tf.float32), [-1]),
        }
        seen = {key: streaming_concat(value, name=f"concat_{key}") for key, value in flat.items()}
        both = tf.logical_and(tf.equal(tf.reduce_min(flat["labels"]), 0), tf.equal(tf.reduce_max(flat["labels"]), 1))
        enough = total >= 1.0
        update = tf.group(*(pair[1] for pair in seen.values()))
        data = _placements(seen["labels"][0], seen["preds"][0], seen["weights"][0], alpha, logit_transformation)
        zero = tf.constant(0.0)
        valid = tf.logical_and(both, enough)
        result = AucData(*(tf.where(valid, part, zero) for part in data))
        return collected(result, update, metrics_collections, updates_collections)


def _placements(labels: Any, predictions: Any, weights: Any, alpha: float, logit: bool) -> tuple[Any, Any, Any]:
    """Returns the area and the ends of its interval."""
    order = tf.argsort(predictions)
    _, groups = tf.unique(tf.gather(predictions, order))
    positive = tf.cast(tf.gather(labels, order), tf.float32)
    weight = tf.gather(weights, order)
    weight_1, weight_0 = weight * positive, weight * (1 - positive)

    def among(other: Any) -> Any:
        """The share of the other class below each value, ties by half."""
        totals = tf.math.segment_sum(other, groups)
        below = (tf.cumsum(totals, exclusive=True) + totals / 2) / (tf.reduce_sum(totals) + EPSILON)
        return tf.gather(below, groups)

    place_1, place_0 = among(weight_0), 1 - among(weight_1)
    total_1, total_0 = tf.reduce_sum(weight_1), tf.reduce_sum(weight_0)
    auc_1 = tf.reduce_sum(weight_1 * place_1) / (total_1 + EPSILON)
    auc_0 = tf.reduce_sum(weight_0 * place_0) / (total_0 + EPSILON)
    auc = tf.where(total_0 < total_1, auc_1, auc_0)
    variance_1 = _variance(weight_1, place_1, auc_1, total_1)
    variance_0 = _variance(weight_0, place_0, auc_0, total_0)
    error = tf.sqrt(variance_0 / (total_0 + EPSILON) + variance_1 / (total_1 + EPSILON))
    z = statistics.NormalDist().inv_cdf((1 - alpha) / 2)
    if logit:
        estimate = tf.log(auc / (1 - auc + EPSILON))
        error = error / (auc * (1 - auc + EPSILON))
        ends = [1 / (1 + tf.exp(-(estimate + sign * z * error)) + EPSILON) for sign in (1, -1)]
    else:
        ends = [auc + sign * z * error for sign in (1, -1)]
    certain = tf.logical_or(tf.equal(auc, 0), tf.equal(auc, 1))
    lower, upper = (tf.where(certain, auc, end) for end in ends)
    return auc, lower, upper


def _variance(weights: Any, values: Any, mean: Any, total: Any) -> Any:
    return tf.reduce_sum(weights * tf.square(values - mean)) / (total - 1 + EPSILON)
