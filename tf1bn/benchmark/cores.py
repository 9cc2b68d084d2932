"""Which cores of the machine were busy while something was timed, and how much of that was this process.

A benchmark that shares its cores measures its neighbours. Linux counts how long each core has had work since the
machine was started; what that grows by over the timed visits says whether anybody else was there.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

STATISTICS = Path("/proc/stat")
TASKS = Path("/proc/self/task")

# Columns of a line of /proc/stat in which a core has nothing to do: idle, and waiting for a disk. Time that a
# hypervisor gave to others ("steal") counts as busy: nobody here had it. Time of guests is part of the first columns.
_IDLE, _COUNTED = (3, 4), 8


def read(path: Path = STATISTICS) -> dict[str, float]:
    """Returns the seconds that each core has been busy since the start of the machine; nothing where nobody counts."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        if match := re.match(r"cpu(\d+) (.+)", line):
            ticks = [int(text) for text in match[2].split()][:_COUNTED]
            found[match[1]] = sum(n for column, n in enumerate(ticks) if column not in _IDLE) / _ticks()
    return found


def _ticks() -> int:
    return os.sysconf("SC_CLK_TCK")


def allowed(tasks: Path = TASKS) -> list[int]:
    """Returns the cores on which at least one thread of this process may run."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(os.cpu_count() or 1))
    found = set(os.sched_getaffinity(0))
    with contextlib.suppress(OSError):
        for task in tasks.iterdir():
            with contextlib.suppress(OSError):  # a thread that has ended meanwhile
                found |= os.sched_getaffinity(int(task.name))
    return sorted(found)


class Watch:
    """Adds up what the cores do during blocks.

    Args:
      busy: gives the busy seconds of each core.
      clock: gives seconds.
      own: gives the seconds of processor time that this process has had, all threads together.
    """

    def __init__(
        self,
        busy: Callable[[], dict[str, float]] = read,
        clock: Callable[[], float] = time.perf_counter,
        own: Callable[[], float] = time.process_time,
    ) -> None:
        self._busy, self._clock, self._own = busy, clock, own
        self._seconds = self._used = 0.0
        self._by_core: dict[str, float] = {}

    @contextlib.contextmanager
    def during(self) -> Iterator[None]:
        """Counts what happens in the block."""
        before, began, used = self._busy(), self._clock(), self._own()
        yield
        self._used += self._own() - used
        self._seconds += self._clock() - began
        after = self._busy()
        for core in before.keys() & after.keys():
            self._by_core[core] = self._by_core.get(core, 0.0) + after[core] - before[core]

    def found(self) -> dict[str, Any]:
        """Returns the seconds that were watched, those of this process, of each core, and the cores it may use."""
        by_core = {core: round(self._by_core[core], 3) for core in sorted(self._by_core, key=int)}
        return {
            "seconds": round(self._seconds, 4),
            "own": round(self._used, 4),
            "by_core": by_core,
            "allowed": allowed(),
        }


def joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns several watches of one process as one."""
    cores = sorted({core for part in parts for core in part["by_core"]}, key=int)
    return {
        "seconds": sum(part["seconds"] for part in parts),
        "own": sum(part["own"] for part in parts),
        "by_core": {core: sum(part["by_core"].get(core, 0.0) for part in parts) for core in cores},
        "allowed": sorted({core for part in parts for core in part["allowed"]}),
    }


def text(found: dict[str, Any]) -> str:
    """Returns a sentence about what :meth:`Watch.found` returned."""
    seconds, mine = found["seconds"], [str(core) for core in found["allowed"]]
    if not seconds:
        return "Which cores were busy was not noted."
    busy = {core: found["by_core"][core] for core in mine if core in found["by_core"]}
    used = f"this process had {found['own'] / seconds:.2f} of {len(mine)}"
    if not busy:
        return f"Cores in {seconds:.3g} s of timed visits: {used}; what others had, this system does not count."
    others = max(0.0, sum(busy.values()) - found["own"]) / (seconds * len(mine))
    each = ", ".join(f"{core} by {value / seconds:.0%}" for core, value in busy.items())
    return f"Cores in {seconds:.3g} s of timed visits: busy were {each}; {used}, others {others:.0%} of them."
