"""What the streaming metrics of tf.contrib.metrics share: variables, shapes, counts at thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

Metric = tuple[Any, Any]
EPSILON = 1e-7


@dataclass(frozen=True)
class PredictionsFirst:
    """What most metrics compare."""

    predictions: Any
    labels: Any


@dataclass(frozen=True)
class LabelsFirst:
    """What the later metrics compare."""

    labels: Any
    predictions: Any


@dataclass(frozen=True)
class Kept:
    """The last arguments, which metrics share; only some have a number of thresholds, or a curve."""

    weights: Any = None
    num_thresholds: int = field(default=200, init=False)
    metrics_collections: Any = None
    updates_collections: Any = None
    curve: str = field(default="ROC", init=False)
    name: str | None = None

    def collected(self, value: Any, update: Any) -> Metric:
        """Adds value and update to the collections, and returns both."""
        return collected(value, update, self.metrics_collections, self.updates_collections)

    def passed(self, default: str | None = None) -> dict[str, Any]:
        """Returns these arguments for a metric of tf.metrics; ``default`` stands for no name."""
        return {
            "weights": self.weights,
            "metrics_collections": self.metrics_collections,
            "updates_collections": self.updates_collections,
            "name": self.name or default,
        }


@dataclass(frozen=True)
class Streaming(Kept, PredictionsFirst):
    """What a metric of predictions and labels is given, and no more."""


@dataclass(frozen=True)
class Curve(Kept):
    """The last arguments of what looks at a whole curve."""

    num_thresholds: int = 200
    curve: str = "ROC"


def metric_variable(shape: Sequence[int], dtype: Any, name: str) -> Any:
    """Returns zeros that a metric keeps: a local variable, in METRIC_VARIABLES, too."""
    keys = [tf.GraphKeys.LOCAL_VARIABLES, tf.GraphKeys.METRIC_VARIABLES]
    return tf.Variable(lambda: tf.zeros(shape, dtype), trainable=False, collections=keys, name=name)


def collected(value: Any, update: Any, metrics_collections: Any, updates_collections: Any) -> Metric:
    """Adds value and update to collections, and returns both."""
    if metrics_collections:
        tf.add_to_collections(metrics_collections, value)
    if updates_collections:
        tf.add_to_collections(updates_collections, update)
    return value, update


def squeezed(predictions: Any, labels: Any, weights: Any = None) -> tuple[Any, Any, Any]:
    """Returns tensors of the same rank: a last axis of 1 that only one has is taken off."""
    predictions = tf.convert_to_tensor(predictions)
    if labels is not None:
        labels = labels if isinstance(labels, tf.SparseTensor) else tf.convert_to_tensor(labels)
        more = (predictions.shape.rank or 0) - (labels.shape.rank or 0)
        known = predictions.shape.rank is not None and labels.shape.rank is not None
        if known and more == 1:
            predictions = tf.squeeze(predictions, [-1])
        if known and more == -1:
            labels = tf.squeeze(labels, [-1])
        if not predictions.shape.is_compatible_with(labels.shape):
            raise errors.ShapeError(
                errors.explain(
                    f"predictions and labels: Shapes {predictions.shape} and {labels.shape} are incompatible"
                )
            )
    if weights is not None:
        weights = tf.convert_to_tensor(weights)
        known = predictions.shape.rank is not None and weights.shape.rank is not None
        if known and weights.shape.rank - predictions.shape.rank == 1:
            weights = tf.squeeze(weights, [-1])
    return predictions, labels, weights


def broadcast(weights: Any, values: Any) -> Any:
    """Returns a weight for each value.

    Raises:
      ShapeError: weights of another rank, or with an axis that is neither 1 nor that of the values.
    """
    weights = tf.cast(weights, tf.float32)
    if weights.shape.rank is not None and values.shape.rank is not None and weights.shape.rank > 0:
        fits = weights.shape.rank == values.shape.rank and all(
            one in (1, None) or other in (one, None)
            for one, other in zip(weights.shape.as_list(), values.shape.as_list(), strict=True)
        )
        if not fits:
            raise errors.ShapeError(
                errors.explain("`weights` do not fit the values", got=(str(weights.shape), str(values.shape)))
            )
    return weights * tf.ones_like(values, tf.float32)


def thresholds_between(count: int) -> list[float]:
    """Returns thresholds from just below 0 to just above 1, evenly spaced."""
    inner = [(number + 1) / (count - 1) for number in range(count - 2)]
    return [-EPSILON, *inner, 1 + EPSILON]


_LEAVES = {"tp": "true_positives", "fn": "false_negatives", "tn": "true_negatives", "fp": "false_positives"}
KINDS = tuple(_LEAVES)


def at_thresholds(
    predictions: Any, labels: Any, thresholds: Sequence[float], weights: Any, kinds: Sequence[str] = KINDS
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns counts at each threshold and their updates by kind: ``tp``, ``fn``, ``tn`` or ``fp``."""
    predictions, labels, weights = squeezed(predictions, labels, weights)
    predictions = predictions if predictions.dtype.is_floating else tf.cast(predictions, tf.float32)
    w = tf.ones_like(predictions, tf.float32) if weights is None else broadcast(weights, predictions)
    w = tf.reshape(w, [1, -1])
    limits = tf.expand_dims(tf.constant(list(thresholds), predictions.dtype), 1)
    above = tf.reshape(predictions, [1, -1]) > limits
    true = tf.broadcast_to(tf.reshape(tf.cast(labels, tf.bool), [1, -1]), tf.shape(above))
    chosen = {
        "tp": (true, above),
        "fn": (true, tf.logical_not(above)),
        "tn": (tf.logical_not(true), tf.logical_not(above)),
        "fp": (tf.logical_not(true), above),
    }
    values, updates = {}, {}
    for kind in kinds:
        variable = metric_variable([len(thresholds)], tf.float32, _LEAVES[kind])
        more = tf.reduce_sum(tf.cast(tf.logical_and(*chosen[kind]), tf.float32) * w, 1)
        values[kind], updates[kind] = tf.identity(variable), tf.assign_add(variable, more)
    return values, updates


def require_range(name: str, value: float) -> None:
    """Refuses a share outside 0 to 1.

    Raises:
      ArgumentError: outside.
    """
    if not 0 <= value <= 1:
        raise errors.ArgumentError(errors.explain(f"`{name}` must be in the range [0, 1]", got=value))


def require_curve(curve: str) -> None:
    """Refuses a curve other than ROC and PR.

    Raises:
      ArgumentError: another.
    """
    if curve not in ("ROC", "PR"):
        raise errors.ArgumentError(errors.explain(f"curve must be either ROC or PR, {curve} unknown"))
