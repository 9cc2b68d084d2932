"""What the ``model_fn`` of ``tf.contrib.learn`` returns, its modes and its metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import calling, export_outputs
from tf1bn.compat.estimator.modes import ModeKeys as _ModeKeys
from tf1bn.compat.estimator.receivers import (
    ServingInputReceiver,
    build_parsing_serving_input_receiver_fn,
    build_raw_serving_input_receiver_fn,
)
from tf1bn.compat.estimator.spec import EstimatorSpec


class ModeKeys:
    """Names of the modes; ``INFER`` is what ``tf.estimator`` calls ``PREDICT``."""

    TRAIN = _ModeKeys.TRAIN
    EVAL = _ModeKeys.EVAL
    INFER = _ModeKeys.PREDICT


class ProblemType:
    """Kinds of outputs in ``ModelFnOps.output_alternatives``."""

    UNSPECIFIED = 0
    CLASSIFICATION = 1
    LINEAR_REGRESSION = 2
    LOGISTIC_REGRESSION = 3


class ModelFnOps(NamedTuple):
    """The ops of one mode, as ``EstimatorSpec``.

    Attributes:
      output_alternatives: name of a signature -> (ProblemType, name -> tensor); served as predictions, whatever the
        type. Of several the default is the one that the export names, else all ``predictions``.
      eval_metric_ops: name -> (value, update op).
      others: as of EstimatorSpec.
    """

    mode: str
    predictions: Any = None
    loss: Any = None
    train_op: Any = None
    eval_metric_ops: Any = None
    output_alternatives: Any = None
    training_chief_hooks: Any = None
    training_hooks: Any = None
    scaffold: Any = None

    def estimator_spec(self, default_serving_output_alternative_key: str | None = None) -> EstimatorSpec:
        """Returns the EstimatorSpec of it."""
        default = default_serving_output_alternative_key
        outputs = None
        if self.output_alternatives and self.mode == ModeKeys.INFER:
            outputs = {
                name: export_outputs.PredictOutput(tensors) for name, (_, tensors) in self.output_alternatives.items()
            }
            if default is not None:
                if default not in outputs:
                    raise errors.ArgumentError(
                        errors.explain("there is no such output", got=default, expected=f"one of {sorted(outputs)}")
                    )
                outputs[export_outputs.DEFAULT] = outputs[default]
            elif len(outputs) > 1:
                outputs.setdefault(export_outputs.DEFAULT, export_outputs.PredictOutput(self.predictions))
        return EstimatorSpec(
            self.mode,
            predictions=self.predictions,
            loss=self.loss,
            train_op=self.train_op,
            eval_metric_ops=self.eval_metric_ops,
            export_outputs=outputs,
            training_chief_hooks=self.training_chief_hooks,
            training_hooks=self.training_hooks,
            scaffold=self.scaffold,
        )


def spec_of(result: Any, mode: str, default: str | None = None) -> Any:
    """Returns an EstimatorSpec of a ``model_fn``'s result: ModelFnOps, or (predictions, loss, train op)."""
    if isinstance(result, ModelFnOps):
        return result.estimator_spec(default)
    if type(result) is tuple and len(result) == 3:
        predictions, loss, train_op = result
        if mode == ModeKeys.INFER:
            return ModelFnOps(mode, predictions).estimator_spec()
        return ModelFnOps(mode, predictions, loss, train_op).estimator_spec()
    return result


class MetricSpec:
    """A metric of an evaluation: which function, and of which prediction, label and weight.

    Args:
      metric_fn: takes ``predictions``, ``labels`` and, where there is a weight, ``weights``; returns (value, update
        op), or a tensor that is averaged over batches.
      prediction_key, label_key: entry of predictions and labels that are dictionaries.
      weight_key: name of the feature that weighs examples; None for none.
    """

    def __init__(
        self,
        metric_fn: Callable[..., Any],
        prediction_key: str | None = None,
        label_key: str | None = None,
        weight_key: str | None = None,
    ) -> None:
        self.metric_fn, self.prediction_key = metric_fn, prediction_key
        self.label_key, self.weight_key = label_key, weight_key

    def create_metric_ops(self, inputs: Any, labels: Any, predictions: Any) -> Any:
        """Returns the metric of one graph.

        Raises:
          ArgumentError: a key is missing, or one that is not there.
        """
        given = {
            "predictions": _entry("prediction_key", predictions, self.prediction_key),
            "labels": _entry("label_key", labels, self.label_key),
        }
        if self.weight_key is not None:
            given["weights"] = _entry("weight_key", inputs, self.weight_key)
        names = calling.arguments_of(self.metric_fn)
        if "targets" in names and "labels" not in names:
            given["targets"] = given.pop("labels")
        if not set(given) <= set(names):
            result = self.metric_fn(*given.values())
        else:
            result = self.metric_fn(**given)
        return tf.metrics.mean(result) if isinstance(result, tf.Tensor) else result


def _entry(argument: str, tensors: Any, key: Any) -> Any:
    if not isinstance(tensors, Mapping):
        if key is not None:
            raise errors.ArgumentError(
                errors.explain(f"`{argument}` names an entry of what is one tensor", got=key), where="MetricSpec"
            )
        return tensors
    if key is None and len(tensors) == 1:
        return next(iter(tensors.values()))
    if key not in tensors:
        raise errors.ArgumentError(
            errors.explain(f"`{argument}` names no entry", got=key, expected=f"one of {sorted(tensors)}"),
            where="MetricSpec",
        )
    return tensors[key]


class InputFnOps(NamedTuple):
    """Inputs of an export: features, labels (None) and what a request feeds."""

    features: Any
    labels: Any
    default_inputs: Any


def build_parsing_serving_input_fn(feature_spec: Any, default_batch_size: int | None = None) -> Callable[[], Any]:
    """Returns a function that makes the inputs of an export from serialized examples."""
    receive = build_parsing_serving_input_receiver_fn(feature_spec, default_batch_size)
    return lambda: _input_ops(receive())


def build_default_serving_input_fn(features: Any, default_batch_size: int | None = None) -> Callable[[], Any]:
    """Returns a function that makes the inputs of an export from features that are fed."""
    receive = build_raw_serving_input_receiver_fn(features, default_batch_size)
    return lambda: _input_ops(receive())


def _input_ops(receiver: ServingInputReceiver) -> InputFnOps:
    return InputFnOps(receiver.features, None, receiver.receiver_tensors)


def receiver_of(inputs: Any) -> Any:
    """Returns a receiver of the inputs of an export, in either form."""
    if isinstance(inputs, InputFnOps):
        return ServingInputReceiver(inputs.features, inputs.default_inputs)
    return inputs


__all__ = ["InputFnOps", "MetricSpec", "ModeKeys", "ModelFnOps", "ProblemType"]
