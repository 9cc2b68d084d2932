"""Warnings of an input without data or without end, of untrained values, and of a global step that stands still."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

_MAY_END = ("Iterator", "PyFunc", "Reader", "Dequeue")
_PATIENCE = 20  # runs; a program that adds up gradients makes a step only now and then


class Batches(tf.train.SessionRunHook):
    """Counts the batches of a session.

    Attributes:
      count: batches that were read to their end.
    """

    def __init__(self) -> None:
        self.count = 0

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Counts one."""
        self.count += 1

    def require_some(self) -> None:
        """Warns if there was none, because metrics then have values that look like results."""
        if self.count == 0:
            _warn(
                "evaluate read no batch, so its metrics are not those of any data: a mean without entries is 0. Look "
                "whether input_fn finds its data, and whether drop_remainder drops the only batch."
            )


class StandingStep(tf.train.SessionRunHook):
    """Warns once if training does not move the global step: after some runs, or at the end of a shorter training.

    Args:
      global_step: an integer scalar variable.
    """

    def __init__(self, global_step: Any) -> None:
        self._global_step = global_step
        self._runs = 0
        self._first: Any = None
        self._done = False

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Notes where training begins."""
        del coord
        self._first = session.run(self._global_step)

    def before_run(self, run_context: Any) -> Any:
        """Asks for the global step, until it is known to move."""
        return None if self._done else tf.train.SessionRunArgs(self._global_step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Looks whether it has moved."""
        if self._done:
            return
        self._runs += 1
        self._done = run_values.results != self._first
        if not self._done and self._runs >= _PATIENCE:
            self._say()

    def end(self, session: Any) -> None:
        """Looks a last time."""
        if self._runs and not self._done and session.run(self._global_step) == self._first:
            self._say()

    def _say(self) -> None:
        self._done = True
        _warn(
            f"the global step stays at {self._first} after {self._runs} runs of train_op. So `steps` and `max_steps` "
            "do not end training, and each checkpoint replaces the one before. Pass "
            "global_step=tf.train.get_global_step() to minimize, and no variable of your own."
        )


def warn_of_endless(call: str, hooks: Sequence[Any]) -> None:
    """Warns if nothing in the graph of an input can end it, and no hook of the program might."""
    if hooks or tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS):
        return
    kinds = {operation.type for operation in tf.get_default_graph().get_operations()}
    if not any(part in kind for kind in kinds for part in _MAY_END):
        limit = "Pass `steps`, or r" if call == "evaluate" else "R"
        _warn(
            f"input_fn gives the same tensors for ever, so {call} does not end by itself. {limit}eturn a data set, for "
            "example tf.data.Dataset.from_tensors(features)."
        )


def warn_of_untrained(call: str, folder: str) -> None:
    """Warns that a call works with initial values."""
    _warn(
        f"{call} finds no checkpoint in {folder}, so the variables have their initial values. Call train first, or "
        "pass `checkpoint_path` or `warm_start_from`."
    )


def _warn(text: str) -> None:
    warnings.warn(f"Estimator: {text}", errors.Tf1bnWarning, stacklevel=5)
