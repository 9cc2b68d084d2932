"""Reading and moving a pair of averages."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core.values import Averages, Moments, is_variable


def read(averages: Averages) -> Moments:
    """Returns the averages as they are when the returned tensors run, not as they were cached.

    ``read_value`` makes a new read, also of a reference variable, so control dependencies order it.
    A custom getter may have replaced a variable by a tensor, which is taken as it is.
    """
    return Moments(read_value(averages.mean), read_value(averages.variance))


def move(variable: Any, value: Any, decay: Any) -> tf.Operation:
    """Returns the op variable <- decay * variable + (1 - decay) * value.

    It subtracts (variable - value) * (1 - decay), so concurrent steps of several workers each land.

    Args:
      variable: any shape.
      value: same shape and dtype.
      decay: Python float or scalar tensor in [0, 1]; 1 moves nothing.
    """
    dtype = variable.dtype.base_dtype
    # A Python float goes in as it is: tf.cast would round it to float32 on the way to float64.
    rate = 1.0 - decay if isinstance(decay, float) else 1.0 - tf.cast(decay, dtype)
    step = tf.raw_ops.Mul(x=tf.raw_ops.Sub(x=read_value(variable), y=value), y=rate)
    return variable.assign_sub(step, read_value=False)


def take_in(averages: Averages, batch: Moments, decay: Any) -> list[tf.Operation]:
    """Returns the ops that move both averages: by the steps that come with the moments, else as ``move``."""
    if batch.steps is None:
        return [move(averages.mean, batch.mean, decay), move(averages.variance, batch.variance, decay)]
    return [
        variable.assign_sub(step, read_value=False) for variable, step in zip(averages, batch.steps, strict=True)
    ]


def read_value(variable: Any) -> Any:
    """Returns a variable's value as a new read, which control dependencies order; a tensor as it is."""
    return variable.read_value() if is_variable(variable) else tf.convert_to_tensor(variable)
