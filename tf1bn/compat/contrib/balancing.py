"""``tf.contrib.training``'s choices of a parameter server, for ``tf.train.replica_device_setter(ps_strategy=)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors


class RandomStrategy:
    """Chooses a task at random, the same ones in the same order for a seed."""

    def __init__(self, num_ps_tasks: int, seed: int = 0) -> None:
        self._tasks, self._random = num_ps_tasks, np.random.RandomState(seed)

    def __call__(self, op: Any) -> int:
        """Returns the task of an op."""
        return int(self._random.randint(self._tasks))


class GreedyLoadBalancingStrategy:
    """Chooses the task with the least load so far, as a function of ops tells it."""

    def __init__(self, num_tasks: int, load_fn: Callable[[Any], float]) -> None:
        self._load, self._loads = load_fn, np.zeros(num_tasks)

    def __call__(self, op: Any) -> int:
        """Returns the task of an op, and counts its load."""
        task = int(np.argmin(self._loads))
        self._loads[task] += self._load(op)
        return task


def byte_size_load_fn(op: Any) -> int:
    """Returns the bytes of the one output of an op, for example of a variable.

    Raises:
      ArgumentError: another number of outputs, or a shape that is not known.
    """
    if len(op.outputs) != 1:
        raise errors.ArgumentError(
            errors.explain(f"the op {op.name} has not one output", got=len(op.outputs), expected="one output"),
            where="byte_size_load_fn",
        )
    holds = op.type in ("VariableV2", "Variable", "VarHandleOp")
    shape = tf.TensorShape(op.get_attr("shape")) if holds else op.outputs[0].shape
    if not shape.is_fully_defined():
        raise errors.ArgumentError(
            errors.explain(f"the shape of {op.name} must be known", got=str(shape)), where="byte_size_load_fn"
        )
    dtype = tf.as_dtype(op.get_attr("dtype")) if holds else op.outputs[0].dtype
    return shape.num_elements() * dtype.size
