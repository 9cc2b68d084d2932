"""What sequences of tags score in a linear chain, and the logarithm of the sum over all of them."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def crf_sequence_score(inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> tf.Tensor:
    """Returns the score ``[batch]`` of the given tags; 0 for a sequence without steps.

    score = sum over t of inputs[t, tag[t]] + sum over t > 0 of transition_params[tag[t - 1], tag[t]]

    Args:
      inputs: scores of each tag, ``[batch, steps, tags]``.
      tag_indices: whole numbers, ``[batch, steps]``; what stands behind the length does not matter.
      sequence_lengths: ``[batch]``.
      transition_params: ``[tags, tags]``, from row to column.
    """
    unary = crf_unary_score(tag_indices, sequence_lengths, inputs)
    return unary + crf_binary_score(tag_indices, sequence_lengths, transition_params)


def crf_unary_score(tag_indices: Any, sequence_lengths: Any, inputs: Any) -> tf.Tensor:
    """Returns the sum ``[batch]`` of the scores of the tags alone."""
    inputs = tf.convert_to_tensor(inputs)
    each = tf.gather(inputs, tag_indices, axis=2, batch_dims=2)
    return _sum(each, alive(inputs, sequence_lengths))


def crf_binary_score(tag_indices: Any, sequence_lengths: Any, transition_params: Any) -> tf.Tensor:
    """Returns the sum ``[batch]`` of the scores of each tag after the one before."""
    tags = tf.convert_to_tensor(tag_indices)
    each = tf.gather_nd(transition_params, tf.stack([tags[:, :-1], tags[:, 1:]], 2))
    return _sum(each, alive(tags, sequence_lengths)[:, 1:])


def crf_multitag_sequence_score(
    inputs: Any, tag_bitmap: Any, sequence_lengths: Any, transition_params: Any
) -> tf.Tensor:
    """Returns the logarithm ``[batch]`` of the sum of exp(score) over all sequences whose tags are allowed.

    Args:
      tag_bitmap: which tags each step may have, bool ``[batch, steps, tags]``.
      others: as of ``crf_sequence_score``.
    """
    inputs = tf.convert_to_tensor(inputs)
    never = tf.fill(tf.shape(inputs), tf.constant(float("-inf"), inputs.dtype))
    return crf_log_norm(tf.where(tag_bitmap, inputs, never), sequence_lengths, transition_params)


def crf_log_norm(inputs: Any, sequence_lengths: Any, transition_params: Any) -> tf.Tensor:
    """Returns the logarithm ``[batch]`` of the sum of exp(score) over all sequences of tags; 0 without steps."""
    inputs = tf.convert_to_tensor(inputs)
    transitions = tf.convert_to_tensor(transition_params, inputs.dtype)
    going_on = tf.transpose(alive(inputs, sequence_lengths))

    def step(alphas: tf.Tensor, now: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        scores, going = now
        return tf.where(going, forward(scores, alphas, transitions), alphas)

    later = tf.transpose(inputs, [1, 0, 2])[1:], going_on[1:]
    alphas = tf.foldl(step, later, initializer=inputs[:, 0])
    norm = tf.reduce_logsumexp(alphas, 1)
    return tf.where(going_on[0], norm, tf.zeros_like(norm))


def crf_log_likelihood(
    inputs: Any, tag_indices: Any, sequence_lengths: Any, transition_params: Any = None
) -> tuple[tf.Tensor, Any]:
    """Returns the logarithm ``[batch]`` of the probability of the given tags, and the matrix of transitions.

    Variables (in the current scope; only without ``transition_params``):
      transitions: ``[tags, tags]``, trainable, from the scope's initializer.

    Args:
      as of ``crf_sequence_score``.

    Raises:
      ShapeError: the number of tags is not known.
    """
    inputs = tf.convert_to_tensor(inputs)
    if transition_params is None:
        size = inputs.shape.with_rank(3).as_list()[2]
        if size is None:
            raise errors.ShapeError(
                errors.explain("the number of tags must be known", got=str(inputs.shape)), where="crf_log_likelihood"
            )
        transition_params = tf.get_variable("transitions", [size, size], inputs.dtype)
    score = crf_sequence_score(inputs, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(inputs, sequence_lengths, transition_params), transition_params


def forward(inputs: Any, alphas: Any, transitions: Any) -> tf.Tensor:
    """Returns, for each tag, the logarithm of the sum over all sequences that end in it, one step on."""
    return inputs + tf.reduce_logsumexp(tf.expand_dims(alphas, 2) + transitions, 1)


def alive(tensor: tf.Tensor, lengths: Any) -> tf.Tensor:
    """Returns which steps ``[batch, steps]`` belong to the sequences."""
    steps = tf.range(tf.shape(tensor)[1], dtype=tf.int32)
    return steps < tf.expand_dims(tf.cast(lengths, tf.int32), 1)


def _sum(each: tf.Tensor, counted: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.where(counted, each, tf.zeros_like(each)), 1)
