"""Losses of tf.contrib.losses.metric_learning: embeddings whose distances tell labels apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import absent

__all__ = [
    "contrastive_loss",
    "lifted_struct_loss",
    "npairs_loss",
    "npairs_loss_multilabel",
    "triplet_semihard_loss",
]


def contrastive_loss(labels: Any, embeddings_anchor: Any, embeddings_positive: Any, margin: float = 1.0) -> tf.Tensor:
    """Returns the mean of d^2 for pairs of label 1 and of max(margin - d, 0)^2 for those of label 0.

    Source: Hadsell, Chopra, LeCun: Dimensionality reduction by learning an invariant mapping (2006).
    """
    distances = tf.sqrt(tf.reduce_sum(tf.squared_difference(embeddings_anchor, embeddings_positive), 1))
    same = tf.cast(labels, distances.dtype)
    apart = tf.square(tf.maximum(margin - distances, 0))
    return tf.reduce_mean(same * tf.square(distances) + (1 - same) * apart, name="contrastive_loss")


def triplet_semihard_loss(labels: Any, embeddings: Any, margin: float = 1.0) -> tf.Tensor:
    """Returns the mean over pairs (a, p) of one label of max(margin + D[a, p] - D[a, n], 0), D squared distances.

    n is the nearest example of another label that is farther from a than p; where there is none, the farthest.

    Shapes: labels ``[batch]``, embeddings ``[batch, depth]``, which the program normalises.

    Source: Schroff, Kalenichenko, Philbin: FaceNet (2015).
    """
    same, distances = _same(labels), _distances(tf.convert_to_tensor(embeddings), squared=True)
    other = tf.logical_not(same)
    # Axes: anchor, positive, negative.
    farther = tf.logical_and(tf.expand_dims(other, 1), tf.expand_dims(distances, 1) > tf.expand_dims(distances, 2))
    every = tf.broadcast_to(tf.expand_dims(distances, 1), tf.shape(farther))
    highest = tf.fill(tf.shape(farther), distances.dtype.max)
    outside = tf.reduce_min(tf.where(farther, every, highest), 2)
    # Where an anchor has no example of another label at all, the original took its least distance.
    least = tf.reduce_min(distances, 1, keepdims=True) * tf.ones_like(distances)
    inside = tf.reduce_max(tf.where(other, distances, least), 1, keepdims=True) * tf.ones_like(distances)
    negatives = tf.where(tf.reduce_any(farther, 2), outside, inside)
    positive = _positive(same, distances.dtype)
    loss = tf.maximum((margin + distances - negatives) * positive, 0)
    return tf.truediv(tf.reduce_sum(loss), tf.reduce_sum(positive), name="triplet_semihard_loss")


def npairs_loss(
    labels: Any, embeddings_anchor: Any, embeddings_positive: Any, reg_lambda: float = 0.002, print_losses: bool = False
) -> tf.Tensor:
    """Returns the cross entropy of anchor @ positive^T against equal labels, plus reg_lambda / 4 of both mean squares.

    Source: Sohn: Improved deep metric learning with multi-class N-pair loss objective (2016).
    """
    return _pairs(tf.cast(_same(labels), tf.float32), embeddings_anchor, embeddings_positive, reg_lambda, print_losses)


def npairs_loss_multilabel(
    sparse_labels: Sequence[Any],
    embeddings_anchor: Any,
    embeddings_positive: Any,
    reg_lambda: float = 0.002,
    print_losses: bool = False,
) -> tf.Tensor:
    """Returns ``npairs_loss`` for several labels of each example: pairs count by how many labels they share.

    Args:
      sparse_labels: for each example a sparse tensor ``[1, classes]`` of ones.

    Raises:
      ArgumentTypeError: labels that are not sparse.
    """
    if not all(isinstance(label, tf.SparseTensor) for label in sparse_labels):
        raise errors.ArgumentTypeError(
            errors.explain("`sparse_labels` holds something that is not sparse", got=sparse_labels),
            where="npairs_loss_multilabel",
        )
    with tf.name_scope("NpairsLossMultiLabel"):
        rows = [
            tf.stack(
                [tf.cast(tf.sparse_reduce_sum(tf.sparse_minimum(one, other)), tf.float32) for other in sparse_labels]
            )
            for one in sparse_labels
        ]
        return _pairs(tf.stack(rows), embeddings_anchor, embeddings_positive, reg_lambda, print_losses)


def lifted_struct_loss(labels: Any, embeddings: Any, margin: float = 1.0) -> tf.Tensor:
    """Returns the mean over pairs (i, j) of one label of max(J, 0)^2 / 2.

    J = log(sum over k of exp(margin - D[i, k]) + sum over l of exp(margin - D[j, l])) + D[i, j], with the sums over
    examples of another label.

    Shapes: labels ``[batch]``, embeddings ``[batch, depth]``, not normalised.

    Source: Song, Xiang, Jegelka, Savarese: Deep metric learning via lifted structured feature embedding (2016).
    """
    same, distances = _same(labels), _distances(tf.convert_to_tensor(embeddings), squared=False)
    nearness = tf.where(same, tf.fill(tf.shape(distances), distances.dtype.min), margin - distances)
    own = tf.reduce_logsumexp(nearness, 1, keepdims=True)
    both = tf.reduce_logsumexp(
        tf.stack([own + tf.zeros_like(distances), tf.transpose(own) + tf.zeros_like(distances)]), 0
    )
    positive = _positive(same, distances.dtype)
    loss = tf.square(tf.maximum((both + distances) * positive, 0))
    return tf.truediv(0.25 * tf.reduce_sum(loss), tf.reduce_sum(positive) / 2, name="liftedstruct_loss")


def _pairs(shared: Any, anchor: Any, positive: Any, reg_lambda: float, print_losses: bool) -> tf.Tensor:
    squares = [tf.reduce_mean(tf.reduce_sum(tf.square(x), 1)) for x in (anchor, positive)]
    l2 = tf.multiply(0.25 * reg_lambda, squares[0] + squares[1], name="l2loss")
    labels = shared / tf.reduce_sum(shared, 1, keepdims=True)
    logits = tf.matmul(anchor, positive, transpose_b=True)
    entropy = tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
    entropy = tf.reduce_mean(entropy, name="xentropy")
    if print_losses:
        entropy = tf.Print(entropy, ["cross entropy:", entropy, "l2loss:", l2])
    return l2 + entropy


def _same(labels: Any) -> Any:
    """Returns which examples have the same label, ``[batch, batch]``."""
    column = tf.reshape(labels, [-1, 1])
    return tf.equal(column, tf.transpose(column))


def _positive(same: Any, dtype: Any) -> Any:
    return tf.linalg.set_diag(tf.cast(same, dtype), tf.zeros(tf.shape(same)[:1], dtype))


def _distances(x: Any, squared: bool) -> Any:
    """Returns distances ``[batch, batch]``, exactly 0 on the diagonal; the gradient of a distance of 0 is 0."""
    squares = tf.reduce_sum(tf.square(x), 1, keepdims=True)
    found = tf.maximum(squares + tf.transpose(squares) - 2 * tf.matmul(x, x, transpose_b=True), 0)
    if not squared:
        nothing = found <= 0
        found = tf.where(nothing, tf.zeros_like(found), tf.sqrt(tf.where(nothing, tf.ones_like(found), found)))
    return tf.linalg.set_diag(found, tf.zeros(tf.shape(found)[:1], found.dtype))


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.losses.metric_learning", name, __all__)
