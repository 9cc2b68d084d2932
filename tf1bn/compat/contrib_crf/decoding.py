"""The best sequence of tags of a linear chain, by the algorithm of Viterbi."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib_crf.scores import alive


def crf_decode(potentials: Any, transition_params: Any, sequence_length: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the best tags, int32 ``[batch, steps]`` with zeros behind each length, and their score ``[batch]``.

    Args:
      potentials: scores of each tag, ``[batch, steps, tags]``.
      transition_params: ``[tags, tags]``, from row to column.
      sequence_length: ``[batch]``; a sequence without steps scores 0.
    """
    inputs = tf.convert_to_tensor(potentials)
    transitions = tf.convert_to_tensor(transition_params, inputs.dtype)
    going_on = alive(inputs, sequence_length)
    scores, backpointers = _forward(inputs, transitions, tf.transpose(going_on))
    last = tf.argmax(scores, 1, output_type=tf.int32)
    tags = tf.where(going_on, _backward(backpointers, last), tf.zeros_like(going_on, tf.int32))
    best = tf.reduce_max(scores, 1)
    return tags, tf.where(going_on[:, 0], best, tf.zeros_like(best))


def _forward(inputs: tf.Tensor, transitions: tf.Tensor, going_on: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the best score of each last tag, and for each step and tag the best tag before it.

    Behind the end of a sequence each tag comes from itself, so the way back begins where the sequence ends.
    """
    first = inputs[:, 0]
    same = tf.zeros_like(first, tf.int32) + tf.range(tf.shape(first)[1], dtype=tf.int32)

    def step(before: tuple[Any, Any], now: tuple[Any, Any, Any]) -> tuple[tf.Tensor, tf.Tensor]:
        scores, going, place = now
        begun = going & (place > 0)
        pointers, best = best_before(scores, before[0], transitions)
        return tf.where(begun, best, before[0]), tf.where(begun, pointers, same)

    steps = tf.transpose(inputs, [1, 0, 2]), going_on, tf.range(tf.shape(going_on)[0])
    scores, pointers = tf.scan(step, steps, initializer=(first, same))
    return scores[-1], pointers


def _backward(pointers: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
    """Returns the tags ``[batch, steps]`` that lead to the last ones."""
    before = tf.scan(
        lambda tag, now: tf.gather(now, tag, axis=1, batch_dims=1), pointers, initializer=last, reverse=True
    )
    return tf.transpose(tf.concat([before[1:], tf.expand_dims(last, 0)], 0))


def best_before(inputs: Any, scores: Any, transitions: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the best tag before each tag, and each tag's best score one step on."""
    ways = tf.expand_dims(scores, 2) + transitions
    return tf.argmax(ways, 1, output_type=tf.int32), inputs + tf.reduce_max(ways, 1)


def viterbi_decode(score: Any, transition_params: Any) -> tuple[list[int], float]:
    """Returns the best tags and their score of one sequence of arrays.

    Args:
      score: ``[steps, tags]``, without padding.
      transition_params: ``[tags, tags]``, from row to column.
    """
    score = np.asarray(score)
    best, pointers = score[0], []
    for now in score[1:]:
        ways = best[:, None] + transition_params
        pointers.append(ways.argmax(0))
        best = now + ways.max(0)
    tags = [int(best.argmax())]
    for before in reversed(pointers):
        tags.append(int(before[tags[-1]]))
    return tags[::-1], best.max()
