"""The loss of a sequence of logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def sequence_loss(
    logits: Any,
    targets: Any,
    weights: Any,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    sum_over_timesteps: bool = False,
    sum_over_batch: bool = False,
    softmax_loss_function: Callable[..., Any] | None = None,
    name: str | None = None,
) -> tf.Tensor:
    """Returns the weighted cross entropy of symbols, reduced over time, over the batch, over both, or as it is.

    averages: sum(weights * loss) / sum(weights) along the axes
    sums: sum(weights * loss) / number of weights that are not 0 along the axes
    A quotient by 0 is 0. An average of one axis with a sum of the other leaves the sum out, as in 1.15.

    Args:
      logits: ``[batch, time, symbols]``.
      targets: whole numbers ``[batch, time]``.
      weights: ``[batch, time]``, for example 1 for a symbol and 0 for padding.
      softmax_loss_function: takes ``labels`` and ``logits`` by name; by default the sparse softmax cross entropy.

    Raises:
      ShapeError: a tensor of another rank. ArgumentError: an average and a sum of the same axis.
    """
    with errors.located("sequence_loss"):
        _require(logits, targets, weights, average_across_timesteps and sum_over_timesteps)
        _exclude("batch", average_across_batch and sum_over_batch)
    with tf.name_scope(name, "sequence_loss", [logits, targets, weights]):
        function = softmax_loss_function or tf.nn.sparse_softmax_cross_entropy_with_logits
        flat = function(labels=tf.reshape(targets, [-1]), logits=tf.reshape(logits, [-1, tf.shape(logits)[2]]))
        flat *= tf.reshape(weights, [-1])
        losses = tf.reshape(flat, tf.shape(logits)[:2])
        averaged = _axes(average_across_batch, average_across_timesteps)
        summed = _axes(sum_over_batch, sum_over_timesteps)
        if averaged:
            return tf.math.divide_no_nan(tf.reduce_sum(losses, averaged), tf.reduce_sum(weights, averaged))
        if summed:
            count = tf.cast(tf.math.count_nonzero(weights, axis=summed), losses.dtype)
            return tf.math.divide_no_nan(tf.reduce_sum(losses, summed), count)
        return losses


def _axes(batch: bool, time: bool) -> list[int]:
    return [axis for axis, on in enumerate((batch, time)) if on]


def _require(logits: Any, targets: Any, weights: Any, twice: bool) -> None:
    for name, value, rank, axes in (
        ("logits", logits, 3, "[batch, time, symbols]"),
        ("targets", targets, 2, "[batch, time]"),
        ("weights", weights, 2, "[batch, time]"),
    ):
        if value.shape.rank != rank:
            raise errors.ShapeError(errors.explain(f"`{name}` has another rank", got=str(value.shape), expected=axes))
    _exclude("timesteps", twice)


def _exclude(axis: str, twice: bool) -> None:
    if twice:
        raise errors.ArgumentError(
            errors.explain(f"`average_across_{axis}` and `sum_over_{axis}` are both on", fix="Switch one off.")
        )
