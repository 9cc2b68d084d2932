"""What an export serves: the kinds of output, each of which becomes one signature of a SavedModel."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import checks

DEFAULT = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY


class ExportOutput(abc.ABC):
    """One output of an export; the base of the kinds below."""

    @abc.abstractmethod
    def as_signature_def(self, receiver_tensors: Mapping[str, tf.Tensor]) -> Any:
        """Returns the signature that maps the inputs to this output."""


class ClassificationOutput(ExportOutput):
    """Scores and classes of examples; the method is ``tensorflow/serving/classify``.

    Args:
      scores: a float tensor, of any shape.
      classes: a string tensor.

    Raises:
      ArgumentError: neither is given, or one has another type.
    """

    def __init__(self, scores: Any = None, classes: Any = None) -> None:
        with errors.located("ClassificationOutput"):
            if scores is None and classes is None:
                raise errors.ArgumentError("pass `scores`, `classes` or both.")
            if scores is not None and not (checks.is_tensor(scores) and scores.dtype.is_floating):
                raise errors.ArgumentError(errors.explain("`scores` must be a float tensor", got=scores))
            if classes is not None and not (checks.is_tensor(classes) and classes.dtype.base_dtype == tf.string):
                raise errors.ArgumentError(errors.explain("`classes` must be a string tensor", got=classes))
        self.scores, self.classes = scores, classes

    def as_signature_def(self, receiver_tensors: Mapping[str, tf.Tensor]) -> Any:
        """Returns the signature.

        Raises:
          ArgumentError: the input is not one string tensor of serialized examples.
        """
        examples = _examples("ClassificationOutput", receiver_tensors)
        return tf.saved_model.classification_signature_def(examples, self.classes, self.scores)


class RegressionOutput(ExportOutput):
    """One number for each example; the method is ``tensorflow/serving/regress``.

    Args:
      value: a float tensor.

    Raises:
      ArgumentError: another type.
    """

    def __init__(self, value: Any) -> None:
        if not (checks.is_tensor(value) and value.dtype.is_floating):
            raise errors.ArgumentError(
                errors.explain("`value` must be a float tensor", got=value), where="RegressionOutput"
            )
        self.value = value

    def as_signature_def(self, receiver_tensors: Mapping[str, tf.Tensor]) -> Any:
        """Returns the signature.

        Raises:
          ArgumentError: the input is not one string tensor of serialized examples.
        """
        examples = _examples("RegressionOutput", receiver_tensors)
        return tf.saved_model.regression_signature_def(examples, self.value)


class PredictOutput(ExportOutput):
    """Any tensors; the method is ``tensorflow/serving/predict``.

    Args:
      outputs: a dictionary of tensors, or one tensor, which is then called "output".

    Raises:
      ArgumentError: a name that is not a string, or a value that is not a tensor.
    """

    def __init__(self, outputs: Any) -> None:
        self.outputs = named("PredictOutput", outputs, "output")

    def as_signature_def(self, receiver_tensors: Mapping[str, tf.Tensor]) -> Any:
        """Returns the signature."""
        return tf.saved_model.predict_signature_def(dict(receiver_tensors), self.outputs)


class SupervisedOutput(ExportOutput):
    """Loss, predictions and metrics of an export that is to be trained or evaluated; the base of both kinds.

    Args:
      loss: a tensor.
      predictions: a tensor, or a dictionary of tensors.
      metrics: name -> (value, update op).
    """

    _method = ""

    def __init__(self, loss: Any = None, predictions: Any = None, metrics: Any = None) -> None:
        self.outputs: dict[str, Any] = {} if loss is None else named(type(self).__name__, loss, "loss")
        if predictions is not None:
            for name, value in named(type(self).__name__, predictions, "predictions").items():
                self.outputs[_prefixed("predictions", name)] = value
        for name, (value, update) in (metrics or {}).items():
            if isinstance(update, tf.Operation):
                with tf.control_dependencies([update]):
                    update = tf.constant([])
            self.outputs[_prefixed("metrics", name) + "/value"] = value
            self.outputs[_prefixed("metrics", name) + "/update_op"] = update

    def as_signature_def(self, receiver_tensors: Mapping[str, tf.Tensor]) -> Any:
        """Returns the signature."""
        info = tf.saved_model.build_tensor_info
        return tf.saved_model.build_signature_def(
            {name: info(value) for name, value in receiver_tensors.items()},
            {name: info(value) for name, value in self.outputs.items()},
            self._method,
        )


class TrainOutput(SupervisedOutput):
    """What an export gives that is to be trained on."""

    _method = "tensorflow/supervised/training"


class EvalOutput(SupervisedOutput):
    """What an export gives that is to be evaluated."""

    _method = "tensorflow/supervised/eval"


def named(where: str, given: Any, single: str) -> dict[str, Any]:
    """Returns tensors by name; one alone gets the name ``single``.

    Raises:
      ArgumentError: a name that is not a string, or a value that is not a tensor.
    """
    entries = dict(given) if isinstance(given, Mapping) else {single: given}
    for name, value in entries.items():
        if not isinstance(name, str):
            raise errors.ArgumentError(
                errors.explain("names of outputs must be strings", got=name, fix='For example "scores".'), where=where
            )
        if not checks.is_tensor(value):
            raise errors.ArgumentError(errors.explain(f"output {name!r} must be a tensor", got=value), where=where)
    return entries


def completed(given: Any, predictions: Any) -> dict[str, ExportOutput]:
    """Returns the outputs of a spec with a default signature among them.

    Raises:
      ArgumentTypeError: not a dictionary, or a value that is no ExportOutput.
      ArgumentError: several, none of which is the default.
    """
    if given is None:
        return {DEFAULT: PredictOutput(predictions)}
    if not isinstance(given, Mapping):
        raise errors.ArgumentTypeError(errors.explain("`export_outputs` must be a dictionary", got=given))
    for name, value in given.items():
        if not isinstance(value, ExportOutput):
            raise errors.ArgumentTypeError(
                errors.explain(
                    f"`export_outputs` has {name!r}",
                    got=value,
                    expected="a PredictOutput, ClassificationOutput or RegressionOutput",
                )
            )
    outputs = dict(given)
    if len(outputs) == 1:
        outputs.setdefault(DEFAULT, next(iter(outputs.values())))
    if len(outputs) > 1 and DEFAULT not in outputs:
        raise errors.ArgumentError(
            errors.explain(
                "`export_outputs` has several entries and no default",
                got=sorted(outputs),
                fix=f"Give one of them the key {DEFAULT!r}.",
            )
        )
    return outputs


def _prefixed(prefix: str, name: str) -> str:
    return name if name.startswith(prefix) else f"{prefix}/{name}"


def _examples(where: str, receiver_tensors: Mapping[str, tf.Tensor]) -> tf.Tensor:
    tensors = list(receiver_tensors.values())
    if len(tensors) != 1 or tensors[0].dtype != tf.string:
        raise errors.ArgumentError(
            errors.explain(
                "its signature takes one string tensor of serialized examples",
                got=dict(receiver_tensors),
                fix="Use build_parsing_serving_input_receiver_fn, or a PredictOutput.",
            ),
            where=where,
        )
    return tensors[0]


__all__ = ["ClassificationOutput", "EvalOutput", "ExportOutput", "PredictOutput", "RegressionOutput", "TrainOutput"]
