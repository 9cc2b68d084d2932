"""What tf.layers lets a caller say by name: activations and initializers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "elu": tf.nn.elu,
    "exponential": tf.exp,
    "linear": lambda x: x,
    "relu": tf.nn.relu,
    "selu": tf.nn.selu,
    "sigmoid": tf.nn.sigmoid,
    "softmax": tf.nn.softmax,
    "softplus": tf.nn.softplus,
    "softsign": tf.nn.softsign,
    "tanh": tf.nn.tanh,
}
INITIALIZERS: dict[str, Callable[[], Any]] = {
    "zeros": tf.zeros_initializer,
    "ones": tf.ones_initializer,
    "glorot_normal": tf.glorot_normal_initializer,
    "glorot_uniform": tf.glorot_uniform_initializer,
    "he_normal": lambda: tf.variance_scaling_initializer(2.0, "fan_in", "truncated_normal"),
    "he_uniform": lambda: tf.variance_scaling_initializer(2.0, "fan_in", "uniform"),
    "lecun_normal": lambda: tf.variance_scaling_initializer(1.0, "fan_in", "truncated_normal"),
    "lecun_uniform": lambda: tf.variance_scaling_initializer(1.0, "fan_in", "uniform"),
    "orthogonal": tf.orthogonal_initializer,
    "random_normal": lambda: tf.random_normal_initializer(stddev=0.05),
    "random_uniform": lambda: tf.random_uniform_initializer(-0.05, 0.05),
    "truncated_normal": lambda: tf.truncated_normal_initializer(stddev=0.05),
}
_CLASSES: dict[str, Any] = {
    initializer.__name__: initializer
    for initializer in (
        tf.zeros_initializer,
        tf.ones_initializer,
        tf.constant_initializer,
        tf.random_normal_initializer,
        tf.random_uniform_initializer,
        tf.truncated_normal_initializer,
        tf.variance_scaling_initializer,
        tf.orthogonal_initializer,
        tf.glorot_normal_initializer,
        tf.glorot_uniform_initializer,
    )
}


def activation(value: Any) -> Any:
    """Returns an activation given as a function, as its name, or None.

    Raises:
      ArgumentError: a name that is not in :data:`ACTIVATIONS`.
    """
    return _looked_up(value, "activation", ACTIVATIONS)


def initializer(value: Any) -> Any:
    """Returns an initializer given as an object, as its class, as its name, as a layer's configuration, or None.

    Raises:
      ArgumentError: a name that is not in :data:`INITIALIZERS`.
    """
    if isinstance(value, Mapping) and set(value) == {"class_name", "config"}:
        return _from_config(value["class_name"], value["config"])
    found = _looked_up(value, "initializer", INITIALIZERS)
    return found() if isinstance(value, (str, type)) else found


def described(value: Any) -> Any:
    """Returns a value of a layer's argument as plain data, where its kind allows; a layer takes either.

    An activation becomes its name, an initializer of TensorFlow its class and configuration.
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    named = next((name for name, function in ACTIVATIONS.items() if function is value), None)
    if named is not None:
        return named
    if type(value).__name__ in _CLASSES and hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    return value


def _from_config(class_name: str, config: Mapping[str, Any]) -> Any:
    if class_name not in _CLASSES:
        raise errors.ArgumentError(
            errors.explain("no initializer of that class", got=class_name, expected=", ".join(sorted(_CLASSES)))
        )
    return _CLASSES[class_name].from_config(dict(config))


def _looked_up(value: Any, kind: str, table: Mapping[str, Any]) -> Any:
    if not isinstance(value, str):
        return value
    if value not in table:
        fix = f"{errors.did_you_mean(value, table)}Or pass a function."
        raise errors.ArgumentError(
            errors.explain(f"no {kind} of that name", got=value, expected=", ".join(sorted(table)), fix=fix)
        )
    return table[value]
