"""How training is spread over devices and processes: what can be chosen, and what fits together. No TensorFlow."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from tf1bn import errors
from tf1bn.distribute import cluster as cluster_lib

NONE, MIRRORED, TOWERS, PS, MULTI_WORKER = "none", "mirrored", "towers", "ps", "multi_worker"
ENGINES = (NONE, MIRRORED, TOWERS, PS, MULTI_WORKER)
COMBINED, OWN = "combined", "own"
STATISTICS = (COMBINED, OWN)
TIMEOUT_SECONDS = 300.0

_IN_ONE_PROCESS = (MIRRORED, TOWERS)
IN_A_CLUSTER = (PS, MULTI_WORKER)


@dataclasses.dataclass(frozen=True)
class Distribution:
    """How a run is spread. ``None`` stands for a default and is replaced when the object is made.

    Attributes:
      engine: "none", one device; "mirrored", replicas of MirroredStrategy in this process; "towers", the classic
        loop over devices in this process; "ps", workers with parameter servers; "multi_worker", workers of
        MultiWorkerMirroredStrategy.
      devices: among which this process splits its batch; by default 2 with "mirrored" and "towers".
      task: of this process in its cluster; for "ps" and "multi_worker".
      synchronous: whether a step is one of all workers together. With "ps" by default each trains at its own pace.
      statistics: "combined", a batch norm normalises by the statistics of all shards; "own", each shard by its own.
        The default is "combined", but "own" with asynchronous workers, which never meet.
      timeout_seconds: how long one process waits for another.

    Raises:
      ArgumentError: an unknown choice, or choices that do not fit together.
    """

    engine: str = NONE
    devices: Any = None
    task: cluster_lib.Task | None = None
    synchronous: Any = None
    statistics: Any = None
    timeout_seconds: float = TIMEOUT_SECONDS

    def __post_init__(self) -> None:
        _choice("distribution", self.engine, ENGINES)
        alone = self.engine in _IN_ONE_PROCESS
        self._default("devices", 2 if alone else 1)
        self._default("synchronous", self.engine != PS)
        self._default("statistics", COMBINED if self.synchronous else OWN)
        _choice("statistics", self.statistics, STATISTICS)
        if not 0 < self.timeout_seconds < math.inf:
            raise errors.ArgumentError(errors.explain("`timeout_seconds` must be above 0", got=self.timeout_seconds))
        if isinstance(self.devices, bool) or not isinstance(self.devices, int) or self.devices < 1:
            raise errors.ArgumentError(errors.explain("`devices` must be a positive integer", got=self.devices))
        if self.devices > 1 and not alone:
            raise errors.ArgumentError(
                errors.explain(
                    f"`devices` belongs to {' and '.join(_IN_ONE_PROCESS)}, not to {self.engine}", got=self.devices
                )
            )
        if not self.synchronous and self.engine != PS:
            raise errors.ArgumentError(errors.explain(f"{self.engine} is synchronous", got=self.synchronous))
        if not self.synchronous and self.statistics == COMBINED:
            raise errors.ArgumentError(
                errors.explain(
                    "asynchronous workers never meet, so they cannot combine their statistics",
                    got=self.statistics,
                    fix="Train with synchronous workers, or with their own statistics.",
                )
            )
        self._check_task()

    @property
    def members(self) -> int:
        """Number of shards into which a batch is split."""
        return self.task.cluster.workers if self.task is not None else self.devices

    @property
    def serves(self) -> bool:
        """Whether this process keeps variables for others and does not train."""
        return self.task is not None and self.task.is_ps

    @property
    def is_chief(self) -> bool:
        """Whether this process saves and reports."""
        return self.task is None or self.task.is_chief

    def record(self) -> dict[str, Any] | None:
        """Returns what to keep about it beside a checkpoint; None where there is one device."""
        if self.engine == NONE:
            return None
        record = {"engine": self.engine, "members": self.members, "statistics": self.statistics}
        if self.engine == PS:
            record |= {"synchronous": self.synchronous, "ps": len(self.task.cluster.ps) if self.task else 0}
        return record

    def check_batch(self, batch_size: int) -> None:
        """Refuses a batch of which some shard would be empty.

        Raises:
          ArgumentError: it is smaller than the number of members.
        """
        if self.synchronous and batch_size < self.members:
            raise errors.ArgumentError(
                errors.explain(
                    "the batch is smaller than the number of its shards",
                    got=batch_size,
                    expected=f"at least {self.members} images",
                )
            )

    def _default(self, name: str, value: Any) -> None:
        if getattr(self, name) is None:
            object.__setattr__(self, name, value)

    def _check_task(self) -> None:
        if self.engine not in IN_A_CLUSTER:
            if self.task is not None:
                raise errors.ArgumentError(
                    errors.explain(
                        f"a task of a cluster belongs to {' and '.join(IN_A_CLUSTER)}, not to {self.engine}",
                        got=str(self.task),
                    )
                )
            return
        if self.task is None:
            raise errors.ArgumentError(
                errors.explain(
                    f"{self.engine} needs a cluster and the place of this process in it",
                    fix="Give --cluster, --job_name and --task_index, or set TF_CONFIG; `tf1bn launch` does.",
                )
            )
        servers = len(self.task.cluster.ps)
        if (self.engine == PS) != bool(servers):
            what = "needs at least one ps" if self.engine == PS else "has no ps"
            raise errors.ArgumentError(
                errors.explain(f"a cluster for {self.engine} {what}", got=self.task.cluster.jobs)
            )


def task_of(
    cluster: str | None, job_name: str | None, task_index: int | None, environment: Mapping[str, str] | None = None
) -> cluster_lib.Task | None:
    """Returns the task that flags name, else the one of TF_CONFIG, None if neither does.

    Raises:
      ArgumentError: some of the three flags without the others; or as ``cluster.make_task``.
    """
    given = {"cluster": cluster, "job_name": job_name, "task_index": task_index}
    missing = [f"--{name}" for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return cluster_lib.task_from_environment(environment)
    if missing:
        raise errors.ArgumentError(
            errors.explain(f"--cluster, --job_name and --task_index go together; add {missing[0]}")
        )
    return cluster_lib.make_task(str(cluster), str(job_name), int(task_index or 0))


def _choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise errors.ArgumentError(
            errors.explain(
                f"unknown `{name}`",
                got=value,
                expected=f"one of {', '.join(allowed)}",
                fix=errors.did_you_mean(str(value), allowed).strip(),
            )
        )


ONE_DEVICE = Distribution()
