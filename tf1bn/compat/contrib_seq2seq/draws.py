"""Random choices, in the dtypes that helpers need."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


def categorical(logits: Any, seed: Any = None) -> tf.Tensor:
    """Returns for each row of logits ``[..., symbols]`` a number of int32 with the probabilities of its softmax."""
    rows = logits if logits.shape.rank == 2 else tf.reshape(logits, [-1, tf.shape(logits)[-1]])
    drawn = tf.random.categorical(rows, 1, seed=seed, dtype=tf.int32)
    return tf.reshape(drawn, tf.shape(logits)[:-1])


def bernoulli(probability: Any, count: Any, seed: Any = None) -> tf.Tensor:
    """Returns ``count`` bools, each true with the probability, or with the entry of its own in a vector of them."""
    return tf.random.uniform([count], seed=seed, dtype=probability.dtype) < probability
