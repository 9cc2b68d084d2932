"""Which processes train together, and which of them this one is. Needs no TensorFlow.

A cluster is JSON, as in the environment variable TF_CONFIG: ``{"worker": ["host:port", ...], "ps": [...]}``. The
jobs are ``ps`` (keeps variables), ``worker`` (trains) and, at most one task of it, ``chief`` (a worker with duties,
the first of them). Without a ``chief`` the duties are those of worker 0.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from tf1bn import errors

VARIABLE = "TF_CONFIG"
CHIEF, WORKER, PS = "chief", "worker", "ps"
JOBS = (CHIEF, WORKER, PS)


class Cluster(NamedTuple):
    """The addresses of all tasks, ``host:port`` each. Made by :func:`parse_cluster`.

    Attributes:
      chief: none or one.
      worker: those of the workers, apart from the chief.
      ps: those of the parameter servers.
    """

    chief: tuple[str, ...]
    worker: tuple[str, ...]
    ps: tuple[str, ...]

    @property
    def jobs(self) -> dict[str, list[str]]:
        """The jobs that have tasks: what ``tf.train.ClusterSpec`` takes."""
        return {job: list(addresses) for job, addresses in self._asdict().items() if addresses}

    @property
    def workers(self) -> int:
        """Number of processes that train, the chief included."""
        return len(self.chief) + len(self.worker)

    @property
    def chief_device(self) -> str:
        """Name of the chief's task: the one that leads collective groups and saves."""
        return device(CHIEF if self.chief else WORKER, 0)

    def text(self) -> str:
        """Returns the cluster as JSON, as :func:`parse_cluster` reads it."""
        return json.dumps(self.jobs)


@dataclasses.dataclass(frozen=True)
class Task:
    """One process of a cluster.

    Attributes:
      cluster: all of them.
      job: "chief", "worker" or "ps".
      index: of this one in its job, from 0.
    """

    cluster: Cluster
    job: str
    index: int

    @property
    def is_ps(self) -> bool:
        """Whether it keeps variables and does not train."""
        return self.job == PS

    @property
    def is_chief(self) -> bool:
        """Whether it initialises, restores and saves the variables."""
        return self.device == self.cluster.chief_device

    @property
    def rank(self) -> int:
        """Its number among the processes that train, the chief's being 0; a ps has none and gives -1."""
        if self.is_ps:
            return -1
        return self.index + (len(self.cluster.chief) if self.job == WORKER else 0)

    @property
    def device(self) -> str:
        """Its name as a part of device names, such as ``/job:worker/task:1``."""
        return device(self.job, self.index)

    @property
    def address(self) -> str:
        """Where it listens."""
        return str(getattr(self.cluster, self.job)[self.index])

    @property
    def peers(self) -> list[str]:
        """Addresses of all other tasks."""
        return [each for addresses in self.cluster for each in addresses if each != self.address]

    def __str__(self) -> str:
        return f"{self.job} {self.index}"


def device(job: str, index: int) -> str:
    """Returns the name of a task as a part of device names."""
    return f"/job:{job}/task:{index}"


def parse_cluster(text: str | Mapping[str, Any]) -> Cluster:
    """Returns the cluster of a JSON text, or of a mapping of jobs to addresses.

    Raises:
      ArgumentError: no JSON object; an unknown job; an address that is none, or two of the same; two chiefs; nobody
        who trains.

    Example:
      >>> parse_cluster('{"worker": ["localhost:2222", "localhost:2223"], "ps": ["localhost:2221"]}').workers
      2
    """
    with errors.located("cluster"):
        jobs = _object(text, "the cluster") if isinstance(text, str) else dict(text)
        unknown = sorted(set(jobs) - set(JOBS), key=str)
        if unknown:
            evaluates = "Run `tf1bn evaluate`, or your own evaluation, beside it." if "evaluator" in unknown else ""
            raise errors.ArgumentError(
                errors.explain("unknown jobs in the cluster", got=unknown, expected=" or ".join(JOBS), fix=evaluates)
            )
        cluster = Cluster(*(_addresses(job, jobs.get(job, ())) for job in JOBS))
        every = [address for addresses in cluster for address in addresses]
        twice = sorted({address for address in every if every.count(address) > 1})
        if twice:
            raise errors.ArgumentError(errors.explain("two tasks of the cluster have one address", got=twice))
        if len(cluster.chief) > 1:
            raise errors.ArgumentError(errors.explain("a cluster has one chief", got=list(cluster.chief)))
        if not cluster.workers:
            raise errors.ArgumentError(
                errors.explain("nobody in the cluster trains", got=cluster.jobs, expected="a worker or chief")
            )
        return cluster


def make_task(cluster: str | Mapping[str, Any] | Cluster, job: str, index: int) -> Task:
    """Returns the task of that job and index.

    Raises:
      ArgumentTypeError: ``index`` is no integer.
      ArgumentError: the cluster has no such task; or as :func:`parse_cluster`.
    """
    if not isinstance(cluster, Cluster):
        cluster = parse_cluster(cluster)
    with errors.located("task"):
        if isinstance(index, bool) or not isinstance(index, int):
            raise errors.ArgumentTypeError(errors.explain("the index of a task is an integer", got=index))
        count = len(cluster.jobs.get(job, ()))
        if not count:
            known = ", ".join(cluster.jobs)
            raise errors.ArgumentError(errors.explain("the cluster has no such job", got=job, expected=known))
        if not 0 <= index < count:
            raise errors.ArgumentError(
                errors.explain(f"the cluster has no {job} of that index", got=index, expected=f"0 to {count - 1}")
            )
        return Task(cluster, job, index)


def task_from_environment(environment: Mapping[str, str] | None = None) -> Task | None:
    """Returns the task that TF_CONFIG names, None where that is not set or is empty.

    Other keys of TF_CONFIG than ``cluster`` and ``task`` are left alone. ``task`` has ``type`` and ``index``.

    Args:
      environment: where TF_CONFIG stands; by default ``os.environ``.

    Raises:
      ArgumentError, ArgumentTypeError: it cannot be read, lacks a part, or names a task that the cluster has not.
    """
    text = (os.environ if environment is None else environment).get(VARIABLE, "")
    if not text.strip():
        return None
    with errors.located(VARIABLE):
        content = _object(text, "its value")
        if not content.get("cluster"):
            return None  # the documented way to say that this is a program on its own
        task = content.get("task")
        if not isinstance(task, dict) or "type" not in task or "index" not in task:
            raise errors.ArgumentError(
                errors.explain("`task` is missing or incomplete", got=task, expected='{"type": "worker", "index": 0}')
            )
        index = task["index"]
        if isinstance(index, str) and index.isdecimal():  # some cluster managers write numbers as strings
            index = int(index)
        return make_task(content["cluster"], task["type"], index)


def environment_of(task: Task) -> dict[str, str]:
    """Returns TF_CONFIG for a task, as :func:`task_from_environment` reads it."""
    content = {"cluster": task.cluster.jobs, "task": {"type": task.job, "index": task.index}}
    return {VARIABLE: json.dumps(content)}


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise errors.ArgumentError(errors.explain(f"{what} is no JSON: {error}", got=text)) from None
    if not isinstance(content, dict):
        raise errors.ArgumentError(errors.explain(f"{what} is no JSON object", got=text))
    return content


def _addresses(job: str, found: Any) -> tuple[str, ...]:
    if isinstance(found, str) or not isinstance(found, (list, tuple)):
        raise errors.ArgumentError(errors.explain(f"the job {job!r} is no list of addresses", got=found))
    for address in found:
        host, colon, port = str(address).rpartition(":")
        if not isinstance(address, str) or not (host and colon and port.isdecimal() and 0 < int(port) < 65536):
            raise errors.ArgumentError(
                errors.explain(f"no address in the job {job!r}", got=address, expected="host:port, as in 10.0.0.2:2222")
            )
    return tuple(found)
