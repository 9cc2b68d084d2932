"""What tf.layers lets a caller say by name: activations and initializers; and the refusal of unknown words."""

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


def activation(value: Any) -> Any:
    """Returns an activation given as a function, as its name, or None.

    Raises:
      ArgumentError: a name that is not in :data:`ACTIVATIONS`.
    """
    return _looked_up(value, "activation", ACTIVATIONS)


def initializer(value: Any) -> Any:
    """Returns an initializer given as an object, as its class, as its name, or None.

    Raises:
      ArgumentError: a name that is not in :data:`INITIALIZERS`.
    """
    found = _looked_up(value, "initializer", INITIALIZERS)
    return found() if isinstance(value, (str, type)) else found


def refuse(where: str, unknown: Mapping[str, Any], known: tuple[str, ...] = ()) -> None:
    """Refuses keyword arguments that a function does not have, naming all of them.

    Raises:
      ArgumentTypeError: there are any.
    """
    if unknown:
        names = ", ".join(f"`{name}`" for name in sorted(unknown))
        hint = errors.did_you_mean(sorted(unknown)[0], known).strip()
        raise errors.ArgumentTypeError(errors.explain(f"unsupported argument {names}", fix=hint), where=where)


def _looked_up(value: Any, kind: str, table: Mapping[str, Any]) -> Any:
    if not isinstance(value, str):
        return value
    if value not in table:
        fix = f"{errors.did_you_mean(value, table)}Or pass a function."
        raise errors.ArgumentError(
            errors.explain(f"no {kind} of that name", got=value, expected=", ".join(sorted(table)), fix=fix)
        )
    return table[value]
