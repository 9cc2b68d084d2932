"""Scores of beams: log probabilities, longer sequences and covered sources rewarded.

Source: Wu and others: Google's neural machine translation system (2016), section 7.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_seq2seq.attention_wrapper import AttentionWrapperState


def scores(
    log_probs: Any, lengths: Any, length_weight: Any, coverage_weight: Any, finished: Any, attended: Any
) -> tf.Tensor:
    """Returns ``log_probs / ((5 + lengths) / 6) ** length_weight``, for beams that have ended plus their coverage.

    coverage = coverage_weight * sum over entries of log(min(attended, 1)); entries never attended to count 0

    Args:
      log_probs, lengths: of each continuation, ``[batch, beams, symbols]``.
      finished: bools ``[batch, beams]``.
      attended: sums of alignments ``[batch, beams, entries]``, or None without coverage.

    Raises:
      ShapeError: a weight that is no scalar.
    """
    found = log_probs
    if not _is_zero("length_penalty_weight", length_weight):
        weight = tf.cast(length_weight, log_probs.dtype)
        found = log_probs / ((5 + tf.cast(lengths, log_probs.dtype)) / 6) ** weight
    if attended is None:
        return found
    covered = tf.where(tf.equal(attended, 0), tf.ones_like(attended), attended)
    coverage = tf.reduce_sum(tf.log(tf.minimum(covered, 1)), 2) * tf.cast(finished, covered.dtype)
    return found + tf.expand_dims(coverage * coverage_weight, 2)


def attention_of(cell_state: Any, coverage_weight: Any) -> Any:
    """Returns the alignments in a state, averaged over mechanisms and layers; None without coverage.

    Raises:
      ArgumentError: a weight of coverage, and no attention in the state. ShapeError: it is no scalar.
    """
    if _is_zero("coverage_penalty_weight", coverage_weight):
        return None
    states = (cell_state,) if isinstance(cell_state, AttentionWrapperState) else cell_state
    states = states if isinstance(states, tuple) else ()
    found = [_mean(state.alignments) for state in states if isinstance(state, AttentionWrapperState)]
    if not found:
        raise errors.ArgumentError(
            errors.explain(
                "`coverage_penalty_weight` needs a cell with attention",
                got=coverage_weight,
                fix="Wrap the cell in an AttentionWrapper, or leave the weight at 0.",
            ),
            where="BeamSearchDecoder",
        )
    return _mean(tuple(found))


def ended_log_probs(log_probs: Any, end_token: Any, finished: Any) -> tf.Tensor:
    """Returns log probabilities ``[batch, beams, symbols]`` in which beams that have ended can only end again."""
    symbols = tf.shape(log_probs)[2]
    row = tf.one_hot(end_token, symbols, on_value=0, off_value=log_probs.dtype.min, dtype=log_probs.dtype)
    over = tf.tile(tf.expand_dims(finished, 2), [1, 1, symbols])
    return tf.where(over, tf.broadcast_to(row, tf.shape(log_probs)), log_probs)


def _mean(values: Any) -> Any:
    if not isinstance(values, tuple):
        return values
    return values[0] if len(values) == 1 else tf.add_n(list(values)) / len(values)


def _is_zero(name: str, weight: Any) -> bool:
    """Whether a weight is known to be 0."""
    weight = tf.convert_to_tensor(weight, name=name)
    if weight.shape.rank != 0:
        raise errors.ShapeError(
            errors.explain(f"`{name}` must be a scalar", got=str(weight.shape)), where="BeamSearchDecoder"
        )
    return tf.get_static_value(weight) == 0
