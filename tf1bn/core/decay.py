"""Schedules of the decay: a low start, and averages free of their initial values."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core.values import is_variable


def warmed_up(decay: Any, num_updates: Any, dtype: tf.DType) -> Any:
    """Returns min(decay, (1 + n) / (10 + n)), which lets averages follow quickly at first.

    The formula is that of ``tf.train.ExponentialMovingAverage(num_updates=n)``: 0.1 at n = 0, 0.5 at n = 8,
    0.99 from n = 890 on.

    Args:
      num_updates: n, a number, tensor or variable; usually the global step.
    """
    n = num_updates.read_value() if is_variable(num_updates) else num_updates
    n = as_dtype(n, dtype)
    return tf.minimum(as_dtype(decay, dtype), (1.0 + n) / (10.0 + n))


def shared(decay: Any, writers: int) -> Any:
    """Returns decay^(1 / writers): after an update by each writer, an average has kept ``decay`` of itself."""
    return decay ** (1.0 / writers) if isinstance(decay, float) else tf.pow(decay, 1.0 / writers)


def debiased(decay: Any, weight: tf.Variable) -> tuple[tf.Operation, Any]:
    """Returns the op that moves ``weight``, and the decay that divides the initial values out.

    The weight w is the moving average of ones, so the weight of all batches so far; it starts at zero. The
    weighted mean of the batches is (d * w * mean + (1 - d) * batch) / w' with w' = d * w + 1 - d: a moving average
    with decay d * w / w'. At the first update w = 0, and the average becomes the batch value. The decay may
    differ from update to update. With a constant decay this is the correction 1 / (1 - d^t) of Kingma and Ba,
    "Adam", 2015, section 3.

    Args:
      weight: scalar variable, initially zero.
    """
    d = as_dtype(decay, weight.dtype.base_dtype)
    old = weight.read_value()
    new = d * old + (1.0 - d)
    effective = d * old / new
    with tf.control_dependencies([effective]):
        return weight.assign(new).op, effective


def as_dtype(value: Any, dtype: tf.DType) -> Any:
    """Returns a number or tensor as a tensor of ``dtype``; ``tf.cast`` would round a Python float to float32 first."""
    return tf.constant(value, dtype) if isinstance(value, (int, float)) else tf.cast(value, dtype)
