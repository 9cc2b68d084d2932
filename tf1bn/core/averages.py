"""Reading and moving a pair of averages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.core import place
from tf1bn.core.values import Averages, Moments, is_variable

_NEGLIGIBLE = 2e-6
"""Error of a rate, relative to it, that needs no correction."""


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

    It reads and writes in one step that no other such op can divide. So several of them on one variable need no
    order: two calls of a layer, overlapping iterations of a loop, workers of a cluster. Whatever the order in which
    they happen to run, each takes in its value once.

    Trick: reading, computing and assigning by ops of their own lets another update come in between, and both then
    start from the same old average. The accumulator of the momentum optimizer is moved by the formula that is
    needed, under a lock. The variable is its own weight here, which with a learning rate of zero stays.

    Args:
      variable: any shape.
      value: same shape and dtype.
      decay: Python float or scalar tensor in [0, 1]; 1 moves nothing.
    """
    return _moved(variable, *_shares(variable, value, decay, variable.dtype.base_dtype))


def _moved(variable: Any, kept: Any, share: Any) -> tf.Operation:
    dtype = variable.dtype.base_dtype
    given = {"lr": tf.constant(0.0, dtype), "grad": share, "momentum": kept, "use_locking": True, "name": "move"}
    if hasattr(variable, "handle"):
        if place.wrapped():
            read_value(variable)  # what makes the function list it among its variables, which the handle does not
        handle = variable.handle
        return tf.raw_ops.ResourceApplyMomentum(var=handle, accum=handle, **given)
    return tf.raw_ops.ApplyMomentum(var=variable, accum=variable, **given).op


def _shares(variable: Any, value: Any, decay: Any, dtype: tf.DType) -> tuple[Any, Any]:
    """Returns what the variable is multiplied by, and what is then added.

    The two weights must add up to 1 as they are rounded, or the average of equal values would settle beside them:
    0.999 and 0.001 in float32 are 1 + 1.3e-8, which a thousand updates make 1.3e-5. So the rate is the complement of
    the rounded decay; where that is not the rate that was asked for, the small rest is taken from the difference to
    the average, which need not be the latest one for that.
    """
    if not isinstance(decay, float):
        kept = tf.cast(decay, dtype)
        return kept, tf.raw_ops.Mul(x=value, y=1.0 - kept)
    # A Python float goes in as it is: tf.cast would round it to float32 on the way to float64.
    decay, rate, rest = weights(decay, dtype)
    kept = tf.constant(decay, dtype)
    if rest == 0:
        return kept, tf.raw_ops.Mul(x=value, y=tf.constant(rate, dtype))
    share = tf.raw_ops.Mul(x=value, y=tf.constant(rate, dtype))
    share = tf.raw_ops.Sub(x=share, y=tf.raw_ops.Mul(x=read_value(variable), y=tf.constant(rest, dtype)))
    return kept, share


def weights(decay: float, dtype: tf.DType) -> tuple[float, float, float]:
    """Returns the weight of the average, of the batch, and what is taken from the average beside, or 0."""
    rate, rest = 1.0 - decay, float(dtype.as_numpy_dtype(decay)) - decay
    return (decay, rate - rest, 0.0) if abs(rest) <= _NEGLIGIBLE * rate else (decay, rate, rest)


def take_in(averages: Averages, batch: Moments, decay: Any) -> list[tf.Operation]:
    """Returns the ops that move both averages, each as ``move``; by the shares that come with the moments, if any."""
    if batch.shares is None:
        return [move(averages.mean, batch.mean, decay), move(averages.variance, batch.variance, decay)]
    mean, variance, kept = batch.shares
    return [_moved(averages.mean, kept, mean), _moved(averages.variance, kept, variance)]


def read_value(variable: Any) -> Any:
    """Returns a variable's value as a new read, which control dependencies order; a tensor as it is."""
    return variable.read_value() if is_variable(variable) else tf.convert_to_tensor(variable)
