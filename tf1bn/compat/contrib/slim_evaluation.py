"""``slim.evaluation``: evaluation of checkpoints with a number of steps and summaries at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib import evaluation
from tf1bn.compat.contrib.evaluation import (
    StopAfterNEvalsHook,
    SummaryAtEndHook,
    checkpoints_iterator,
    evaluate_repeatedly,
    get_or_create_eval_step,
    wait_for_new_checkpoint,
)
from tf1bn.compat.contrib.variables import get_variables_to_restore

_DEFAULT: Any = 0
"""Stands for the summaries of the graph."""


def evaluate_once(
    master: str,
    checkpoint_path: str,
    logdir: str | None,
    num_evals: int = 1,
    initial_op: Any = None,
    initial_op_feed_dict: Any = None,
    eval_op: Any = None,
    eval_op_feed_dict: Any = None,
    final_op: Any = None,
    final_op_feed_dict: Any = None,
    summary_op: Any = _DEFAULT,
    summary_op_feed_dict: Any = None,
    variables_to_restore: Any = None,
    session_config: Any = None,
    hooks: Sequence[Any] | None = None,
) -> Any:
    """Evaluates one checkpoint and returns the value of ``final_op``.

    Args:
      logdir: folder of the event file.
      num_evals: how often ``eval_op`` runs.
      initial_op: initialises the variables that are not restored.
      summary_op: written at the end; by default the graph's summaries, None for none.
      variables_to_restore: by default all global variables.
    """
    return evaluation.evaluate_once(
        checkpoint_path,
        master=master,
        scaffold=_scaffold(initial_op, initial_op_feed_dict, variables_to_restore),
        eval_ops=eval_op,
        feed_dict=eval_op_feed_dict,
        final_ops=final_op,
        final_ops_feed_dict=final_op_feed_dict,
        hooks=_hooks(num_evals, logdir, summary_op, summary_op_feed_dict, hooks),
        config=session_config,
    )


def evaluation_loop(
    master: str,
    checkpoint_dir: str,
    logdir: str | None,
    num_evals: int = 1,
    initial_op: Any = None,
    initial_op_feed_dict: Any = None,
    init_fn: Callable[[Any], Any] | None = None,
    eval_op: Any = None,
    eval_op_feed_dict: Any = None,
    final_op: Any = None,
    final_op_feed_dict: Any = None,
    summary_op: Any = _DEFAULT,
    summary_op_feed_dict: Any = None,
    variables_to_restore: Any = None,
    eval_interval_secs: float = 60,
    max_number_of_evaluations: int | None = None,
    session_config: Any = None,
    timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
    hooks: Sequence[Any] | None = None,
) -> Any:
    """Evaluates each new checkpoint of a folder and returns the value of ``final_op`` for the last.

    Args:
      init_fn: called with the session after ``initial_op``.
      others: as in ``evaluate_once`` and ``tf.contrib.training.evaluate_repeatedly``.
    """
    return evaluation.evaluate_repeatedly(
        checkpoint_dir,
        master=master,
        scaffold=_scaffold(initial_op, initial_op_feed_dict, variables_to_restore, init_fn),
        eval_ops=eval_op,
        feed_dict=eval_op_feed_dict,
        final_ops=final_op,
        final_ops_feed_dict=final_op_feed_dict,
        eval_interval_secs=eval_interval_secs,
        hooks=_hooks(num_evals, logdir, summary_op, summary_op_feed_dict, hooks),
        config=session_config,
        max_number_of_evaluations=max_number_of_evaluations,
        timeout=timeout,
        timeout_fn=timeout_fn,
    )


def _scaffold(initial_op: Any, feed_dict: Any, variables_to_restore: Any, init_fn: Any = None) -> Any:
    tf.train.get_or_create_global_step()  # summaries are written at the step of the checkpoint, so it is restored
    chosen = get_variables_to_restore() if variables_to_restore is None else variables_to_restore
    return tf.train.Scaffold(
        init_op=initial_op,
        init_feed_dict=feed_dict,
        init_fn=None if init_fn is None else lambda _, session: init_fn(session),
        saver=tf.train.Saver(chosen) if chosen else None,
    )


def _hooks(num_evals: int, logdir: str | None, summary_op: Any, feed_dict: Any, hooks: Any) -> list[Any]:
    found: list[Any] = [StopAfterNEvalsHook(num_evals)]
    if isinstance(summary_op, int) and summary_op == _DEFAULT:
        summary_op = tf.summary.merge_all()
    if summary_op is not None:
        found.append(SummaryAtEndHook(log_dir=logdir, summary_op=summary_op, feed_dict=feed_dict))
    return [*found, *(hooks or [])]


__all__ = [
    "StopAfterNEvalsHook",
    "SummaryAtEndHook",
    "checkpoints_iterator",
    "evaluate_once",
    "evaluate_repeatedly",
    "evaluation_loop",
    "get_or_create_eval_step",
    "wait_for_new_checkpoint",
]
