"""Times large things, at a size and at half of it: ``python -m tests.scale.measure [CASE[=SIZE] ...]``.

Each step is a process of its own, so that its peak of memory is its own: beyond what a process has that only imported
everything. Seconds are those of the processor, all threads together. No test does this: it takes gigabytes and minutes,
and times are for a page (docs/scale.md), not for a gate.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

from tests.scale.steps import CASES

Result = dict[str, float]


def main(wanted: list[str]) -> None:
    """Prints a table of the cases asked for, or of all."""
    for text in wanted or list(CASES):
        name, _, size = text.partition("=")
        what, usual, steps = CASES[name]
        full = int(size or usual)
        found = [_measured(name, number) for number in (full // 2, full)]
        print(f"\n{full:,} {what}\n\n| step | seconds | times half the size | MiB | times half the size |")
        print("| --- | ---: | ---: | ---: | ---: |")
        for step in steps:
            half, whole = (one[step] for one in found)
            print(f"| {step} | {_pair(half, whole, 'seconds')} | {_pair(half, whole, 'mebibytes')} |", flush=True)


def _pair(half: Result, whole: Result, key: str) -> str:
    return f"{whole[key]:.1f} | {whole[key] / max(half[key], 1e-9):.2f}"


def _measured(name: str, size: int) -> dict[str, Result]:
    """Runs all steps of a case in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for step in CASES[name][2]:
            line = [sys.executable, "-m", "tests.scale.measure", "--step", name, step, str(size), folder]
            done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
            found[step] = json.loads(done.stdout.splitlines()[-1])
        return found


def _step(name: str, step: str, size: int, folder: str) -> None:
    before, start = _peak(), time.process_time()
    CASES[name][2][step](size, folder)
    print(json.dumps({"seconds": time.process_time() - start, "mebibytes": max(_peak() - before, 0.1)}))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if sys.argv[1:2] == ["--step"]:
        _step(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
    else:
        main(sys.argv[1:])
