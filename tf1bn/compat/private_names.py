"""What old programs imported from TensorFlow's private modules, on public functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf


def assign_moving_average(
    variable: Any, value: Any, decay: Any, zero_debias: bool = True, name: str | None = None
) -> Any:
    """Moves an average: variable <- decay * variable + (1 - decay) * value.

    With ``zero_debias``, the default since 1.0, a second variable keeps that average from zero, and

        biased <- decay * biased + (1 - decay) * value
        step <- step + 1
        variable <- biased / (1 - decay^step)

    so the initial value of ``variable`` has no weight.

    Variables (only with ``zero_debias``; under the name of ``variable``, below the current scope, which therefore
    often occurs twice: ``bn/bn/moving_mean/biased``):
      biased: shape and dtype of ``variable``, not trainable, initially 0.
      local_step: scalar of the same dtype, not trainable, initially 0.

    Args:
      variable: the average.
      value: a tensor of its shape.
      decay: a number or scalar tensor.
      zero_debias: see above.
      name: of the op, by default ``AssignMovingAvg``.

    Returns:
      A tensor; evaluating it moves the average and gives the new one.
    """
    dtype = variable.dtype.base_dtype
    with tf.name_scope(name, "AssignMovingAvg", [variable, value, decay]) as scope:
        gain = tf.cast(tf.convert_to_tensor(1.0 - decay, name="decay"), dtype)
        with tf.colocate_with(variable):
            if not zero_debias:
                return tf.assign_sub(variable, (variable - value) * gain, name=scope)
            biased, step = _debias_variables(variable)
            moved = tf.assign_sub(biased, (biased - value) * gain)
            weight = 1 - tf.pow(1.0 - gain, tf.assign_add(step, tf.ones([], dtype)))
            return tf.assign(variable, moved / weight, name=scope)


def _debias_variables(variable: Any) -> tuple[Any, Any]:
    with tf.variable_scope(variable.op.name):
        taken = {made.op.name for made in tf.global_variables()} if not tf.get_variable_scope().reuse else set()
        shapes: dict[str, Any] = {"biased": variable.shape, "local_step": []}
        made = []
        for leaf, shape in shapes.items():
            free = _free(leaf, f"{tf.get_variable_scope().name}/", taken)
            dtype = variable.dtype.base_dtype
            zeros = tf.zeros_initializer()
            made.append(tf.get_variable(free, shape, dtype, initializer=zeros, trainable=False))
        return made[0], made[1]


def _free(leaf: str, scope: str, taken: set[str]) -> str:
    """Returns the first of ``leaf``, ``leaf_1``, ... that no variable has."""
    name, number = leaf, 0
    while scope + name in taken:
        number += 1
        name = f"{leaf}_{number}"
    return name


def with_dependencies(dependencies: Sequence[Any], output_tensor: Any, name: str | None = None) -> tf.Tensor:
    """Returns the tensor, to be computed only after the dependencies have run."""
    with tf.control_dependencies(list(dependencies)):
        return tf.identity(output_tensor, name=name or "control_dependency")


def switch(data: Any, pred: Any, dtype: Any = None, name: str | None = None) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns two tensors, of which only the first is alive where ``pred`` is False, and only the second otherwise."""
    made = tf.raw_ops.Switch(data=tf.convert_to_tensor(data, dtype=dtype), pred=pred, name=name)
    return made.output_false, made.output_true


def merge(inputs: Sequence[Any], name: str | None = None) -> Any:
    """Returns the one living tensor of ``inputs``, and its place among them."""
    return tf.raw_ops.Merge(inputs=list(inputs), name=name)


def get_name_scope() -> str:
    """Returns the name scope that ops are made in."""
    return tf.get_default_graph().get_name_scope()


def as_shape(shape: Any) -> tf.TensorShape:
    """Returns a static shape."""
    return tf.TensorShape(shape)


def unknown_shape(ndims: int | None = None) -> tf.TensorShape:
    """Returns a static shape of ``ndims`` unknown dimensions, or of unknown rank."""
    return tf.TensorShape(None) if ndims is None else tf.TensorShape([None] * ndims)


def scalar() -> tf.TensorShape:
    """Returns the shape of a scalar."""
    return tf.TensorShape([])


def vector(length: Any) -> tf.TensorShape:
    """Returns the shape ``[length]``."""
    return tf.TensorShape([length])


def matrix(rows: Any, columns: Any) -> tf.TensorShape:
    """Returns the shape ``[rows, columns]``."""
    return tf.TensorShape([rows, columns])
