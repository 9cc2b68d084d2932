"""``slim.prefetch_queue``: a queue that keeps the next batches ready."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


def prefetch_queue(
    tensors: Any,
    capacity: int = 8,
    num_threads: int = 1,
    dynamic_pad: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """Returns a queue of tensors, given as a list or a dictionary; its ``dequeue`` gives the same.

    Graph effects:
      A queue runner, and a summary of how full the queue is.

    Args:
      dynamic_pad: whether unknown dimensions may differ and are padded.
    """
    names = sorted(tensors) if isinstance(tensors, dict) else None
    listed = [tensors[key] for key in names] if names else list(tensors)
    with tf.name_scope(name, "prefetch_queue", listed) as scope:
        queue = (tf.PaddingFIFOQueue if dynamic_pad else tf.FIFOQueue)(
            capacity,
            [value.dtype for value in listed],
            [value.shape for value in listed],
            names=names,
            shared_name=shared_name,
            name=scope,
        )
        tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(tensors)] * num_threads))
        tf.summary.scalar(f"fraction_of_{capacity}_full", tf.cast(queue.size(), tf.float32) / capacity)
        return queue
