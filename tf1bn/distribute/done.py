"""A clean end for parameter servers: each worker says that it is done, and the server waits for all of them.

``server.join()`` never returns. Instead every parameter server keeps a queue; whoever has trained puts its rank in, and
the server leaves when it has seen them all. A worker that was restarted counts once.
"""

from __future__ import annotations

import time
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.distribute import cluster as cluster_lib
from tf1bn.distribute import waiting

_NAME = "tf1bn_done"


def announce_done(target: str, task: cluster_lib.Task, *, timeout_seconds: float = waiting.TIMEOUT_SECONDS) -> None:
    """Tells every parameter server of the cluster that this task has trained; nothing where there is none.

    Call it once the training session is closed, so that nobody waits for variables that are gone. It uses a graph and
    a session of its own.

    Args:
      target: of the own server.
      task: this one, which trains.
      timeout_seconds: for each server, above 0.

    Raises:
      ArgumentError: ``task`` is a ps; or ``timeout_seconds`` is not above 0.
      NotReadyError: a parameter server did not answer in time.
    """
    with errors.located("announce_done"):
        if task.is_ps:
            raise errors.ArgumentError(errors.explain("a ps does not train", got=str(task), expected="a worker"))
        waiting.wait_for_hosts(task.cluster.ps, timeout_seconds=timeout_seconds)
        for index in range(len(task.cluster.ps)):
            with tf.Graph().as_default() as graph:
                tell = _queue(task.cluster, index).enqueue([task.rank])
            where = cluster_lib.device(cluster_lib.PS, index)
            try:
                with tf.Session(target, graph=graph, config=_seeing(where, task.device)) as session:
                    session.run(tell, options=tf.RunOptions(timeout_in_ms=max(1, int(1000 * timeout_seconds))))
            except (tf.errors.DeadlineExceededError, tf.errors.UnavailableError) as error:
                raise waiting.NotReadyError(
                    errors.explain(f"ps {index} did not answer within {timeout_seconds:g} s")
                ) from error


def wait_until_done(
    target: str,
    task: cluster_lib.Task,
    *,
    timeout_seconds: float | None = None,
    poll_seconds: float = waiting.POLL_SECONDS,
) -> None:
    """Returns once every task that trains has announced that it is done: in the place of ``server.join()``.

    It looks from time to time and waits in Python, so that signals are answered.

    Args:
      target: of the own server.
      task: this one, a ps.
      timeout_seconds: None waits for as long as it takes.
      poll_seconds: between two looks, above 0.

    Raises:
      ArgumentError: ``task`` is no ps; or ``poll_seconds`` is not above 0.
      NotReadyError: some have not announced it in time; the text names their ranks.
    """
    with errors.located("wait_until_done"):
        if not task.is_ps:
            raise errors.ArgumentError(errors.explain("only a ps waits for the others", got=str(task), expected="a ps"))
        if not poll_seconds > 0:
            raise errors.ArgumentError(errors.explain("`poll_seconds` must be above 0", got=poll_seconds))
        with tf.Graph().as_default() as graph:
            queue = _queue(task.cluster, task.index)
            size, told = queue.size(), queue.dequeue()
        missing = set(range(task.cluster.workers))
        end = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        with tf.Session(target, graph=graph, config=_seeing(task.device)) as session:
            while missing:
                missing -= {int(session.run(told)) for _ in range(session.run(size))}
                if missing and end is not None and time.monotonic() >= end:
                    raise waiting.NotReadyError(
                        errors.explain(f"not all are done after {timeout_seconds:g} s", got=sorted(missing))
                    )
                time.sleep(poll_seconds if missing else 0)


def _queue(cluster: cluster_lib.Cluster, index: int) -> Any:
    """Returns the queue of one ps. It is never full, not even when workers come back and say it again."""
    with tf.device(cluster_lib.device(cluster_lib.PS, index)):
        return tf.FIFOQueue(-1, tf.int32, [()], shared_name=f"{_NAME}_{index}")


def _seeing(*devices: str) -> Any:
    """Returns a session configuration that waits for no other task than these."""
    return tf.ConfigProto(device_filters=list(devices))
