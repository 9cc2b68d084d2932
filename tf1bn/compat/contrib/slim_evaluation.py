"""``slim.evaluation``: evaluation of checkpoints with a number of steps and summaries at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import takes
from tf1bn.compat.contrib import evaluation, evaluation_hooks
from tf1bn.compat.contrib.evaluation import Waiting, evaluate_repeatedly
from tf1bn.compat.contrib.evaluation_hooks import *  # noqa: F403
from tf1bn.compat.contrib.evaluation_hooks import StopAfterNEvalsHook, SummaryAtEndHook
from tf1bn.compat.contrib.variables import get_variables_to_restore

_DEFAULT: Any = 0
"""Stands for the summaries of the graph."""


@dataclass(frozen=True)
class _Checkpoint:
    master: str
    checkpoint_path: str


@dataclass(frozen=True)
class _Folder:
    master: str
    checkpoint_dir: str


@dataclass(frozen=True)
class Evaluation:
    """What runs on a checkpoint; ``evaluation_loop`` also says how long it waits for the next."""

    logdir: str | None
    num_evals: int = 1
    initial_op: Any = None
    initial_op_feed_dict: Any = None
    init_fn: Callable[[Any], Any] | None = field(default=None, init=False)
    eval_op: Any = None
    eval_op_feed_dict: Any = None
    final_op: Any = None
    final_op_feed_dict: Any = None
    summary_op: Any = _DEFAULT
    summary_op_feed_dict: Any = None
    variables_to_restore: Any = None
    eval_interval_secs: float = field(default=60, init=False)
    max_number_of_evaluations: int | None = field(default=None, init=False)
    session_config: Any = None
    timeout: float | None = field(default=None, init=False)
    timeout_fn: Callable[[], bool] | None = field(default=None, init=False)
    hooks: Sequence[Any] | None = None

    def passed(self, master: str) -> dict[str, Any]:
        """Returns the same in the words of ``tf.contrib.training``."""
        return {
            "master": master,
            "scaffold": self._scaffold(),
            "eval_ops": self.eval_op,
            "feed_dict": self.eval_op_feed_dict,
            "final_ops": self.final_op,
            "final_ops_feed_dict": self.final_op_feed_dict,
            "hooks": self._hooks(),
            "config": self.session_config,
        }

    def _scaffold(self) -> tf.train.Scaffold:
        tf.train.get_or_create_global_step()  # summaries are written at the step of the checkpoint, so it is restored
        init_fn, chosen = self.init_fn, self.variables_to_restore
        chosen = get_variables_to_restore() if chosen is None else chosen
        return tf.train.Scaffold(
            init_op=self.initial_op,
            init_feed_dict=self.initial_op_feed_dict,
            init_fn=None if init_fn is None else lambda _, session: init_fn(session),
            saver=tf.train.Saver(chosen) if chosen else None,
        )

    def _hooks(self) -> list[Any]:
        found: list[Any] = [StopAfterNEvalsHook(self.num_evals)]
        summary_op = self.summary_op
        if isinstance(summary_op, int) and summary_op == _DEFAULT:
            summary_op = tf.summary.merge_all()
        if summary_op is not None:
            written = {"summary_op": summary_op, "feed_dict": self.summary_op_feed_dict}
            found.append(SummaryAtEndHook(log_dir=self.logdir, **written))
        return [*found, *(self.hooks or [])]


@dataclass(frozen=True)
class EvaluateOnce(Evaluation, _Checkpoint):
    """What ``evaluate_once`` is given."""


@dataclass(frozen=True)
class EvaluationLoop(Waiting, Evaluation, _Folder):
    """What ``evaluation_loop`` is given."""

    init_fn: Callable[[Any], Any] | None = None


@takes(EvaluateOnce)
def evaluate_once(call: EvaluateOnce) -> Any:
    """Evaluates one checkpoint and returns the value of ``final_op``.

    Args:
      logdir: folder of the event file.
      num_evals: how often ``eval_op`` runs.
      initial_op: initialises the variables that are not restored.
      summary_op: written at the end; by default the graph's summaries, None for none.
      variables_to_restore: by default all global variables.
    """
    return evaluation.evaluate_once(call.checkpoint_path, **call.passed(call.master))


@takes(EvaluationLoop)
def evaluation_loop(call: EvaluationLoop) -> Any:
    """Evaluates each new checkpoint of a folder and returns the value of ``final_op`` for the last.

    Args:
      init_fn: called with the session after ``initial_op``.
      others: as in ``evaluate_once`` and ``tf.contrib.training.evaluate_repeatedly``.
    """
    return evaluation.evaluate_repeatedly(
        call.checkpoint_dir,
        **call.passed(call.master),
        eval_interval_secs=call.eval_interval_secs,
        max_number_of_evaluations=call.max_number_of_evaluations,
        timeout=call.timeout,
        timeout_fn=call.timeout_fn,
    )


__all__ = [*evaluation_hooks.__all__, "evaluate_once", "evaluate_repeatedly", "evaluation_loop"]
