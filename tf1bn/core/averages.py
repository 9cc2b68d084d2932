"""Reading and moving a pair of averages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core.values import Averages, Moments, is_variable


def read(averages: Averages) -> Moments:
    """Returns the averages as they are when the returned tensors run, not as they were cached.

    ``read_value`` makes a new read, also of a reference variable, so control dependencies order it.
    A custom getter may have replaced a variable by a tensor, which is taken as it is.
    """
    return Moments(read_value(averages.mean), read_value(averages.variance))


def by_reference(variable: Any) -> bool:
    """Whether it is a reference variable."""
    return is_variable(variable) and variable.dtype != variable.dtype.base_dtype


@contextlib.contextmanager
def outside_of_branches() -> Iterator[None]:
    """Leaves the branches of ``tf.cond`` around, for reads of reference variables; a loop is not left.

    What the conditional waits for, the reads wait for, too. Where something of the branch itself has to run first,
    the branch is not left.

    Trick: TensorFlow's freezers know no read of a reference variable inside of a branch. To clear the control
    dependencies clears the branch as well, and a branch of version 2 is a graph, in which no such variable is read.
    The predicate has an Identity of its own, made where the conditional stands, which has waited for what is cleared.
    """
    graph = tf.get_default_graph()
    context, outermost = graph._get_control_flow_context(), None
    while context is not None and context.IsCondContext():
        outermost, context = context, context.outer_context
    inner = any(op._get_control_flow_context() is not None for op in graph._current_control_dependencies())
    if outermost is None or context is not None or inner:
        yield
        return
    with tf.control_dependencies(None), tf.control_dependencies([outermost.pred]):
        yield


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


def read_value(variable: Any) -> Any:
    """Returns a variable's value as a new read, which control dependencies order; a tensor as it is."""
    return variable.read_value() if is_variable(variable) else tf.convert_to_tensor(variable)
