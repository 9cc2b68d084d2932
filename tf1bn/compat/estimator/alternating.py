"""``train_and_evaluate``: trains, and evaluates and exports the checkpoints that are saved on the way."""

from __future__ import annotations

import os
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import termination
from tf1bn.compat.estimator.estimator import Estimator
from tf1bn.compat.estimator.train_specs import EvalSpec, TrainSpec


class _Evaluation(tf.train.CheckpointSaverListener):
    """Evaluates and exports checkpoints as they are saved.

    The one that a session saves before its first step is left out. Of the others each is evaluated, unless the last
    evaluation is less than ``throttle_secs`` ago; the last one always, but not after a SIGTERM.

    Attributes:
      metrics: of the last evaluation; None without any.
      exported: what the exporters returned then.
    """

    def __init__(self, estimator: Any, train_spec: TrainSpec, eval_spec: EvalSpec) -> None:
        self._estimator, self._train, self._eval = estimator, train_spec, eval_spec
        self._timer = tf.train.SecondOrStepTimer(every_secs=eval_spec.throttle_secs)
        self._begun = False
        self._done: str | None = None
        self.metrics: Any = None
        self.exported: Any = None

    def begin(self) -> None:
        """Begins anew with each session."""
        self._timer.reset()
        self._begun = False

    def after_save(self, session: Any, global_step_value: int) -> None:
        """Evaluates, if it is time."""
        del session
        if not self._begun:
            self._begun = True
        elif self._timer.should_trigger_for_step(global_step_value):
            self._evaluate(global_step_value)

    def end(self, session: Any, global_step_value: int) -> None:
        """Evaluates the last checkpoint."""
        del session
        if self._timer.last_triggered_step() != global_step_value:
            self._evaluate(global_step_value)

    def _evaluate(self, step: int) -> None:
        if termination.ending():
            return
        self._timer.update_last_triggered_step(step)
        checkpoint = self._estimator.latest_checkpoint()
        if checkpoint is None or checkpoint == self._done:
            return
        spec = self._eval
        self.metrics = self._estimator.evaluate(
            spec.input_fn, steps=spec.steps, hooks=spec.hooks, checkpoint_path=checkpoint, name=spec.name
        )
        final = self._train.max_steps is not None and self.metrics["global_step"] >= self._train.max_steps
        self.exported = [self._export(exporter, checkpoint, final) for exporter in spec.exporters]
        self._done = checkpoint

    def _export(self, exporter: Any, checkpoint: str, final: bool) -> Any:
        return exporter.export(
            estimator=self._estimator,
            export_path=os.path.join(self._estimator.model_dir, "export", exporter.name),
            checkpoint_path=checkpoint,
            eval_result=self.metrics,
            is_the_final_export=final,
        )


def train_and_evaluate(estimator: Any, train_spec: TrainSpec, eval_spec: EvalSpec) -> tuple[Any, Any]:
    """Trains to the end of ``train_spec``, evaluates saved checkpoints on the way, and exports.

    How often a checkpoint is saved, the RunConfig says; ``eval_spec.throttle_secs`` is the least time between two
    evaluations. The last checkpoint is always evaluated.

    Returns:
      The metrics of the last evaluation and the results of the exporters; None and None where nothing was left to
      train.

    Raises:
      ArgumentTypeError: an argument of another type.
      ArgumentError: the RunConfig saves no checkpoints; else as ``Estimator.train`` and ``Estimator.evaluate``.
    """
    with errors.located("train_and_evaluate"):
        for name, value, kind in (
            ("estimator", estimator, Estimator),
            ("train_spec", train_spec, TrainSpec),
            ("eval_spec", eval_spec, EvalSpec),
        ):
            if not isinstance(value, kind):
                raise errors.ArgumentTypeError(
                    errors.explain(f"`{name}` has another type", got=value, expected=f"a {kind.__name__}")
                )
        evaluation = _Evaluation(estimator, train_spec, eval_spec)
        estimator.train(
            train_spec.input_fn,
            hooks=train_spec.hooks,
            max_steps=train_spec.max_steps,
            saving_listeners=[*train_spec.saving_listeners, evaluation],
        )
        return evaluation.metrics, evaluation.exported


__all__ = ["train_and_evaluate"]
