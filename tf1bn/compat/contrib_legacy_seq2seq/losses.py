"""The losses of lists of logits, one tensor for each step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

LossFunction = Callable[..., Any]
_NO_WEIGHT = 1e-12  # what 1.15 adds to the sum of weights, so that weights of 0 give a loss of 0


def sequence_loss_by_example(
    logits: Sequence[Any],
    targets: Sequence[Any],
    weights: Sequence[Any],
    average_across_timesteps: bool = True,
    softmax_loss_function: LossFunction | None = None,
    name: str | None = None,
) -> tf.Tensor:
    """Returns the weighted cross entropy of each sequence, summed over its steps or averaged by its weights.

    sum: sum over steps of weights * loss
    average: the same / (sum over steps of weights + 1e-12)

    Args:
      logits: for each step a tensor ``[batch, symbols]``.
      targets: for each step whole numbers ``[batch]``.
      weights: for each step ``[batch]``.
      softmax_loss_function: by default the sparse softmax cross entropy. It takes ``labels`` and ``logits`` (which
        programs of 1.0 called ``inputs``) by these names in either order; under other names, labels come first.

    Returns:
      A tensor ``[batch]`` of the dtype of the logits.

    Raises:
      ArgumentError: no step, or lists of different lengths.
    """
    with errors.located("sequence_loss_by_example"):
        _require_steps(logits, targets, weights)
    function = softmax_loss_function or _cross_entropy
    with tf.name_scope(name, "sequence_loss_by_example", [*logits, *targets, *weights]):
        steps = zip(logits, targets, weights, strict=True)
        total = tf.add_n([_called(function, label, step) * weight for step, label, weight in steps])
        return total / (tf.add_n(list(weights)) + _NO_WEIGHT) if average_across_timesteps else total


def sequence_loss(
    logits: Sequence[Any],
    targets: Sequence[Any],
    weights: Sequence[Any],
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: LossFunction | None = None,
    name: str | None = None,
) -> tf.Tensor:
    """Returns the sum, or the average, over a batch of :func:`sequence_loss_by_example`: a scalar.

    Raises:
      ArgumentError: no step, or lists of different lengths.
    """
    with tf.name_scope(name, "sequence_loss", [*logits, *targets, *weights]):
        each = sequence_loss_by_example(logits, targets, weights, average_across_timesteps, softmax_loss_function)
        total = tf.reduce_sum(each)
        return total / tf.cast(tf.shape(targets[0])[0], total.dtype) if average_across_batch else total


def _cross_entropy(labels: Any, logits: Any) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(labels, [-1]), logits=logits)


def _called(function: LossFunction, labels: Any, logits: Any) -> Any:
    """Calls a loss of the program: 1.x passed both by name; before, the order and the names differed by version."""
    try:
        names = tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # a callable without a signature
        names = ()
    if "labels" in names and "inputs" in names:
        return function(labels=labels, inputs=logits)
    if {"labels", "logits"} <= set(names):
        return function(labels=labels, logits=logits)
    return function(labels, logits)


def _require_steps(logits: Sequence[Any], targets: Sequence[Any], weights: Sequence[Any]) -> None:
    lengths = tuple(map(len, (logits, targets, weights)))
    if not lengths[0] or len(set(lengths)) > 1:
        raise errors.ArgumentError(
            errors.explain("`logits`, `targets` and `weights` need one tensor for each step", got=lengths)
        )
