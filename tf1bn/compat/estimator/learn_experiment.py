"""``tf.contrib.learn.Experiment`` and ``learn_runner.run``: training and evaluation as one object."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import checks, fitting, folders, termination
from tf1bn.compat.estimator.estimator import Estimator
from tf1bn.compat.estimator.learn_estimator import Estimator as LearnEstimator
from tf1bn.compat.estimator.learn_ops import receiver_of

_SCHEDULES = ("train_and_evaluate", "train", "evaluate", "test", "local_run")


class ExportStrategy(NamedTuple):
    """How an Experiment exports.

    Attributes:
      name: folder below ``export`` in the model's folder.
      export_fn: takes the Estimator, the folder, and any of ``checkpoint_path`` and ``eval_result``.
    """

    name: str
    export_fn: Callable[..., Any]

    def export(
        self, estimator: Any, export_path: str, checkpoint_path: str | None = None, eval_result: Any = None
    ) -> Any:
        """Exports, and returns the path."""
        return self.export_fn(estimator, export_path, checkpoint_path=checkpoint_path, eval_result=eval_result)


def make_export_strategy(
    serving_input_fn: Callable[[], Any],
    default_output_alternative_key: str | None = None,
    assets_extra: Mapping[str, str] | None = None,
    as_text: bool = False,
    exports_to_keep: int | None = 5,
    strip_default_attrs: bool = False,
) -> ExportStrategy:
    """Returns a strategy called "Servo" that exports a SavedModel and keeps the newest.

    Args:
      serving_input_fn: returns InputFnOps or a ServingInputReceiver.
      default_output_alternative_key: of a ``contrib.learn.Estimator``; see its ``export_savedmodel``.
      exports_to_keep: how many; None keeps all.
      others: as of ``export_savedmodel``.
    """

    def export(estimator: Any, export_path: str, checkpoint_path: str | None = None, eval_result: Any = None) -> Any:
        del eval_result
        options: dict[str, Any] = {
            "assets_extra": assets_extra,
            "as_text": as_text,
            "checkpoint_path": checkpoint_path,
            "strip_default_attrs": strip_default_attrs,
        }
        if isinstance(estimator, LearnEstimator):
            options["default_output_alternative_key"] = default_output_alternative_key
        elif default_output_alternative_key is not None:
            raise errors.ArgumentError(
                "`default_output_alternative_key` is of contrib.learn.Estimator; name the default in export_outputs.",
                where="make_export_strategy",
            )
        path = estimator.export_savedmodel(export_path, lambda: receiver_of(serving_input_fn()), **options)
        folders.keep_newest(export_path, exports_to_keep)
        return path

    return ExportStrategy("Servo", export)


class _Evaluations(tf.train.CheckpointSaverListener):
    """Evaluates saved checkpoints that are far enough apart."""

    def __init__(self, experiment: Experiment, frequency: int) -> None:
        self._experiment, self._frequency, self._last = experiment, frequency, None

    def after_save(self, session: Any, global_step_value: int) -> None:
        """Evaluates; the first one is of the start."""
        del session
        before: int | None = self._last
        if before is None:
            self._last = global_step_value  # type: ignore[assignment]
        elif global_step_value - before >= self._frequency and not termination.ending():
            self._last = global_step_value  # type: ignore[assignment]
            self._experiment.evaluate(delay_secs=0)


class Experiment:
    """An Estimator with its inputs, its numbers of steps and its exports.

    Args:
      estimator: of ``tf.estimator`` or ``tf.contrib.learn``.
      train_input_fn, eval_input_fn: as of ``train`` and ``evaluate``.
      eval_metrics: of a ``contrib.learn.Estimator``: name -> MetricSpec; refused for another.
      train_steps: global step at which training ends; None trains until the input ends.
      eval_steps: batches of an evaluation; None reads the input to its end.
      train_monitors, eval_hooks: hooks.
      min_eval_frequency: least steps between two evaluations of saved checkpoints while it trains; None or 0 for none
        but the last.
      export_strategies: one, or several, applied at the end.
      saving_listeners: as of ``train``.
      local_eval_frequency, eval_delay_secs, continuous_eval_throttle_secs, delay_workers_by_global_step,
        train_steps_per_iteration, checkpoint_and_export, check_interval_secs: of other schedules and of clusters;
        refused unless left at their defaults.

    Raises:
      ArgumentError: what is refused.
      ArgumentTypeError: no Estimator, a hook that is none, or a strategy that is none.
    """

    def __init__(
        self,
        estimator: Any,
        train_input_fn: Callable[..., Any],
        eval_input_fn: Callable[..., Any],
        eval_metrics: Mapping[Any, Any] | None = None,
        train_steps: int | None = None,
        eval_steps: int | None = 100,
        train_monitors: Sequence[Any] | None = None,
        eval_hooks: Sequence[Any] | None = None,
        local_eval_frequency: int | None = None,
        eval_delay_secs: float = 120,
        continuous_eval_throttle_secs: float = 60,
        min_eval_frequency: int | None = None,
        delay_workers_by_global_step: bool = False,
        export_strategies: Any = None,
        train_steps_per_iteration: int | None = None,
        checkpoint_and_export: bool = False,
        saving_listeners: Sequence[Any] | None = None,
        check_interval_secs: float = 5,
    ) -> None:
        with errors.located("Experiment"):
            if not isinstance(estimator, Estimator):
                raise errors.ArgumentTypeError(errors.explain("`estimator` has another type", got=estimator))
            if eval_metrics is not None and not isinstance(estimator, LearnEstimator):
                raise errors.ArgumentError("`eval_metrics` are of contrib.learn.Estimator; use eval_metric_ops.")
            _refuse(
                local_eval_frequency=(local_eval_frequency, None),
                eval_delay_secs=(eval_delay_secs, 120),
                continuous_eval_throttle_secs=(continuous_eval_throttle_secs, 60),
                delay_workers_by_global_step=(delay_workers_by_global_step, False),
                train_steps_per_iteration=(train_steps_per_iteration, None),
                checkpoint_and_export=(checkpoint_and_export, False),
                check_interval_secs=(check_interval_secs, 5),
            )
            self._hooks = list(checks.hooks_of("train_monitors", train_monitors))
            self._eval_hooks = checks.hooks_of("eval_hooks", eval_hooks)
            self._listeners = fitting.require_listeners(saving_listeners)
            self._strategies = _strategies(export_strategies)
        self._estimator, self._train_input_fn, self._eval_input_fn = estimator, train_input_fn, eval_input_fn
        self._metrics, self._train_steps, self._eval_steps = eval_metrics, train_steps, eval_steps
        self._frequency = min_eval_frequency

    @property
    def estimator(self) -> Any:
        """The model."""
        return self._estimator

    @property
    def train_steps(self) -> int | None:
        """Global step at which training ends."""
        return self._train_steps

    @property
    def eval_steps(self) -> int | None:
        """Batches of an evaluation."""
        return self._eval_steps

    def extend_train_hooks(self, additional_hooks: Sequence[Any]) -> None:
        """Adds hooks of the training."""
        self._hooks += checks.hooks_of("additional_hooks", additional_hooks)

    def reset_export_strategies(self, new_export_strategies: Any = None) -> Any:
        """Replaces the export strategies and returns the old ones."""
        old, self._strategies = self._strategies, _strategies(new_export_strategies)
        return old

    def train(self, delay_secs: float | None = None) -> Any:
        """Trains, and returns the Estimator.

        Args:
          delay_secs: of workers of a cluster; must be None or 0.
        """
        _refuse(delay_secs=(delay_secs or None, None))
        return self._train(())

    def evaluate(self, delay_secs: float | None = None, name: str | None = None) -> dict[str, Any]:
        """Evaluates the newest checkpoint and returns its metrics.

        Args:
          delay_secs: of an evaluator in a process of its own; must be None or 0.
          name: of the folder of event files.
        """
        _refuse(delay_secs=(delay_secs or None, None))
        options: dict[str, Any] = {} if self._metrics is None else {"metrics": self._metrics}
        result: dict[str, Any] = self._estimator.evaluate(
            input_fn=self._eval_input_fn, steps=self._eval_steps, hooks=self._eval_hooks, name=name, **options
        )
        return result

    def train_and_evaluate(self) -> tuple[dict[str, Any], list[Any]]:
        """Trains with evaluations on the way, evaluates and exports; returns the metrics and the paths of exports."""
        self._train((_Evaluations(self, self._frequency),) if self._frequency else ())
        metrics = self.evaluate(delay_secs=0)
        checkpoint = self._estimator.latest_checkpoint()
        base = os.path.join(self._estimator.model_dir, "export")
        paths = [
            item.export(self._estimator, os.path.join(base, item.name), checkpoint, metrics)
            for item in self._strategies
        ]
        return metrics, paths

    local_run = train_and_evaluate

    def test(self) -> tuple[dict[str, Any], list[Any]]:
        """Tries one step of training, one of evaluation, and the exports."""
        self._estimator.train(self._train_input_fn, hooks=self._hooks, steps=1, saving_listeners=self._listeners)
        before, self._eval_steps = self._eval_steps, 1
        try:
            metrics = self.evaluate(delay_secs=0)
        finally:
            self._eval_steps = before
        base = os.path.join(self._estimator.model_dir, "export")
        paths = [item.export(self._estimator, os.path.join(base, item.name)) for item in self._strategies]
        return metrics, paths

    def _train(self, listeners: Sequence[Any]) -> Any:
        return self._estimator.train(
            self._train_input_fn,
            hooks=self._hooks,
            max_steps=self._train_steps,
            saving_listeners=[*self._listeners, *listeners],
        )


def run(
    experiment_fn: Callable[..., Experiment],
    output_dir: str | None = None,
    schedule: str | None = None,
    run_config: Any = None,
    hparams: Any = None,
) -> Any:
    """Makes an Experiment and runs one of its methods.

    Args:
      experiment_fn: takes ``run_config`` and ``hparams``, or the ``output_dir`` alone.
      schedule: name of the method; by default "train_and_evaluate".

    Raises:
      ArgumentError: both or none of ``output_dir`` and ``run_config``, or an unknown schedule.
      ArgumentTypeError: ``experiment_fn`` makes something else.
    """
    with errors.located("learn_runner.run"):
        if (output_dir is None) == (run_config is None):
            raise errors.ArgumentError("pass either `output_dir` or `run_config`, which has a model_dir.")
        if hparams is not None and run_config is None:
            raise errors.ArgumentError("`hparams` go with `run_config`.")
        schedule = schedule or _SCHEDULES[0]
        if schedule not in _SCHEDULES:
            raise errors.ArgumentError(
                errors.explain("unknown schedule", got=schedule, expected=" or ".join(_SCHEDULES))
            )
        experiment = experiment_fn(output_dir) if run_config is None else experiment_fn(run_config, hparams)
        if not isinstance(experiment, Experiment):
            raise errors.ArgumentTypeError(
                errors.explain("`experiment_fn` returned something else", got=experiment, expected="an Experiment")
            )
    return getattr(experiment, schedule)()


def _strategies(given: Any) -> tuple[ExportStrategy, ...]:
    found = () if not given else (given,) if isinstance(given, ExportStrategy) else tuple(given)
    for item in found:
        if not isinstance(item, ExportStrategy):
            raise errors.ArgumentTypeError(errors.explain("`export_strategies` has another type", got=item))
    return found


def _refuse(**given: tuple[Any, Any]) -> None:
    for name, (value, default) in given.items():
        if value != default:
            raise errors.ArgumentError(
                errors.explain(f"`{name}` is not served", got=value, fix="It is of clusters and their schedules.")
            )


__all__ = ["Experiment", "ExportStrategy", "make_export_strategy", "run"]
