"""Rows of arrays through a queue that a thread fills while the program computes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors


@dataclass(frozen=True)
class Feeding:
    """How rows are read.

    Attributes:
      batch_size: rows of a batch; the last one may have fewer.
      num_epochs: how often each row comes; None for ever.
      shuffle: whether in random order; must be given.
      queue_capacity: rows that wait at most.
      num_threads: threads that fill the queue; more than one keeps no order.
    """

    batch_size: int = 128
    num_epochs: int | None = 1
    shuffle: bool | None = None
    queue_capacity: int = 1000
    num_threads: int = 1

    def check(self) -> None:
        """Refuses impossible numbers.

        Raises:
          ArgumentError: ``shuffle`` is not a bool, or a number is not positive.
        """
        if not isinstance(self.shuffle, bool):
            raise errors.ArgumentError(
                errors.explain(
                    "`shuffle` must be given as a bool",
                    got=self.shuffle,
                    expected="True or False",
                    fix="True to train, False to evaluate and to predict.",
                )
            )
        for name in ("batch_size", "queue_capacity", "num_threads"):
            if getattr(self, name) < 1:
                raise errors.ArgumentError(errors.explain(f"`{name}` must be at least 1", got=getattr(self, name)))
        if self.num_epochs is not None and self.num_epochs < 1:
            raise errors.ArgumentError(errors.explain("`num_epochs` must be at least 1, or None", got=self.num_epochs))


@dataclass(frozen=True)
class Data:
    """What is read."""

    x: Any
    y: Any = None


@dataclass(frozen=True)
class Fed(Feeding, Data):
    """What ``numpy_input_fn`` is given."""


class _Rows:
    """Pieces of the arrays, one after the other, over all epochs; threads take turns."""

    def __init__(self, arrays: Sequence[np.ndarray], size: int, epochs: int | None) -> None:
        self._arrays, self._size = arrays, size
        self._count = len(arrays[0])
        self._end = None if epochs is None else epochs * self._count
        self._at = 0
        self._lock = threading.Lock()

    def take(self) -> list[np.ndarray]:
        """Returns the next piece; StopIteration at the end, which TensorFlow takes for the end of the input."""
        with self._lock:
            begin = self._at
            end = begin + self._size if self._end is None else min(begin + self._size, self._end)
            self._at = end
        if begin == end:
            raise StopIteration
        rows = np.arange(begin, end) % self._count
        return [array[rows] for array in self._arrays]


def batches(arrays: Sequence[np.ndarray], feeding: Feeding) -> list[tf.Tensor]:
    """Returns one tensor for each array: a batch of its rows.

    Graph effects:
      A queue, and its runner in QUEUE_RUNNERS: a monitored session starts it, other programs call
      ``tf.train.start_queue_runners``.

    Args:
      arrays: of equal length along the first axis, at least 1.
    """
    arrays = [np.asarray(array) for array in arrays]
    dtypes = [tf.as_dtype(array.dtype) for array in arrays]
    shapes = [array.shape[1:] for array in arrays]
    queue: Any
    if feeding.shuffle:
        kept = feeding.queue_capacity // 4
        queue = tf.RandomShuffleQueue(feeding.queue_capacity, kept, dtypes, shapes)
    else:
        queue = tf.FIFOQueue(feeding.queue_capacity, dtypes, shapes)
    size = max(1, feeding.queue_capacity // (8 * feeding.num_threads))
    rows = _Rows(arrays, size, feeding.num_epochs)
    piece = tf.numpy_function(rows.take, [], dtypes)
    for tensor, shape in zip(piece, shapes, strict=True):
        tensor.set_shape([None, *shape])
    enqueue = queue.enqueue_many(piece)
    tf.train.add_queue_runner(tf.train.QueueRunner(queue, [enqueue] * feeding.num_threads))
    if feeding.num_epochs is None:
        found = queue.dequeue_many(feeding.batch_size)
    else:
        found = queue.dequeue_up_to(feeding.batch_size)
    return list(found) if isinstance(found, (list, tuple)) else [found]
