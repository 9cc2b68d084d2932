"""Tensors from whole data sets: batches of parsed records, and what is left of all elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf


def read_batch_features(
    file_pattern: Any,
    batch_size: int,
    features: Any,
    reader: Any = tf.data.TFRecordDataset,
    reader_args: Sequence[Any] | None = None,
    randomize_input: bool = True,
    num_epochs: int | None = None,
    capacity: int = 10000,
) -> Any:
    """Returns the tensors of a batch of parsed records, another batch in each step.

    Args:
      file_pattern: files, or patterns of their paths.
      features: name -> ``tf.FixedLenFeature`` or the like.
      reader: what makes a data set of a file.
      randomize_input: whether records are shuffled, in a buffer of ``capacity`` records.
      num_epochs: how often all records are read; None for no end.
    """
    dataset = tf.data.experimental.make_batched_features_dataset(
        file_pattern,
        batch_size,
        features,
        reader=reader,
        reader_args=reader_args,
        num_epochs=num_epochs,
        shuffle=randomize_input,
        shuffle_buffer_size=capacity,
    )
    return tf.data.make_one_shot_iterator(dataset).get_next()


def reduce_dataset(dataset: Any, reducer: Any) -> Any:
    """Returns what a ``Reducer`` makes of all elements; of none, what it makes of its first state."""
    state = dataset.reduce(reducer.init_func(tf.zeros([], tf.int64)), reducer.reduce_func)
    return reducer.finalize_func(state)
