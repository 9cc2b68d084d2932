"""``tf.contrib.losses``, which is ``slim.losses``: tf.losses with the predictions first.

Every loss is the mean over the entries whose weight is not zero, weighted, and is added to GraphKeys.LOSSES. Weights
are a number, ``[batch]``, or the first axes of the losses; a last axis of size 1 is left out: ``[batch, 1]`` is
``[batch]``.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import absent
from tf1bn.compat.contrib.metric_learning import (
    contrastive_loss,
    lifted_struct_loss,
    npairs_loss,
    npairs_loss_multilabel,
    triplet_semihard_loss,
)
from tf1bn.compat.contrib.scoping import add_arg_scope

get_losses = tf.losses.get_losses
get_regularization_losses = tf.losses.get_regularization_losses
get_total_loss = tf.losses.get_total_loss


@add_arg_scope
def add_loss(loss: Any, loss_collection: str | None = tf.GraphKeys.LOSSES) -> None:
    """Adds a loss to a collection; to none with None."""
    if loss_collection:
        tf.add_to_collection(loss_collection, loss)


def compute_weighted_loss(losses: Any, weights: Any = 1.0, scope: Any = None) -> tf.Tensor:
    """Returns the weighted mean of losses, over entries of weight not zero, in the dtype of the losses.

    Weights that broadcast, as ``[1, 3]`` beside losses ``[batch, 3]``, count as often as they are written, not as they
    are used: the result is then ``batch`` times the mean, as in the original.

    Raises:
      ArgumentError: no weights; ShapeError: an unknown rank, or weights that do not fit.
    """
    with tf.name_scope(scope, "weighted_loss", [losses, weights]) as scope:
        losses = tf.convert_to_tensor(losses)
        x = tf.cast(losses, tf.float32)
        w = _weights(weights, x)
        rest = tf.reduce_prod(tf.shape(x)[w.shape.rank :])
        count = tf.reduce_sum(tf.cast(tf.not_equal(w, 0.0), tf.float32)) * tf.cast(rest, tf.float32)
        total = tf.reduce_sum(x * _with_axes(w, x.shape.rank))
        loss = tf.cast(tf.div_no_nan(total, count, name="value"), losses.dtype)
        add_loss(loss)
        return loss


def absolute_difference(predictions: Any, labels: Any = None, weights: Any = 1.0, scope: Any = None) -> tf.Tensor:
    """Returns the mean of |predictions - labels|, both taken as float32."""
    with tf.name_scope(scope, "absolute_difference", [predictions, labels, weights]) as scope:
        predictions, labels = _floats(predictions, labels)
        return compute_weighted_loss(tf.abs(predictions - labels), weights, scope)


def sigmoid_cross_entropy(
    logits: Any, multi_class_labels: Any, weights: Any = 1.0, label_smoothing: float = 0, scope: Any = None
) -> tf.Tensor:
    """Returns the mean cross-entropy of independent classes.

    Args:
      label_smoothing: moves labels towards 1/2: labels * (1 - label_smoothing) + label_smoothing / 2.
    """
    with tf.name_scope(scope, "sigmoid_cross_entropy_loss", [logits, multi_class_labels, weights]) as scope:
        logits = tf.convert_to_tensor(logits)
        labels = _labels(logits, multi_class_labels)
        if label_smoothing > 0:
            labels = labels * (1 - label_smoothing) + 0.5 * label_smoothing
        losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope)


def softmax_cross_entropy(
    logits: Any, onehot_labels: Any, weights: Any = 1.0, label_smoothing: float = 0, scope: Any = None
) -> tf.Tensor:
    """Returns the mean cross-entropy of exclusive classes, the labels as rows of probabilities.

    Args:
      label_smoothing: moves labels towards 1/classes: labels * (1 - label_smoothing) + label_smoothing / classes.
    """
    with tf.name_scope(scope, "softmax_cross_entropy_loss", [logits, onehot_labels, weights]) as scope:
        logits = tf.convert_to_tensor(logits)
        labels = _labels(logits, onehot_labels)
        if label_smoothing > 0:
            classes = tf.cast(tf.shape(labels)[1], logits.dtype)
            labels = labels * (1 - label_smoothing) + label_smoothing / classes
        losses = tf.nn.softmax_cross_entropy_with_logits_v2(labels=tf.stop_gradient(labels), logits=logits)
        return compute_weighted_loss(losses, weights, scope)


def sparse_softmax_cross_entropy(logits: Any, labels: Any, weights: Any = 1.0, scope: Any = None) -> tf.Tensor:
    """Returns the mean cross-entropy of exclusive classes, the labels as numbers of classes.

    Args:
      labels: whole numbers ``[batch]`` or ``[batch, 1]``.
      weights: a number, ``[batch]`` or ``[batch, 1]``.
    """
    with tf.name_scope(scope, "sparse_softmax_cross_entropy_loss", [logits, labels, weights]) as scope:
        labels = tf.convert_to_tensor(labels)
        labels = tf.reshape(labels, [tf.shape(labels)[0]])
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, _column(_given(weights)), scope)


def log_loss(
    predictions: Any, labels: Any = None, weights: Any = 1.0, epsilon: float = 1e-7, scope: Any = None
) -> tf.Tensor:
    """Returns the mean of -labels * log(p + epsilon) - (1 - labels) * log(1 - p + epsilon)."""
    with tf.name_scope(scope, "log_loss", [predictions, labels, weights]) as scope:
        p, labels = _floats(predictions, labels)
        losses = -labels * tf.log(p + epsilon) - (1 - labels) * tf.log(1 - p + epsilon)
        return compute_weighted_loss(losses, weights, scope)


def hinge_loss(logits: Any, labels: Any = None, scope: Any = None) -> tf.Tensor:
    """Returns max(0, 1 - (2 * labels - 1) * logits) for each entry; it is not added to any collection.

    Raises:
      ValueError: the static shapes differ.
    """
    with tf.name_scope(scope, "hinge_loss", [logits, labels]):
        logits, labels = _floats(logits, labels)
        return tf.nn.relu(1 - (2 * labels - 1) * logits)


def mean_squared_error(predictions: Any, labels: Any = None, weights: Any = 1.0, scope: Any = None) -> tf.Tensor:
    """Returns the mean of (predictions - labels)^2, both taken as float32."""
    with tf.name_scope(scope, "mean_squared_error", [predictions, labels, weights]) as scope:
        predictions, labels = _floats(predictions, labels)
        return compute_weighted_loss(tf.squared_difference(predictions, labels), weights, scope)


def mean_pairwise_squared_error(
    predictions: Any, labels: Any = None, weights: Any = 1.0, scope: Any = None
) -> tf.Tensor:
    """Returns the mean over the pairs of entries of an example of (d_i - d_j)^2, where d = predictions - labels.

    An entry paired with itself counts: with m the mean over an example's n entries, it is 2 * (m(d^2) - m(d)^2). The
    result is the weighted sum over examples, as in the original.

    Args:
      weights: a number or ``[batch]``.
    """
    with tf.name_scope(scope, "mean_pairwise_squared_error", [predictions, labels, weights]) as scope:
        predictions, labels = _floats(predictions, labels)
        difference = predictions - labels
        _require_rank(difference, "predictions")
        if difference.shape.rank == 1:
            difference = tf.expand_dims(difference, 0)
        w = _with_axes(_weights(weights, difference), difference.shape.rank)
        axes = list(range(1, difference.shape.rank))
        present = tf.cast(tf.not_equal(w, 0.0), tf.float32) * tf.ones_like(difference)
        count = tf.reduce_sum(present, axes)
        square = tf.div_no_nan(tf.reduce_sum(tf.square(difference), axes), count)
        mean = tf.div_no_nan(tf.reduce_sum(difference, axes), count)
        per_example = tf.reshape(2.0 * (square - tf.square(mean)), [-1, *[1] * len(axes)])
        each = tf.reduce_mean(tf.broadcast_to(w, tf.shape(difference)), axes, keepdims=True)
        loss = tf.reduce_sum(per_example * each, name="value")
        add_loss(loss)
        return loss


def cosine_distance(
    predictions: Any,
    labels: Any = None,
    axis: int | None = None,
    weights: Any = 1.0,
    scope: Any = None,
    dim: Any = None,
) -> tf.Tensor:
    """Returns the mean of 1 - sum(predictions * labels) along an axis, both taken as float32.

    Raises:
      ArgumentError: no ``axis``, or both it and ``dim``, its older name.
    """
    if (axis is None) == (dim is None):
        raise errors.ArgumentError("cosine_distance: You must specify 'axis'; `dim` is its older name.")
    with tf.name_scope(scope, "cosine_distance_loss", [predictions, labels, weights]) as scope:
        predictions, labels = _floats(predictions, labels)
        losses = 1 - tf.reduce_sum(predictions * labels, [dim if axis is None else axis])
        return compute_weighted_loss(losses, weights, scope)


def _floats(predictions: Any, labels: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns both as float32, of shapes that are seen to fit."""
    if labels is None:
        raise errors.ArgumentError("`labels` must not be None.")
    predictions = tf.cast(tf.convert_to_tensor(predictions), tf.float32)
    labels = tf.cast(tf.convert_to_tensor(labels), tf.float32)
    predictions.shape.assert_is_compatible_with(labels.shape)
    return predictions, labels


def _labels(logits: tf.Tensor, labels: Any) -> tf.Tensor:
    labels = tf.convert_to_tensor(labels)
    logits.shape.assert_is_compatible_with(labels.shape)
    return tf.cast(labels, logits.dtype)


def _given(weights: Any) -> tf.Tensor:
    if weights is None:
        raise errors.ArgumentError("`weights` cannot be None. Pass 1.0 for equal weights.")
    return tf.cast(tf.convert_to_tensor(weights), tf.float32)


def _column(w: tf.Tensor) -> tf.Tensor:
    """Returns weights of examples, ``[batch]`` or ``[batch, 1]``, as the former; and one weight as a number.

    Others stay as they are, for examples have one weight each: ``[2, 2]`` does not stand for ``[4]``.
    """
    if w.shape.rank in (None, 0) or (w.shape.rank > 1 and w.shape.as_list()[-1] not in (1, None)):
        return w
    return tf.reshape(w, [] if w.shape.num_elements() == 1 else [-1])


def _require_rank(x: tf.Tensor, name: str) -> None:
    if x.shape.rank is None:
        raise errors.ShapeError(
            errors.explain(f"the rank of `{name}` is unknown", fix="Give it a static shape with tf.ensure_shape.")
        )


def _weights(weights: Any, losses: tf.Tensor) -> tf.Tensor:
    """Returns weights without a last axis of size 1, of the rank of the losses or less."""
    w = _given(weights)
    _require_rank(losses, "losses")
    _require_rank(w, "weights")
    size = w.shape.as_list()[-1] if w.shape.rank > 1 else None
    if size == 1 or (size is None and w.shape.rank > losses.shape.rank):
        w = tf.squeeze(w, [-1])
    rank, own = losses.shape.rank, w.shape.rank
    if own > rank:
        raise errors.ShapeError(
            errors.explain("`weights` have more axes than the losses", got=str(w.shape), expected=str(losses.shape))
        )
    return w


def _with_axes(w: tf.Tensor, rank: int) -> tf.Tensor:
    """Returns weights with as many axes as the losses, those at the end of size 1."""
    return tf.reshape(w, tf.concat([tf.shape(w), tf.ones([rank - w.shape.rank], tf.int32)], 0)) if w.shape.rank else w


__all__ = [
    "absolute_difference",
    "add_loss",
    "compute_weighted_loss",
    "contrastive_loss",
    "cosine_distance",
    "get_losses",
    "get_regularization_losses",
    "get_total_loss",
    "hinge_loss",
    "lifted_struct_loss",
    "log_loss",
    "mean_pairwise_squared_error",
    "mean_squared_error",
    "npairs_loss",
    "npairs_loss_multilabel",
    "sigmoid_cross_entropy",
    "softmax_cross_entropy",
    "sparse_softmax_cross_entropy",
    "triplet_semihard_loss",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.losses", name, __all__)
