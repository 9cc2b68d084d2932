"""``FeedingQueueRunner`` of tf.contrib.training: threads that fill a queue from Python functions."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


class FeedingQueueRunner(tf.train.QueueRunner):
    """Runs each enqueue op in a thread of its own, with what its function returns as the feed.

    A thread ends quietly when the queue is closed or its function raises ``tf.errors.OutOfRangeError`` or
    ``StopIteration``; the last one closes the queue.

    Args:
      feed_fns: for each of ``enqueue_ops`` a function without arguments that returns a ``feed_dict``, or None.
      others: as of ``tf.train.QueueRunner``.

    Raises:
      ArgumentError: not as many functions as ops.
    """

    def __init__(
        self,
        queue: Any = None,
        enqueue_ops: Sequence[Any] | None = None,
        close_op: Any = None,
        cancel_op: Any = None,
        feed_fns: Sequence[Callable[[], Any] | None] | None = None,
        queue_closed_exception_types: tuple[type[Exception], ...] | None = None,
    ) -> None:
        kinds = queue_closed_exception_types or (tf.errors.OutOfRangeError, tf.errors.CancelledError)
        super().__init__(queue, enqueue_ops, close_op, cancel_op, queue_closed_exception_types=kinds)
        self._feed_fns = [None for _ in self.enqueue_ops] if feed_fns is None else list(feed_fns)
        self._running: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._guard = threading.Lock()
        if len(self._feed_fns) != len(self.enqueue_ops):
            raise errors.ArgumentError(
                errors.explain(
                    "`feed_fns` has another length",
                    got=len(self._feed_fns),
                    expected=f"{len(self.enqueue_ops)}, one for each op",
                ),
                where="FeedingQueueRunner",
            )

    def create_threads(
        self, sess: tf.Session, coord: Any = None, daemon: bool = False, start: bool = False
    ) -> list[threading.Thread]:
        """Returns the threads, started if ``start``; none while those of an earlier call run in this session.

        Args:
          coord: a ``tf.train.Coordinator`` that is told of exceptions and asks to stop.
        """
        pairs = list(zip(self.enqueue_ops, self._feed_fns, strict=True))
        with self._guard:
            if self._running.get(sess):
                return []
            self._running[sess] = len(pairs)
        made = [
            threading.Thread(target=self._fill, args=(sess, op, feed_fn, coord), daemon=daemon) for op, feed_fn in pairs
        ]
        if coord:
            made.append(threading.Thread(target=self._cancel_at_stop, args=(sess, coord), daemon=daemon))
        for thread in made:
            if coord:
                coord.register_thread(thread)
            if start:
                thread.start()
        return made

    def to_proto(self, export_scope: Any = None) -> Any:
        """Refuses: functions of Python cannot be stored in a graph's file.

        Raises:
          GraphError: always.
        """
        raise errors.GraphError(
            errors.explain(
                "functions that feed cannot be stored", fix="Export the graph without the runner, or read with tf.data."
            ),
            where="FeedingQueueRunner",
        )

    def _fill(self, sess: tf.Session, op: Any, feed_fn: Callable[[], Any] | None, coord: Any) -> None:
        try:
            while not (coord and coord.should_stop()):
                sess.run(op, None if feed_fn is None else feed_fn())
        except (*self.queue_closed_exception_types, StopIteration):
            pass
        except Exception as error:
            if not coord:
                tf.logging.error("FeedingQueueRunner: %s", error)
                raise
            coord.request_stop(error)
        finally:
            self._close_after_the_last(sess)

    def _close_after_the_last(self, sess: tf.Session) -> None:
        with self._guard:
            self._running[sess] -= 1
            if self._running[sess]:
                return
        try:
            sess.run(self.close_op)
        except (RuntimeError, tf.errors.OpError) as error:  # the session may be gone by now
            tf.logging.vlog(1, "FeedingQueueRunner: the queue is not closed: %s", error)

    def _cancel_at_stop(self, sess: tf.Session, coord: Any) -> None:
        coord.wait_for_stop()
        try:
            sess.run(self.cancel_op)
        except (RuntimeError, tf.errors.OpError) as error:  # the queue is closed, or the session gone
            tf.logging.vlog(1, "FeedingQueueRunner: nothing to cancel: %s", error)
