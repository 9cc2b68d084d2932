"""``InMemoryEvaluatorHook``: evaluates while training, with the values that variables have at that moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import checks
from tf1bn.compat.estimator.estimator import Estimator


class InMemoryEvaluatorHook(tf.train.SessionRunHook):
    """Evaluates at the start, every so many steps, and at the end, without a checkpoint.

    The evaluation builds its own graph and takes the values of all variables over, moving averages included.

    Args:
      estimator: the model that is trained.
      input_fn, steps, hooks, name: as of ``Estimator.evaluate``.
      every_n_iter: steps between two evaluations.

    Raises:
      ArgumentError: ``every_n_iter`` is not positive.
      ArgumentTypeError: no Estimator, no function, or no hook.
    """

    def __init__(
        self,
        estimator: Any,
        input_fn: Callable[..., Any],
        steps: int | None = None,
        hooks: Sequence[Any] | None = None,
        name: str | None = None,
        every_n_iter: int = 100,
    ) -> None:
        with errors.located("InMemoryEvaluatorHook"):
            if not isinstance(estimator, Estimator):
                raise errors.ArgumentTypeError(errors.explain("`estimator` has another type", got=estimator))
            checks.require_callable("input_fn", input_fn)
            if every_n_iter is None or every_n_iter <= 0:
                raise errors.ArgumentError(errors.explain("`every_n_iter` must be above zero", got=every_n_iter))
            checks.require_positive("steps", steps)
            self._hooks = checks.hooks_of("hooks", hooks)
        self._estimator, self._input_fn, self._steps, self._name = estimator, input_fn, steps, name
        self._every, self._runs, self._done = every_n_iter, 0, -1
        self._variables: dict[str, Any] = {}

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Evaluates the values that training begins with."""
        del coord
        self._variables = {v.op.name: v for v in session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)}
        self._runs = 0
        self._evaluate(session)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Evaluates when it is time."""
        del run_values
        self._runs += 1
        if self._runs % self._every == 0:
            self._evaluate(run_context.session)

    def end(self, session: Any) -> None:
        """Evaluates what training ends with, unless that has just been done."""
        if self._done != self._runs:
            self._evaluate(session)

    def _evaluate(self, session: Any) -> None:
        self._done = self._runs
        values = session.run(self._variables)
        self._estimator._evaluate_checkpoint(self._input_fn, self._steps, self._hooks, None, self._name, values)


__all__ = ["InMemoryEvaluatorHook"]
