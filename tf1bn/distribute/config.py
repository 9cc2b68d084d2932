"""The session configuration that members on several devices and machines need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def session_config(
    *,
    devices: int | None = None,
    group_leader: str | None = None,
    timeout_seconds: float | None = None,
    device_filters: Sequence[str] = (),
    config: tf.ConfigProto | None = None,
) -> tf.ConfigProto:
    """Returns a ``tf.ConfigProto`` for towers, replicas and workers.

    Args:
      devices: number of CPU devices of the process, ``/cpu:0`` to ``/cpu:N-1``. The first session of a process
        decides; later ones keep what it made.
      group_leader: for workers that meet in collective ops, the task that numbers them, the same for all servers and
        sessions: ``"/job:worker/replica:0/task:0"``. Without one, workers wait until their timeout.
      timeout_seconds: the longest that any ``session.run`` may take.
      device_filters: for workers with a parameter server: the jobs that this one talks to, so that a missing worker
        holds up no other.
      config: what to complete; it is copied.

    Raises:
      ArgumentError: a number out of range; ArgumentTypeError: ``config`` or ``group_leader`` has another type.

    Example:
      >>> session = tf.Session(config=tf1bn.distribute.session_config(devices=2))
    """
    with errors.located("session_config"):
        made = tf.ConfigProto()
        if config is not None:
            if not isinstance(config, tf.ConfigProto):
                raise errors.ArgumentTypeError(
                    errors.explain("`config` has the wrong type", got=config, expected="a tf.ConfigProto")
                )
            made.CopyFrom(config)
        if devices is not None:
            made.device_count["CPU"] = int(_positive(devices, "devices", whole=True))
        if group_leader is not None:
            if not isinstance(group_leader, str) or not group_leader.startswith("/job:"):
                raise errors.ArgumentTypeError(
                    errors.explain(
                        "`group_leader` must name a task", got=group_leader, expected="'/job:worker/replica:0/task:0'"
                    )
                )
            made.experimental.collective_group_leader = group_leader
        if timeout_seconds is not None:
            made.operation_timeout_in_ms = math.ceil(_positive(timeout_seconds, "timeout_seconds") * 1000)
        made.device_filters.extend(device_filters)
        return made


def _positive(value: Any, name: str, *, whole: bool = False) -> float:
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < math.inf:
        raise errors.ArgumentError(
            errors.explain(f"`{name}` must be a positive {'integer' if whole else 'number'}", got=value)
        )
    return value
