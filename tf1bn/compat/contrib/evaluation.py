"""``tf.contrib.training``'s evaluation of checkpoints: once, or of each new one, on a monitored session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import evaluation_hooks
from tf1bn.compat.contrib.evaluation_hooks import *  # noqa: F403
from tf1bn.compat.contrib.evaluation_hooks import StopAfterNEvalsHook, checkpoints_iterator, get_or_create_eval_step


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
class Waiting:
    """How often a folder is evaluated, and how long it may lack a new checkpoint."""

    eval_interval_secs: float = 60
    max_number_of_evaluations: int | None = None
    timeout: float | None = None
    timeout_fn: Callable[[], bool] | None = None


@dataclass(frozen=True)
class EvaluateRepeatedly(Waiting, Evaluation, _Folder):
    """What ``evaluate_repeatedly`` is given."""


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


__all__ = [*evaluation_hooks.__all__, "evaluate_once", "evaluate_repeatedly"]
