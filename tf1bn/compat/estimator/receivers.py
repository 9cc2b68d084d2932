"""Where the inputs of an export come from: receivers, and functions that make them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.estimator import checks

_SINGLE_INPUT, _SINGLE_FEATURE, _SINGLE_LABEL = "input", "feature", "label"


class _Serving(NamedTuple):
    features: Any
    receiver_tensors: dict[str, Any]
    receiver_tensors_alternatives: dict[str, dict[str, Any]] | None


class ServingInputReceiver(_Serving):
    """The inputs of an export and the features that come of them.

    Attributes:
      features: name -> tensor, as ``model_fn`` gets them; a tensor alone becomes {"feature": tensor}.
      receiver_tensors: name -> tensor that a request feeds; a tensor alone becomes {"input": tensor}.
      receiver_tensors_alternatives: name -> such a dictionary, of other tensors that can be fed instead; None for
        none.

    Raises:
      ArgumentError: something missing, a value that is not a tensor, a name of another type.
    """

    __slots__ = ()

    def __new__(
        cls, features: Any, receiver_tensors: Any, receiver_tensors_alternatives: Any = None
    ) -> ServingInputReceiver:
        where = cls.__name__
        return super().__new__(
            cls,
            _named(where, "features", features, _SINGLE_FEATURE, (str, int)),
            _named(where, "receiver_tensors", receiver_tensors, _SINGLE_INPUT),
            _alternatives(where, receiver_tensors_alternatives),
        )


class TensorServingInputReceiver(_Serving):
    """As ServingInputReceiver, for a ``model_fn`` whose features are one tensor, not a dictionary.

    Raises:
      ArgumentError: features are no tensor; else as there.
    """

    __slots__ = ()

    def __new__(
        cls, features: Any, receiver_tensors: Any, receiver_tensors_alternatives: Any = None
    ) -> TensorServingInputReceiver:
        where = cls.__name__
        if not checks.is_tensor(features):
            raise errors.ArgumentError(errors.explain("`features` must be one tensor", got=features), where=where)
        return super().__new__(
            cls,
            features,
            _named(where, "receiver_tensors", receiver_tensors, _SINGLE_INPUT),
            _alternatives(where, receiver_tensors_alternatives),
        )


class _Supervised(NamedTuple):
    features: Any
    labels: Any
    receiver_tensors: dict[str, Any]


class SupervisedInputReceiver(_Supervised):
    """The inputs of an export that is to be trained or evaluated: features and labels.

    Raises:
      ArgumentError: something missing, or a value that is not a tensor.
    """

    __slots__ = ()

    def __new__(cls, features: Any, labels: Any, receiver_tensors: Any) -> SupervisedInputReceiver:
        where = cls.__name__
        for name, given in (("features", features), ("labels", labels)):
            _named(where, name, given, name, (str, int))
        return super().__new__(
            cls, features, labels, _named(where, "receiver_tensors", receiver_tensors, _SINGLE_INPUT)
        )


def build_parsing_serving_input_receiver_fn(
    feature_spec: Mapping[str, Any], default_batch_size: int | None = None
) -> Callable[[], ServingInputReceiver]:
    """Returns a function that makes a receiver of serialized ``tf.Example`` protos.

    Args:
      feature_spec: name -> ``tf.FixedLenFeature`` and so on, as for ``tf.parse_example``.
      default_batch_size: how many examples a request has; None for any number.
    """

    def receive() -> ServingInputReceiver:
        serialized = tf.placeholder(tf.string, [default_batch_size], name="input_example_tensor")
        return ServingInputReceiver(tf.parse_example(serialized, dict(feature_spec)), {"examples": serialized})

    return receive


def build_raw_serving_input_receiver_fn(
    features: Mapping[str, tf.Tensor], default_batch_size: int | None = None
) -> Callable[[], ServingInputReceiver]:
    """Returns a function that makes a receiver which is fed the features themselves.

    Args:
      features: name -> tensor or placeholder of the shape and dtype that is wanted; the first axis is the batch.
      default_batch_size: its size; None for any.
    """

    def receive() -> ServingInputReceiver:
        made = _placeholders(features, default_batch_size)
        return ServingInputReceiver(made, made)

    return receive


def build_raw_supervised_input_receiver_fn(
    features: Any, labels: Any, default_batch_size: int | None = None
) -> Callable[[], SupervisedInputReceiver]:
    """Returns a function that makes a receiver which is fed features and labels.

    Args:
      features, labels: a tensor each, or name -> tensor; of the shape and dtype that is wanted.
      default_batch_size: size of the first axis; None for any.

    Raises:
      ArgumentError: features and labels have a name in common.
    """
    by_feature = _named("build_raw_supervised_input_receiver_fn", "features", features, _SINGLE_INPUT, (str, int))
    by_label = _named("build_raw_supervised_input_receiver_fn", "labels", labels, _SINGLE_LABEL, (str, int))
    common = sorted(set(by_feature) & set(by_label))
    if common:
        raise errors.ArgumentError(
            errors.explain("features and labels have names in common", got=common),
            where="build_raw_supervised_input_receiver_fn",
        )
    return functools.partial(_receive_supervised, features, labels, default_batch_size)


def _receive_supervised(features: Any, labels: Any, size: int | None) -> SupervisedInputReceiver:
    by_feature = _placeholders(features if isinstance(features, Mapping) else {_SINGLE_INPUT: features}, size)
    by_label = _placeholders(labels if isinstance(labels, Mapping) else {_SINGLE_LABEL: labels}, size)
    return SupervisedInputReceiver(
        by_feature if isinstance(features, Mapping) else by_feature[_SINGLE_INPUT],
        by_label if isinstance(labels, Mapping) else by_label[_SINGLE_LABEL],
        {**by_feature, **by_label},
    )


def _placeholders(features: Mapping[str, Any], size: int | None) -> dict[str, Any]:
    made = {}
    for name, tensor in features.items():
        shape = tf.TensorShape(tensor.shape)
        shape = shape if shape.ndims is None else tf.TensorShape([size]).concatenate(shape[1:])
        made[name] = tf.placeholder(tensor.dtype.base_dtype, shape, name=tensor.op.name)
    return made


def _named(where: str, what: str, given: Any, single: str, keys: Any = str) -> dict[Any, Any]:
    """Returns tensors by name; one alone gets the name ``single``."""
    if given is None:
        raise errors.ArgumentError(errors.explain(f"`{what}` is missing"), where=where)
    entries = dict(given) if isinstance(given, Mapping) else {single: given}
    for name, value in entries.items():
        if not isinstance(name, keys):
            raise errors.ArgumentError(
                errors.explain(f"names in `{what}` must be strings", got=name, expected='for example "image"'),
                where=where,
            )
        if not checks.is_tensor(value):
            raise errors.ArgumentError(
                errors.explain(f"`{what}` has {name!r}", got=value, expected="a tensor"), where=where
            )
    return entries


def _alternatives(where: str, given: Any) -> dict[str, dict[str, Any]] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise errors.ArgumentError(
            errors.explain("`receiver_tensors_alternatives` must be a dictionary", got=given), where=where
        )
    return {name: _named(where, f"alternative {name}", value, _SINGLE_INPUT) for name, value in given.items()}


__all__ = [
    "ServingInputReceiver",
    "SupervisedInputReceiver",
    "TensorServingInputReceiver",
    "build_parsing_serving_input_receiver_fn",
    "build_raw_serving_input_receiver_fn",
    "build_raw_supervised_input_receiver_fn",
]
