"""``slim.queues``: the threads that fill the input queues of a graph, while a block runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


class NestedQueueRunnerError(errors.Tf1bnError):
    """Threads that fill queues are started while others of the same session run."""


_running: set[int] = set()


@contextlib.contextmanager
def QueueRunners(session: Any) -> Iterator[None]:
    """Runs the threads of the graph's QUEUE_RUNNERS in the block, and stops them at its end.

    Raises:
      NestedQueueRunnerError: inside another such block of the session.
      What made a thread fail.
    """
    if id(session) in _running:
        raise NestedQueueRunnerError("QueueRunners: the threads of this session run already. Leave the inner one out.")
    _running.add(id(session))
    coordinator = tf.train.Coordinator()
    try:
        threads = tf.train.start_queue_runners(session, coordinator)
        try:
            yield
        finally:
            coordinator.request_stop()
            coordinator.join(threads, stop_grace_period_secs=120)
    finally:
        _running.discard(id(session))


__all__ = ["NestedQueueRunnerError", "QueueRunners"]
