"""``TPUEstimatorSpec``: what the ``model_fn`` of a TPUEstimator returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import method_takes
from tf1bn.compat.estimator import checks
from tf1bn.compat.estimator.spec import EstimatorSpec, require_mode


class HostCallHook(tf.train.SessionRunHook):
    """Runs with each step what a host would do beside it: summaries, mostly."""

    def __init__(self, results: Any) -> None:
        self._results = results

    def before_run(self, run_context: Any) -> Any:
        """Adds the results to the step."""
        return tf.train.SessionRunArgs(self._results)


_HOOKS = ("training_hooks", "evaluation_hooks", "prediction_hooks")


class _Fields(NamedTuple):
    mode: str
    predictions: Any = None
    loss: Any = None
    train_op: Any = None
    eval_metrics: Any = None
    export_outputs: Any = None
    scaffold_fn: Any = None
    host_call: Any = None
    training_hooks: Any = None
    evaluation_hooks: Any = None
    prediction_hooks: Any = None


class TPUEstimatorSpec(_Fields):
    """The ops with which a TPUEstimator trains, evaluates or predicts.

    Attributes:
      eval_metrics: (function, tensors): the function makes metrics, as of ``EstimatorSpec.eval_metric_ops``, of the
        tensors, which are a list or a dictionary of its arguments.
      scaffold_fn: returns a ``tf.train.Scaffold``.
      host_call: (function, tensors): what the function returns is run with each step.
      mode, predictions, loss, train_op, export_outputs and the hooks: as of EstimatorSpec.

    Raises:
      ArgumentError: an unknown mode.
      ArgumentTypeError: ``eval_metrics`` or ``host_call`` is no such pair, ``scaffold_fn`` no function, a hook none.
    """

    __slots__ = ()

    @method_takes(_Fields)
    def __new__(cls, given: _Fields) -> TPUEstimatorSpec:
        with errors.located("TPUEstimatorSpec"):
            require_mode(given.mode)
            _require_call("eval_metrics", given.eval_metrics)
            _require_call("host_call", given.host_call)
            if given.scaffold_fn is not None:
                checks.require_callable("scaffold_fn", given.scaffold_fn)
            hooks: dict[str, Any] = {name: checks.hooks_of(name, getattr(given, name)) for name in _HOOKS}
            return super().__new__(cls, *given._replace(**hooks))

    def as_estimator_spec(self) -> EstimatorSpec:
        """Returns the same for one processor."""
        hooks: tuple[Any, ...] = ()
        if self.host_call is not None:
            results = _call(self.host_call)
            hooks = () if results is None else (HostCallHook(results),)
        return EstimatorSpec(
            mode=self.mode,
            predictions=self.predictions,
            loss=self.loss,
            train_op=self.train_op,
            eval_metric_ops=None if self.eval_metrics is None else _call(self.eval_metrics),
            export_outputs=self.export_outputs,
            scaffold=None if self.scaffold_fn is None else self.scaffold_fn(),
            training_hooks=[*self.training_hooks, *hooks],
            evaluation_hooks=[*self.evaluation_hooks, *hooks],
            prediction_hooks=[*self.prediction_hooks, *hooks],
        )


def _require_call(name: str, value: Any) -> None:
    if value is None:
        return
    pair = isinstance(value, (tuple, list)) and len(value) == 2
    if not pair or not callable(value[0]) or not isinstance(value[1], (tuple, list, Mapping)):
        raise errors.ArgumentTypeError(
            errors.explain(
                f"`{name}` has another form",
                got=value,
                expected="a pair of a function and its arguments, a list or a dictionary of tensors",
            )
        )


def _call(pair: Any) -> Any:
    function, arguments = pair
    return function(**arguments) if isinstance(arguments, Mapping) else function(*arguments)


__all__ = ["TPUEstimatorSpec"]
