"""``EstimatorSpec``: what a ``model_fn`` returns, checked at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import method_takes
from tf1bn.compat.estimator import checks, export_outputs, modes
from tf1bn.compat.estimator.modes import ModeKeys

_HOOKS = ("training_chief_hooks", "training_hooks", "evaluation_hooks", "prediction_hooks")


class _Fields(NamedTuple):
    mode: str
    predictions: Any = None
    loss: Any = None
    train_op: Any = None
    eval_metric_ops: Any = None
    export_outputs: Any = None
    training_chief_hooks: Any = None
    training_hooks: Any = None
    scaffold: Any = None
    evaluation_hooks: Any = None
    prediction_hooks: Any = None


class EstimatorSpec(_Fields):
    """The ops with which an Estimator trains, evaluates or predicts.

    Batch norm: ``train_op`` must also run what waits in UPDATE_OPS, for example as
    ``tf.group(optimizer.minimize(loss), *tf.get_collection(tf.GraphKeys.UPDATE_OPS))``; a warning says when it does
    not.

    Attributes:
      mode: "train", "eval" or "infer"; see ``ModeKeys``.
      predictions: a tensor, or a dictionary of tensors; required to predict.
      loss: a scalar or a tensor of one entry; required to train and to evaluate.
      train_op: an operation or tensor that makes one step; required to train.
      eval_metric_ops: name -> (value, update op), as ``tf.metrics`` make them; or an object with ``result()`` and
        ``updates``.
      export_outputs: name of a signature -> PredictOutput, ClassificationOutput or RegressionOutput. One alone is the
        default signature, too; of several one must have the key "serving_default".
      training_chief_hooks, training_hooks, evaluation_hooks, prediction_hooks: further hooks.
      scaffold: a ``tf.train.Scaffold`` with saver, initialization and so on.

    Raises:
      ArgumentError: something that the mode requires is missing, a loss of several entries, a tensor of another
        graph, several export outputs without a default.
      ArgumentTypeError: a value of another type than described.
    """

    __slots__ = ()

    @method_takes(_Fields)
    def __new__(cls, given: _Fields) -> EstimatorSpec:
        with errors.located("EstimatorSpec"):
            mode = given.mode
            require_mode(mode)
            predictions = _predictions(given.predictions, mode)
            hooks: dict[str, Any] = {name: checks.hooks_of(name, getattr(given, name)) for name in _HOOKS}
            if not isinstance(given.scaffold, tf.train.Scaffold | None):
                raise errors.ArgumentTypeError(
                    errors.explain("`scaffold` has another type", got=given.scaffold, expected="a tf.train.Scaffold")
                )
            checked = given._replace(
                predictions=predictions,
                loss=_loss(given.loss, mode),
                train_op=_train_op(given.train_op, mode),
                eval_metric_ops=_metrics(given.eval_metric_ops),
                export_outputs=_outputs(given.export_outputs, predictions, mode),
                scaffold=given.scaffold or tf.train.Scaffold(),
                **hooks,
            )
            return super().__new__(cls, *checked)

    def _replace(self, **changes: Any) -> EstimatorSpec:
        """Returns a spec with some fields changed, checked again; the mode stays.

        Raises:
          ArgumentError: another mode, or as at construction.
        """
        if changes.get("mode", self.mode) != self.mode:
            raise errors.ArgumentError("the mode of an EstimatorSpec cannot change.", where="EstimatorSpec._replace")
        return EstimatorSpec(**{**self._asdict(), **changes})


def require_mode(mode: Any) -> None:
    """Refuses what is not a mode."""
    if mode not in modes.ALL:
        raise errors.ArgumentError(errors.explain("unknown mode", got=mode, expected=" or ".join(map(repr, modes.ALL))))


def _missing(name: str, mode: str) -> errors.ArgumentError:
    return errors.ArgumentError(errors.explain(f"`{name}` is missing", expected=f"one in mode {mode!r}"))


def _loss(loss: Any, mode: str) -> Any:
    """Returns the loss as a scalar."""
    if loss is None:
        if mode in (ModeKeys.TRAIN, ModeKeys.EVAL):
            raise _missing("loss", mode)
        return None
    if not isinstance(loss, tf.Tensor) and not checks.is_variable(loss):
        raise errors.ArgumentTypeError(errors.explain("`loss` must be a tensor", got=loss))
    checks.require_this_graph("loss", loss)
    shape = tf.TensorShape(loss.shape)
    if not shape.is_compatible_with([]) and not shape.is_compatible_with([1]):
        raise errors.ArgumentError(
            errors.explain(
                "`loss` must be a scalar",
                got=str(loss.shape),
                expected="shape () or (1,)",
                fix="Take tf.reduce_mean or tf.reduce_sum of the losses of the examples.",
            )
        )
    return loss if shape.is_compatible_with([]) else tf.reshape(loss, [])


def _train_op(train_op: Any, mode: str) -> Any:
    if train_op is None:
        if mode == ModeKeys.TRAIN:
            raise _missing("train_op", mode)
        return None
    if not checks.is_fetchable(train_op):
        raise errors.ArgumentTypeError(errors.explain("`train_op` must be an operation or a tensor", got=train_op))
    checks.require_this_graph("train_op", train_op)
    return train_op


def _predictions(predictions: Any, mode: str) -> Any:
    if predictions is None:
        if mode == ModeKeys.PREDICT:
            raise _missing("predictions", mode)
        return {}
    entries = predictions if isinstance(predictions, Mapping) else {"predictions": predictions}
    for name, value in entries.items():
        if not checks.is_tensor(value):
            raise errors.ArgumentTypeError(errors.explain(f"`predictions` must be tensors; {name!r} is not", got=value))
        checks.require_this_graph(f"predictions[{name}]", value)
    return predictions


def _metrics(given: Any) -> dict[str, Any]:
    """Returns each metric as a pair of its value and its update."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise errors.ArgumentTypeError(errors.explain("`eval_metric_ops` must be a dictionary", got=given))
    return {name: _metric(name, value) for name, value in given.items()}


def _metric(name: str, value: Any) -> tuple[Any, Any]:
    if callable(getattr(value, "result", None)) and hasattr(value, "updates"):
        result = value.result()
        return result, tf.group(*value.updates)
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise errors.ArgumentTypeError(
            errors.explain(
                f"`eval_metric_ops` has {name!r}",
                got=value,
                expected="a pair (value, update op), as tf.metrics make it",
            )
        )
    for part in value:
        if not checks.is_fetchable(part):
            raise errors.ArgumentTypeError(
                errors.explain(f"`eval_metric_ops` has {name!r}", got=part, expected="tensors and operations")
            )
        checks.require_this_graph(f"eval_metric_ops[{name}]", part)
    return value[0], value[1]


def _outputs(given: Any, predictions: Any, mode: str) -> Any:
    if mode != ModeKeys.PREDICT:
        return given
    return export_outputs.completed(given, predictions)


__all__ = ["EstimatorSpec"]
