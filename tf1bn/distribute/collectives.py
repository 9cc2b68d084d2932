"""Towers and workers that meet in TensorFlow's collective ops."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place
from tf1bn.distribute import base
from tf1bn.distribute.numbering import Numbering, Path, numbering

DEFAULT_GROUP = 7001
"""Far from the numbers that TensorFlow's own strategies hand out from 1 on."""


@dataclasses.dataclass(frozen=True)
class Collectives:
    """Adds up by keyed collective ops over members that are told apart by their device.

    For the classic loop over towers, each under ``tf.device``, in one session; and for workers of
    ``tf.distribute.Server``, each in a process of its own with the same program. All members must run in each step
    that uses batch statistics: where one is missing, the others wait until the session's limit, then they fail with a
    DeadlineExceededError. So give every session such a limit: ``session_config(timeout_seconds=...)``. Workers need a
    group leader: ``session_config(group_leader=...)`` for servers and sessions. Steps that use the averages exchange
    nothing, so one tower can be evaluated alone.

    Attributes:
      size: number of members.
      group: number of the group. Several networks that are trained in different steps have numbers of their own.
        So may groups of members with averages of their own; averages that groups share would be moved once by each,
        for which there is ``Grouped``.
      timeout_seconds: a limit on each op beside the session's; None for the session's alone. TensorFlow starts a thread
        for every run of an op with a limit, which sleeps until the time is over even where the op ended at once: 200
        steps of 12 ops left 4,807 threads, and long training ends for want of them. For short runs and tests. After
        such a deadline a new session is needed.
      rank: number of the first member of this graph: 0 where all towers are in one graph, the task's index for
        workers.
      own_averages: whether each member has averages of its own, as workers have without a parameter server. By
        default all members share them, and the first one moves them.
    """

    size: int
    group: int = DEFAULT_GROUP
    timeout_seconds: float | None = None
    rank: int = 0
    own_averages: bool = False
    name: ClassVar[str] = "collectives"
    in_branch: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for field, least in (("size", 1), ("group", 1), ("rank", 0)):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise errors.ArgumentError(errors.explain(f"`{field}` must be an integer from {least} on", got=value))
        if self.rank >= self.size:
            raise errors.ArgumentError(
                errors.explain("`rank` must be below `size`", got=self.rank, expected=f"0 to {self.size - 1}")
            )
        seconds = self.timeout_seconds
        number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        if seconds is not None and not (number and 0 < seconds < math.inf):
            raise errors.ArgumentError(
                errors.explain("`timeout_seconds` must be a positive number or None", got=seconds)
            )

    @property
    def index(self) -> int:
        """Number of the member that is being built, by the current device."""
        return self.rank + self._numbering().join(place.device_here())

    def check(self) -> None:
        """Refuses a member without a device, and one more member than the group has."""
        device = place.device_here()
        if not device:
            raise errors.PlacementError(
                errors.explain(
                    "there is no device here, and Collectives tells members by their device",
                    fix="Build each tower in a `with tf.device(...)` block of its own.",
                )
            )
        known = self._numbering().members
        if device not in known and self.rank + len(known) >= self.size:
            raise errors.PlacementError(
                errors.explain(
                    f"group {self.group} has {self.size} members already",
                    got=device,
                    expected=f"one of {', '.join(map(str, known))}",
                    fix="Pass the number of towers as `size`, or another `group` for another set of towers.",
                )
            )

    def all_sum(self, tensors: list[Any]) -> list[Any]:
        """Returns the sums over the members; the gradient is the same sum, on the same device."""
        self.check()
        device, known = place.device_here(), self._numbering()
        known.join(device)
        return self._all_sum(tensors, known.next_path(device), device, known)

    def _all_sum(self, tensors: list[Any], path: Path, device: str, known: Numbering) -> list[Any]:
        """Trick: the key of a gradient follows from that of its sum, since towers may differ in the order of theirs.

        And it must run on the device of its sum: left to itself, TensorFlow may put the gradients of two members on
        one device, where they are taken for the same member.
        """
        gradients_so_far = 0

        @tf.custom_gradient
        def summed(*values: Any) -> Any:
            with tf.device(device):
                sums = [self._reduce(value, known.number((*path, i))) for i, value in enumerate(values)]

            def backward(*gradients: Any) -> Any:
                nonlocal gradients_so_far
                gradients_so_far += 1
                return self._all_sum(base.dense(gradients), (*path, "gradient", gradients_so_far), device, known)

            return tuple(sums), backward

        found = summed(*tensors)
        return list(found) if isinstance(found, (list, tuple)) else [found]

    def _reduce(self, value: Any, key: int) -> Any:
        # One member has nothing to wait for; an identity keeps the graph the same otherwise.
        if self.size == 1:
            return tf.identity(value)
        found = tf.raw_ops.CollectiveReduceV2(
            input=value,
            group_size=self.size,
            group_key=self.group,
            instance_key=key,
            ordering_token=[],
            merge_op="Add",
            final_op="Id",
            timeout_seconds=self.timeout_seconds or 0.0,
        )
        found.set_shape(value.shape)
        return found

    def _numbering(self) -> Numbering:
        return numbering((self.name, self.group))
