"""Ending groups of processes for certain, also when the process that started them is killed itself.

Run as a program, this file is the guard of a launcher: it reads from its standard input which groups there are
(``+ STAGE GROUP`` and ``- GROUP``, one a line), and when the input ends, for whatever reason, it ends the groups that
are left. So a launcher that dies by SIGKILL leaves nothing behind. It needs the standard library only, and starts
in milliseconds.
"""

from __future__ import annotations

import contextlib
import glob
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, TextIO

_POLL_SECONDS = 0.02


def stop(groups: Iterable[int], grace_seconds: float, reap: Callable[[], Any] = lambda: None) -> None:
    """Sends SIGTERM to the groups, and SIGKILL to those that are left after the grace.

    Args:
      groups: their ids.
      grace_seconds: how long they may take to end by themselves.
      reap: collects the exit codes of children of this process.
    """
    left = list(groups)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for group in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        end = time.monotonic() + grace_seconds
        while (left := [group for group in left if _runs(group)]) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
            reap()


class Guard:
    """The guard process of a launcher; a context manager. On exit every group should have been released.

    Args:
      grace_seconds: between SIGTERM and SIGKILL.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds

    def __enter__(self) -> Guard:
        # In a session of its own, no signal that is meant for the launcher reaches it.
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, str(self._grace_seconds)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()

    def watch(self, group: int, stage: int) -> None:
        """Groups of a lower stage are ended first."""
        self._tell(f"+ {stage} {group}")

    def release(self, group: int) -> None:
        """The group has ended."""
        self._tell(f"- {group}")

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            print(line, file=self._process.stdin, flush=True)


def guard(lines: TextIO, grace_seconds: float) -> None:
    """Reads lines until there are no more, then ends the groups that were left, stage by stage."""
    stage_of: dict[int, int] = {}
    for line in lines:
        sign, *numbers = line.split()
        if sign == "+":
            stage_of[int(numbers[1])] = int(numbers[0])
        else:
            stage_of.pop(int(numbers[0]), None)
    for stage in sorted(set(stage_of.values())):
        stop([group for group, its in stage_of.items() if its == stage], grace_seconds)


def _runs(group: int) -> bool:
    """Whether a process of the group runs. One that has ended does not, though its parent has yet to collect it."""
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    processes = glob.glob("/proc/[0-9]*/stat")
    return not processes or any(_group_of(path) == group for path in processes)


def _group_of(path: str) -> int | None:
    """Returns the group of the process that a file of Linux describes, None if it has ended."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            state, _, group = file.read().rpartition(")")[2].split()[:3]  # what stands in the brackets may be anything
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else int(group)


if __name__ == "__main__":
    guard(sys.stdin, float(sys.argv[1]))
