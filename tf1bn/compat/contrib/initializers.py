"""``xavier_initializer`` and ``variance_scaling_initializer`` of tf.contrib.layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

_MODES: dict[str, Callable[[float, float], float]] = {
    "FAN_IN": lambda fan_in, fan_out: fan_in,
    "FAN_OUT": lambda fan_in, fan_out: fan_out,
    "FAN_AVG": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}


def xavier_initializer(uniform: bool = True, seed: int | None = None, dtype: Any = tf.float32) -> Callable[..., Any]:
    """Returns the initializer of Glorot and Bengio: ``variance_scaling_initializer(1.0, "FAN_AVG", uniform)``."""
    return variance_scaling_initializer(factor=1.0, mode="FAN_AVG", uniform=uniform, seed=seed, dtype=dtype)


def variance_scaling_initializer(
    factor: float = 2.0,
    mode: str = "FAN_IN",
    uniform: bool = False,
    seed: int | None = None,
    dtype: Any = tf.float32,
) -> Callable[..., Any]:
    """Returns an initializer of variance factor / n, n being the connections that ``mode`` counts.

    Uniform: limits of sqrt(3 * factor / n). Otherwise a normal distribution cut off at two deviations, of deviation
    sqrt(1.3 * factor / n); the 1.3 makes up for the cut.

    Raises:
      ArgumentTypeError: an unknown mode, or a dtype that is not floating point.
    """
    if mode not in _MODES:
        raise errors.ArgumentTypeError(
            errors.explain("unknown `mode`", got=mode, expected=" or ".join(_MODES)),
            where="variance_scaling_initializer",
        )
    _require_floats(dtype)

    def initializer(shape: Any, dtype: Any = dtype, partition_info: Any = None) -> Any:
        _require_floats(dtype)
        shape = [int(size) for size in shape]
        window = math.prod(shape[:-2])
        fan_in = float(window * shape[-2] if len(shape) > 1 else shape[-1] if shape else 1)
        fan_out = float(window * shape[-1] if shape else 1)
        n = _MODES[mode](fan_in, fan_out)
        if uniform:
            limit = math.sqrt(3.0 * factor / n)
            return tf.random_uniform(shape, -limit, limit, dtype, seed=seed)
        return tf.truncated_normal(shape, 0.0, math.sqrt(1.3 * factor / n), dtype, seed=seed)

    return initializer


def _require_floats(dtype: Any) -> None:
    if not tf.as_dtype(dtype).is_floating:
        text = "Cannot create initializer for non-floating point type"
        raise errors.ArgumentTypeError(errors.explain(text, got=dtype), where="variance_scaling_initializer")


xavier_initializer_conv2d = xavier_initializer

XAVIER = xavier_initializer()
"""What contrib's layers use for weights unless told otherwise."""

ZEROS = tf.zeros_initializer()
"""What contrib's layers use for biases unless told otherwise."""
