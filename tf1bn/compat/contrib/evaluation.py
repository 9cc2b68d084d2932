"""``tf.contrib.training``'s evaluation of checkpoints: once, or of each new one, on a monitored session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes

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


@dataclass(frozen=True)
class _Checkpoint:
    checkpoint_path: str | None


@dataclass(frozen=True)
class _Folder:
    checkpoint_dir: str


@dataclass(frozen=True)
class Evaluation:
    """What runs on a checkpoint; ``evaluate_repeatedly`` also says how long it waits for the next."""

    master: str = ""
    scaffold: Any = None
    eval_ops: Any = None
    feed_dict: Any = None
    final_ops: Any = None
    final_ops_feed_dict: Any = None
    eval_interval_secs: float = field(default=60, init=False)
    hooks: Sequence[Any] | None = None
    config: Any = None

    def of_each(self, paths: Iterable[str | None]) -> Iterator[Any]:
        """Evaluates one checkpoint after the other and yields the values of ``final_ops``."""
        hooks = list(self.hooks or [])
        eval_ops = _counted(self.eval_ops, hooks)
        final = tf.train.FinalOpsHook(self.final_ops, self.final_ops_feed_dict)
        for path in paths:
            creator = tf.train.ChiefSessionCreator(
                scaffold=self.scaffold, checkpoint_filename_with_path=path, master=self.master, config=self.config
            )
            with tf.train.MonitoredSession(session_creator=creator, hooks=[*hooks, final]) as session:
                while eval_ops is not None and not session.should_stop():
                    session.run(eval_ops, self.feed_dict)
            yield final.final_ops_values


@dataclass(frozen=True)
class EvaluateOnce(Evaluation, _Checkpoint):
    """What ``evaluate_once`` is given."""


@dataclass(frozen=True)
class EvaluateRepeatedly(Evaluation, _Folder):
    """What ``evaluate_repeatedly`` is given."""

    eval_interval_secs: float = 60
    max_number_of_evaluations: int | None = None
    timeout: float | None = None
    timeout_fn: Callable[[], bool] | None = None


@takes(EvaluateOnce)
def evaluate_once(call: EvaluateOnce) -> Any:
    """Evaluates one checkpoint and returns the values of ``final_ops``.

    Runs ``eval_ops`` until a hook stops it or the input ends; not at all if they are None.

    Args:
      checkpoint_path: of the checkpoint; None for initial values.
      eval_ops: an operation or tensor, or a list or dictionary of them.
    """
    return next(call.of_each([call.checkpoint_path]))


@takes(EvaluateRepeatedly)
def evaluate_repeatedly(call: EvaluateRepeatedly) -> Any:
    """Evaluates each new checkpoint of a folder and returns the values of ``final_ops`` for the last.

    Args:
      eval_interval_secs: least time between two evaluations.
      max_number_of_evaluations: after so many it returns; None goes on.
      timeout: seconds to wait for a checkpoint; None waits for ever.
      timeout_fn: called when the time is over; a true value ends the evaluation.
      others: as in ``evaluate_once``.
    """
    values = None
    paths = checkpoints_iterator(call.checkpoint_dir, call.eval_interval_secs, call.timeout, call.timeout_fn)
    for done, found in enumerate(call.of_each(paths), 1):
        values = found
        if call.max_number_of_evaluations is not None and done >= call.max_number_of_evaluations:
            break
    return values


def _counted(eval_ops: Any, hooks: Sequence[Any]) -> Any:
    """Returns evaluation operations that also count, and tells the hooks that stop by it."""
    completed = tf.assign_add(get_or_create_eval_step(), 1, use_locking=True)
    for hook in hooks:
        if isinstance(hook, StopAfterNEvalsHook):
            hook.count(completed)
    if eval_ops is None:
        return None
    if isinstance(eval_ops, dict):
        return {**eval_ops, "eval_step": completed}
    return [*eval_ops, completed] if isinstance(eval_ops, (list, tuple)) else [eval_ops, completed]


__all__ = [
    "StopAfterNEvalsHook",
    "SummaryAtEndHook",
    "checkpoints_iterator",
    "evaluate_once",
    "evaluate_repeatedly",
    "get_or_create_eval_step",
    "wait_for_new_checkpoint",
]
