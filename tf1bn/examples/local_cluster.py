"""Starts the processes of a cluster on this machine, shows what they write, and ends them together. No TensorFlow."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tf1bn import errors, exits
from tf1bn.distribute import cluster as cluster_lib
from tf1bn.examples.interrupts import Interrupts
from tf1bn.examples.process_groups import Guard, stop

FLAGS, TF_CONFIG = "flags", "tf_config"
HOST = "127.0.0.1"
GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.05
# Below the range from which systems serve outgoing connections, so that none takes a port before its server does.
_PORTS = range(16000, 32000)


@dataclasses.dataclass(frozen=True)
class LaunchResult:
    """How a cluster ended.

    Attributes:
      exit_code: 0 if every worker ended with 0; else that of the first failure (128 plus the number of the signal
        that killed it), or after an interruption 128 plus its number, or 124 when the time was up.
      ended_by: "completion", "failure", "SIGINT", "SIGTERM" or "time".
      failed: the process that failed first, None without a failure.
      seconds: from the first start to the end.
      processes: of each task its ``name``, ``exit_code`` and number of ``starts``. The exit code of one that was
        stopped from here says how it took it.
    """

    exit_code: int
    ended_by: str
    failed: str | None
    seconds: float
    processes: list[dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Launch:
    """What to start.

    Attributes:
      command: program and arguments of each process.
      workers, ps: number of processes of each job.
      announce: "flags" appends --job_name, --task_index and --cluster to the command; "tf_config" sets that variable.
      restarts: how often each process is started again after a failure.
      together: whether all are started again when one failed, as processes need that cannot be joined again.
      grace_seconds: between SIGTERM and SIGKILL, and for a ps to end by itself after the workers.
      timeout_seconds: for the whole; None for no limit.
    """

    command: Sequence[str]
    workers: int
    ps: int = 0
    announce: str = FLAGS
    restarts: int = 0
    together: bool = False
    grace_seconds: float = GRACE_SECONDS
    timeout_seconds: float | None = None

    def tasks(self) -> list[cluster_lib.Task]:
        """Returns the tasks of a new cluster on free ports, those of the ps first."""
        ports = free_ports(self.workers + self.ps)
        addresses = [f"{HOST}:{port}" for port in ports]
        cluster = cluster_lib.parse_cluster(
            {cluster_lib.WORKER: addresses[: self.workers], cluster_lib.PS: addresses[self.workers :]}
        )
        jobs = [(cluster_lib.PS, index) for index in range(self.ps)]
        jobs += [(cluster_lib.WORKER, index) for index in range(self.workers)]
        return [cluster_lib.make_task(cluster, *job) for job in jobs]

    def command_of(self, task: cluster_lib.Task) -> list[str]:
        """Returns the command line of a task."""
        if self.announce == TF_CONFIG:
            return [*self.command]
        place = [f"--job_name={task.job}", f"--task_index={task.index}", f"--cluster={task.cluster.text()}"]
        return [*self.command, *place]

    def environment_of(self, task: cluster_lib.Task) -> dict[str, str]:
        """Returns the environment of a task: ours, but the lines of a Python program come at once."""
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        environment.pop(cluster_lib.VARIABLE, None)
        return {**environment, **(cluster_lib.environment_of(task) if self.announce == TF_CONFIG else {})}


def launch(asked: Launch) -> LaunchResult:
    """Starts the cluster and returns when all of its processes have ended.

    Each process has a group of its own. The first that fails, SIGINT or SIGTERM to this process, and the end of the
    time stop all: the workers first, so that they can still save what stands on a ps. When all workers have ended
    well, a ps that does not end by itself is stopped, which is no failure. A guard does the same if this process is
    killed.

    Each line that a process writes appears on stderr behind ``[worker 0]`` or the like.

    Raises:
      ArgumentError: the program cannot be started.
    """
    with errors.located("launch"):
        with Interrupts() as interrupts, Guard(asked.grace_seconds) as guard:
            running = _Running(asked, guard, [_Member(task) for task in asked.tasks()])
            try:
                running.start_all()
                return running.watch(interrupts)
            finally:
                running.stop_all()


def program_command(words: Sequence[str], beside: Path) -> list[str]:
    """Returns the command line of a program: a Python file, as it is named or in the folder ``beside``, or a command.

    The command tf1bn is the one of this interpreter, whether or not it is on the search path.

    Raises:
      ArgumentError: there is no such program.
    """
    name = words[0]
    if name == "tf1bn":
        return [sys.executable, "-m", *words]
    if name.endswith(".py"):
        found = next((path for path in (Path(name), beside / name) if path.is_file()), None)
        if found is not None:
            return [sys.executable, str(found), *words[1:]]
    elif shutil.which(name):
        return list(words)
    raise errors.ArgumentError(
        errors.explain(
            "there is no such program", got=name, expected=f"a command, or a Python file here or in {beside}"
        )
    )


def free_ports(count: int) -> list[int]:
    """Returns different ports that are free on the loopback interface at this moment.

    Raises:
      ArgumentError: there are not so many.
    """
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            return found
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
    raise errors.ArgumentError(errors.explain("there are not enough free ports", got=count))


@dataclasses.dataclass
class _Member:
    """A task, and the process that is or was its last."""

    task: cluster_lib.Task
    starts: int = 0
    watched: bool = False  # by the guard
    process: Any = None
    reader: threading.Thread | None = None

    @property
    def exit_code(self) -> int | None:
        """As a shell gives it; None while it runs, or if it was never started."""
        code = self.process.poll() if self.process is not None else None
        return exits.after(-code) if code is not None and code < 0 else code

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclasses.dataclass
class _Running:
    """The processes of one launch."""

    asked: Launch
    guard: Guard
    members: list[_Member]
    began: float = dataclasses.field(default_factory=time.monotonic)

    def start_all(self) -> None:
        for member in self.members:
            self._start(member)

    def watch(self, interrupts: Interrupts) -> LaunchResult:
        """Returns once the workers have ended well, or one has failed for good, or all shall end."""
        end = None if self.asked.timeout_seconds is None else self.began + self.asked.timeout_seconds
        while True:
            if interrupts.received is not None:
                return self._result(exits.after(interrupts.received), interrupts.received.name)
            if end is not None and time.monotonic() >= end:
                return self._result(exits.TIMED_OUT, "time")
            failed = next((member for member in self.members if member.exit_code), None)
            if failed is not None and failed.starts > self.asked.restarts:
                return self._result(failed.exit_code or 0, "failure", failed)
            if failed is not None:
                self._restart(failed)
            elif all(member.exit_code == 0 for member in self.members if not member.task.is_ps):
                self._await_ps()
                return self._result(0, "completion")
            time.sleep(_POLL_SECONDS)

    def stop_all(self) -> None:
        """Ends what is left of every process and of its children: the workers, then the ps."""
        for serves in (False, True):
            self._stop([each for each in self.members if each.task.is_ps == serves and each.watched])

    def _await_ps(self) -> None:
        end = time.monotonic() + self.asked.grace_seconds
        while any(member.runs for member in self.members) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)

    def _result(self, exit_code: int, ended_by: str, failed: _Member | None = None) -> LaunchResult:
        if failed is not None:
            _say(f"{failed.task} failed with exit code {exit_code}; stopping all")
        elif ended_by != "completion":
            _say(f"{ended_by}: stopping all")
        self.stop_all()
        processes = [
            {"name": str(each.task), "exit_code": each.exit_code, "starts": each.starts} for each in self.members
        ]
        seconds = round(time.monotonic() - self.began, 3)
        return LaunchResult(exit_code, ended_by, str(failed.task) if failed else None, seconds, processes)

    def _start(self, member: _Member) -> None:
        command = self.asked.command_of(member.task)
        try:
            member.process = subprocess.Popen(
                command,
                env=self.asked.environment_of(member.task),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise errors.ArgumentError(errors.explain(f"{command[0]!r} cannot be started: {error.strerror}")) from error
        self.guard.watch(member.process.pid, int(member.task.is_ps))
        member.watched = True
        member.starts += 1
        member.reader = threading.Thread(target=_show, args=(str(member.task), member.process.stdout), daemon=True)
        member.reader.start()
        _say(f"{member.task} started: process {member.process.pid}, start {member.starts}")

    def _restart(self, member: _Member) -> None:
        _say(f"{member.task} failed with exit code {member.exit_code}; starting it again")
        if self.asked.together:
            self.stop_all()
            self.start_all()
        else:
            self._stop([member])
            self._start(member)

    def _stop(self, members: list[_Member]) -> None:
        """Ends these and their children, and shows the last that they wrote."""
        stop([each.process.pid for each in members], self.asked.grace_seconds, self._reap)
        for each in members:
            with contextlib.suppress(subprocess.TimeoutExpired):
                each.process.wait(self.asked.grace_seconds)
            self.guard.release(each.process.pid)
            each.watched = False
            if each.reader is not None:
                each.reader.join(self.asked.grace_seconds)

    def _reap(self) -> None:
        for member in self.members:
            if member.process is not None:
                member.process.poll()


def _show(name: str, stream: Any) -> None:
    """Copies lines to stderr until there are no more."""
    with stream:
        for line in stream:
            _write(name, line.decode(errors="replace").rstrip())


def _say(text: str) -> None:
    _write("launcher", text)


def _write(name: str, text: str) -> None:
    """When nobody reads there any more, the lines are dropped: the processes must not wait for it."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"[{name}] {text}\n")
        sys.stderr.flush()
