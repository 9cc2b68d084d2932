"""What evaluations of ``tf.contrib.training`` and of slim share: their counter, hooks, and the wait for checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

checkpoints_iterator: Callable[..., Iterator[str]] = tf.train.checkpoints_iterator


def get_or_create_eval_step() -> Any:
    """Returns the counter of evaluations of the graph: an int64 scalar in LOCAL_VARIABLES and EVAL_STEP.

    Raises:
      ArgumentError: there are several.
    """
    found = tf.get_collection(tf.GraphKeys.EVAL_STEP)
    if len(found) > 1:
        raise errors.ArgumentError(errors.explain("several counters of evaluations", got=[v.name for v in found]))
    if found:
        return found[0]
    return tf.get_variable(
        "eval_step",
        shape=[],
        dtype=tf.int64,
        initializer=tf.zeros_initializer(),
        trainable=False,
        collections=[tf.GraphKeys.LOCAL_VARIABLES, tf.GraphKeys.EVAL_STEP],
    )


def wait_for_new_checkpoint(
    checkpoint_dir: str, last_checkpoint: str | None = None, seconds_to_sleep: float = 1, timeout: float | None = None
) -> str | None:
    """Returns the path of the newest checkpoint of a folder once it is another than ``last_checkpoint``.

    Args:
      timeout: seconds after which it returns None; None waits for ever.
    """
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        path = tf.train.latest_checkpoint(checkpoint_dir)
        if path is not None and path != last_checkpoint:
            return str(path)
        if end is not None and time.monotonic() + seconds_to_sleep > end:
            return None
        time.sleep(seconds_to_sleep)


class StopAfterNEvalsHook(tf.train.SessionRunHook):
    """Stops a session after a number of evaluations.

    Args:
      num_evals: the number; None goes on until the input ends.
      log_progress: whether each evaluation is logged.
    """

    def __init__(self, num_evals: int | None, log_progress: bool = True) -> None:
        self._num_evals, self._log_progress = num_evals, log_progress
        self._completed: Any = None

    def count(self, completed: Any) -> None:
        """Sets the tensor that counts evaluations."""
        self._completed = completed

    def before_run(self, run_context: Any) -> Any:
        """Asks for the count."""
        return tf.train.SessionRunArgs({"completed": self._completed})

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Stops when it is reached."""
        completed = run_values.results["completed"]
        if self._log_progress:
            tf.logging.info("Evaluation [%d/%s]", completed, self._num_evals or "?")
        if self._num_evals is not None and completed >= self._num_evals:
            run_context.request_stop()


class SummaryAtEndHook(tf.train.SessionRunHook):
    """Writes summaries once, when a session ends, at the global step of its checkpoint.

    Args:
      log_dir: folder of the event file; or ``summary_writer``.
      summary_op: a summary, or a list of them; by default those of the graph.
      feed_dict: fed to it.
    """

    def __init__(
        self, log_dir: str | None = None, summary_writer: Any = None, summary_op: Any = None, feed_dict: Any = None
    ) -> None:
        if log_dir is None and summary_writer is None:
            raise errors.ArgumentError("SummaryAtEndHook: pass `log_dir` or `summary_writer`.")
        self._log_dir, self._writer = log_dir, summary_writer
        self._summary_op, self._feed_dict = summary_op, feed_dict
        self._global_step: Any = None

    def begin(self) -> None:
        """Chooses what to write and where."""
        if self._summary_op is None:
            self._summary_op = tf.summary.merge_all()
        if isinstance(self._summary_op, (list, tuple)):
            self._summary_op = tf.summary.merge(list(self._summary_op))
        self._global_step = tf.train.get_or_create_global_step()
        if self._writer is None:
            self._writer = tf.summary.FileWriterCache.get(self._log_dir)

    def end(self, session: Any) -> None:
        """Writes."""
        if self._summary_op is not None:
            step = tf.train.global_step(session, self._global_step)
            self._writer.add_summary(session.run(self._summary_op, self._feed_dict), step)
        self._writer.flush()


__all__ = [
    "StopAfterNEvalsHook",
    "SummaryAtEndHook",
    "checkpoints_iterator",
    "get_or_create_eval_step",
    "wait_for_new_checkpoint",
]
