"""Hooks that stop training by what evaluations on the side have found."""

from __future__ import annotations

import collections
import operator
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.estimator import checks
from tf1bn.compat.estimator.estimator import Estimator


class _StopHook(tf.train.SessionRunHook):
    """Stops when a function says so.

    Variables: ``signal_early_stopping/STOP``, bool, not trainable, initially False; True in a checkpoint that was
    saved because of the stop.
    """

    def __init__(self, should_stop: Callable[[], bool], secs: float | None, steps: int | None) -> None:
        self._should_stop = should_stop
        self._timer = tf.train.SecondOrStepTimer(every_secs=secs, every_steps=steps)

    def begin(self) -> None:
        """Makes the variable."""
        self._step = tf.train.get_global_step()
        with tf.variable_scope("signal_early_stopping", values=[], reuse=tf.AUTO_REUSE):
            stop = tf.get_variable(
                "STOP", [], tf.bool, tf.constant_initializer(False), trainable=False, collections=["variables"]
            )
        self._stop = tf.assign(stop, True)

    def before_run(self, run_context: Any) -> Any:
        """Asks for the global step."""
        return tf.train.SessionRunArgs(self._step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Asks the function when it is time."""
        if self._timer.should_trigger_for_step(run_values.results):
            self._timer.update_last_triggered_step(run_values.results)
            if self._should_stop():
                tf.logging.info("training stops early at global step %d", run_values.results)
                run_context.session.run(self._stop)
                run_context.request_stop()


def make_early_stopping_hook(
    estimator: Any,
    should_stop_fn: Callable[[], bool],
    run_every_secs: float | None = 60,
    run_every_steps: int | None = None,
) -> Any:
    """Returns a hook that asks ``should_stop_fn`` regularly whether to stop.

    Args:
      run_every_secs: seconds between two questions.
      run_every_steps: steps between them; pass ``run_every_secs=None`` with it.

    Raises:
      ArgumentError: both or no intervals.
      ArgumentTypeError: no Estimator, or no function.
    """
    with errors.located("make_early_stopping_hook"):
        if not isinstance(estimator, Estimator):
            raise errors.ArgumentTypeError(errors.explain("`estimator` has another type", got=estimator))
        checks.require_callable("should_stop_fn", should_stop_fn)
        if (run_every_secs is None) == (run_every_steps is None):
            raise errors.ArgumentError(
                errors.explain(
                    "pass one of `run_every_secs` and `run_every_steps`", got=(run_every_secs, run_every_steps)
                )
            )
        return _StopHook(should_stop_fn, run_every_secs, run_every_steps)


@dataclass(frozen=True)
class Metric:
    """Which number of which Estimator decides."""

    estimator: Any
    metric_name: str


@dataclass(frozen=True)
class Asked:
    """The last arguments of the hooks: where evaluations are, and how often the hook looks."""

    eval_dir: str | None = None
    min_steps: int = 0
    run_every_secs: float | None = 60
    run_every_steps: int | None = None

    def hook(self, metric: Metric, stops: Callable[..., Any], bound: Any, compare: Callable[..., Any]) -> Any:
        """Returns the hook that stops when the metric compares so with the bound."""
        found = stops(metric.estimator, metric.metric_name, bound, compare, self.eval_dir, self.min_steps)
        return make_early_stopping_hook(metric.estimator, found, self.run_every_secs, self.run_every_steps)


@dataclass(frozen=True)
class _Threshold(Metric):
    threshold: float


@dataclass(frozen=True)
class StopAtThreshold(Asked, _Threshold):
    """What ``stop_if_higher_hook`` and ``stop_if_lower_hook`` are given."""


@dataclass(frozen=True)
class _Increase(Metric):
    max_steps_without_increase: int


@dataclass(frozen=True)
class StopWithoutIncrease(Asked, _Increase):
    """What ``stop_if_no_increase_hook`` is given."""


@dataclass(frozen=True)
class _Decrease(Metric):
    max_steps_without_decrease: int


@dataclass(frozen=True)
class StopWithoutDecrease(Asked, _Decrease):
    """What ``stop_if_no_decrease_hook`` is given."""


@takes(StopAtThreshold)
def stop_if_higher_hook(call: StopAtThreshold) -> Any:
    """Returns a hook that stops when a metric has been above a threshold.

    Args:
      metric_name: as ``evaluate`` gives it.
      eval_dir: folder of the event files of evaluations; by default ``estimator.eval_dir()``.
      min_steps: evaluations before this global step do not count.
      others: as of ``make_early_stopping_hook``.
    """
    return call.hook(call, _crossing, call.threshold, operator.gt)


@takes(StopAtThreshold)
def stop_if_lower_hook(call: StopAtThreshold) -> Any:
    """Returns a hook that stops when a metric has been below a threshold; see ``stop_if_higher_hook``."""
    return call.hook(call, _crossing, call.threshold, operator.lt)


@takes(StopWithoutIncrease)
def stop_if_no_increase_hook(call: StopWithoutIncrease) -> Any:
    """Returns a hook that stops when a metric has not grown above its best for a number of steps.

    Args:
      max_steps_without_increase: that number, by the global steps of evaluations.
      others: as of ``stop_if_higher_hook``.
    """
    return call.hook(call, _idling, call.max_steps_without_increase, operator.gt)


@takes(StopWithoutDecrease)
def stop_if_no_decrease_hook(call: StopWithoutDecrease) -> Any:
    """Returns a hook that stops when a metric has not fallen below its best for a number of steps.

    Args:
      max_steps_without_decrease: that number, by the global steps of evaluations.
      others: as of ``stop_if_higher_hook``.
    """
    return call.hook(call, _idling, call.max_steps_without_decrease, operator.lt)


def read_eval_metrics(eval_dir: str) -> dict[int, dict[str, float]]:
    """Returns the numbers of each evaluation in a folder's event files by global step, in order.

    A file that breaks off is read as far as it goes: another process may be writing it.
    """
    found: dict[int, dict[str, float]] = collections.defaultdict(dict)
    for event in _events(eval_dir):
        values = event.summary.value if event.HasField("summary") else ()
        numbers = {entry.tag: entry.simple_value for entry in values if entry.HasField("simple_value")}
        if numbers:
            found[event.step].update(numbers)
    return collections.OrderedDict(sorted(found.items()))


def _events(eval_dir: str) -> Iterator[Any]:
    for path in sorted(tf.gfile.Glob(os.path.join(eval_dir, "*.tfevents.*"))):
        try:
            yield from tf.train.summary_iterator(path)
        except tf.errors.DataLossError as error:
            tf.logging.warning("the rest of %s cannot be read: %s", path, error)


def _series(estimator: Any, name: str, eval_dir: str | None, min_steps: int) -> Iterator[tuple[int, float]]:
    """Yields the step and the value of one metric in each evaluation.

    Raises:
      ArgumentError: an evaluation has no such metric.
    """
    for step, metrics in read_eval_metrics(eval_dir or estimator.eval_dir()).items():
        if step >= min_steps:
            if name not in metrics:
                raise errors.ArgumentError(
                    errors.explain(
                        f"the evaluation at step {step} has no metric {name!r}",
                        fix=errors.did_you_mean(name, metrics).strip(),
                    ),
                    where="early stopping",
                )
            yield step, metrics[name]


def _crossing(
    estimator: Any, name: str, threshold: float, beyond: Any, eval_dir: str | None, min_steps: int
) -> Callable[[], bool]:
    return lambda: any(beyond(value, threshold) for _, value in _series(estimator, name, eval_dir, min_steps))


def _idling(
    estimator: Any, name: str, patience: int, better: Any, eval_dir: str | None, min_steps: int
) -> Callable[[], bool]:
    def idle() -> bool:
        best: tuple[int, float] | None = None
        for step, value in _series(estimator, name, eval_dir, min_steps):
            if best is None or better(value, best[1]):
                best = step, value
            if step - best[0] >= patience:
                return True
        return False

    return idle


def make_stop_at_checkpoint_step_hook(estimator: Any, last_step: int, wait_after_file_check_secs: float = 30) -> Any:
    """Returns a hook that stops at a global step.

    Args:
      last_step: that step.
      wait_after_file_check_secs: of workers that wait for the chief's checkpoint; the only process has none to wait
        for, so it has to be a time and does nothing.

    Raises:
      ArgumentError: a negative time.
      ArgumentTypeError: no Estimator.
    """
    with errors.located("make_stop_at_checkpoint_step_hook"):
        if not isinstance(estimator, Estimator):
            raise errors.ArgumentTypeError(errors.explain("`estimator` has another type", got=estimator))
        if wait_after_file_check_secs < 0:
            raise errors.ArgumentError(
                errors.explain("`wait_after_file_check_secs` must not be negative", got=wait_after_file_check_secs)
            )
        return tf.train.StopAtStepHook(last_step=last_step)


__all__ = [
    "make_early_stopping_hook",
    "make_stop_at_checkpoint_step_hook",
    "read_eval_metrics",
    "stop_if_higher_hook",
    "stop_if_lower_hook",
    "stop_if_no_decrease_hook",
    "stop_if_no_increase_hook",
]
