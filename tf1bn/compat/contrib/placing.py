"""``tf.contrib.framework``'s variables of a cluster: which task holds one, and what a checkpoint calls it."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib.scoping import add_arg_scope
from tf1bn.compat.contrib.variables import untrained


@add_arg_scope
def global_variable(
    initial_value: Any, validate_shape: bool = True, name: str | None = None, use_resource: Any = None
) -> Any:
    """Returns a variable in GLOBAL_VARIABLES, not trainable."""
    return untrained(tf.GraphKeys.GLOBAL_VARIABLES, initial_value, validate_shape, name, use_resource)


def get_variable_full_name(var: Any) -> str:
    """Returns the name of a variable in a checkpoint: of a part of a partitioned one that of the whole."""
    part = getattr(var, "_save_slice_info", None)
    return str(part.full_name if part else var.op.name)


def assert_or_get_global_step(graph: tf.Graph | None = None, global_step_tensor: Any = None) -> Any:
    """Returns the global step that is given, checked to be the graph's, or that of the graph.

    Raises:
      TypeError: it is no variable of whole numbers.
    """
    if global_step_tensor is None:
        return tf.train.get_global_step(graph)
    tf.train.assert_global_step(global_step_tensor)
    return global_step_tensor


class VariableDeviceChooser:
    """Names the device of each next variable: the tasks of a job in turn; for ``tf.device`` and ``device``.

    Args:
      num_tasks: of the job; 0 names no job.
      device_index, replica: where given, parts of the name.
    """

    def __init__(
        self,
        num_tasks: int = 0,
        job_name: str = "ps",
        device_type: str = "CPU",
        device_index: int = 0,
        replica: int | None = None,
    ) -> None:
        self._num_tasks, self._job_name = num_tasks, job_name
        self._kind, self._index, self._replica = device_type, device_index, replica
        self._next = 0

    def __call__(self, op: Any) -> str:
        """Returns the name of a device."""
        spec = tf.DeviceSpec(replica=self._replica, device_type=self._kind, device_index=self._index)
        if self._num_tasks > 0:
            spec = spec.replace(job=self._job_name, task=self._next)
            self._next = (self._next + 1) % self._num_tasks
        return str(spec.to_string())


__all__ = ["VariableDeviceChooser", "assert_or_get_global_step", "get_variable_full_name", "global_variable"]
