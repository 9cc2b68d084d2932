"""``tf.contrib.losses``, which is ``slim.losses``: tf.losses with the predictions first.

Every loss is the mean over the entries whose weight is not zero, weighted, and is added to GraphKeys.LOSSES.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat import absent

get_losses = tf.losses.get_losses
get_regularization_losses = tf.losses.get_regularization_losses
get_total_loss = tf.losses.get_total_loss
add_loss = tf.losses.add_loss


def compute_weighted_loss(losses: Any, weights: Any = 1.0, scope: Any = None) -> tf.Tensor:
    """Returns the weighted mean of losses, over entries of weight not zero."""
    return tf.losses.compute_weighted_loss(losses, _weights(weights, losses), scope)


def absolute_difference(predictions: Any, labels: Any = None, weights: Any = 1.0, scope: Any = None) -> tf.Tensor:
    """Returns the mean of |predictions - labels|."""
    return tf.losses.absolute_difference(labels, predictions, _weights(weights, predictions), scope)


def sigmoid_cross_entropy(
    logits: Any, multi_class_labels: Any, weights: Any = 1.0, label_smoothing: float = 0, scope: Any = None
) -> tf.Tensor:
    """Returns the mean cross-entropy of independent classes."""
    return tf.losses.sigmoid_cross_entropy(
        tf.cast(multi_class_labels, logits.dtype), logits, _weights(weights, logits), label_smoothing, scope
    )


def softmax_cross_entropy(
    logits: Any, onehot_labels: Any, weights: Any = 1.0, label_smoothing: float = 0, scope: Any = None
) -> tf.Tensor:
    """Returns the mean cross-entropy of exclusive classes, the labels as rows of probabilities."""
    return tf.losses.softmax_cross_entropy(onehot_labels, logits, weights, label_smoothing, scope)


def sparse_softmax_cross_entropy(logits: Any, labels: Any, weights: Any = 1.0, scope: Any = None) -> tf.Tensor:
    """Returns the mean cross-entropy of exclusive classes, the labels as numbers of classes."""
    labels = tf.convert_to_tensor(labels)
    labels = tf.reshape(labels, [-1]) if labels.shape.rank == 2 else labels
    return tf.losses.sparse_softmax_cross_entropy(labels, logits, weights, scope)


def log_loss(
    predictions: Any, labels: Any = None, weights: Any = 1.0, epsilon: float = 1e-7, scope: Any = None
) -> tf.Tensor:
    """Returns the mean of -labels * log(p + epsilon) - (1 - labels) * log(1 - p + epsilon)."""
    return tf.losses.log_loss(labels, predictions, _weights(weights, predictions), epsilon, scope)


def hinge_loss(logits: Any, labels: Any = None, scope: Any = None) -> tf.Tensor:
    """Returns max(0, 1 - (2 * labels - 1) * logits) for each entry; it is not added to any collection."""
    with tf.name_scope(scope, "hinge_loss", [logits, labels]):
        logits = tf.convert_to_tensor(logits)
        signs = 2.0 * tf.cast(labels, logits.dtype) - 1.0
        return tf.nn.relu(1.0 - signs * logits)


def mean_squared_error(predictions: Any, labels: Any = None, weights: Any = 1.0, scope: Any = None) -> tf.Tensor:
    """Returns the mean of (predictions - labels)^2."""
    return tf.losses.mean_squared_error(labels, predictions, _weights(weights, predictions), scope)


def cosine_distance(
    predictions: Any,
    labels: Any = None,
    axis: int | None = None,
    weights: Any = 1.0,
    scope: Any = None,
    dim: Any = None,
) -> tf.Tensor:
    """Returns the mean of 1 - sum(predictions * labels) along an axis."""
    axis = dim if axis is None else axis
    with tf.name_scope(scope, "cosine_distance_loss", [predictions, labels]):
        losses = 1.0 - tf.reduce_sum(tf.multiply(predictions, labels), axis)
        return compute_weighted_loss(losses, weights)


def _weights(weights: Any, like: Any) -> Any:
    """Returns weights with trailing axes of size 1, so that ``[batch]`` weights whole examples."""
    weights = tf.cast(tf.convert_to_tensor(weights), tf.float32)
    rank, own = tf.convert_to_tensor(like).shape.rank, weights.shape.rank
    if own in (None, 0) or rank is None or own >= rank:
        return weights
    return tf.reshape(weights, [*tf.unstack(tf.shape(weights)), *[1] * (rank - own)])


__all__ = [
    "absolute_difference",
    "add_loss",
    "compute_weighted_loss",
    "cosine_distance",
    "get_losses",
    "get_regularization_losses",
    "get_total_loss",
    "hinge_loss",
    "log_loss",
    "mean_squared_error",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.losses", name, __all__)
