"""What importing tf1bn adds to importing TensorFlow, each in fresh processes that take turns."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import Any

from tf1bn import errors
from tf1bn.benchmark.cores import Watch
from tf1bn.benchmark.options import Options
from tf1bn.benchmark.results import Case
from tf1bn.benchmark.variants import OURS
from tf1bn.progress import Progress

ROUNDS = 7

_START = """
import time
def now():
    return time.perf_counter(), time.process_time()
def tell(*marks):
    print([[after - before for before, after in zip(start, mark)] for mark in marks])
start = now()
"""
_TENSORFLOW = f"{_START}import tensorflow\nafter = now()\n"
_OURS = "import tf1bn\ntf1bn.batch_norm\nused = now()\n"
_LAYER = """
tf = tensorflow.compat.v1
with tf.Graph().as_default():
    tf1bn.batch_norm(tf.placeholder(tf.float32, [8, 4]), True)
layer = now()
"""
# Each prints the seconds since its start, on the wall and of its process, at which it was done with each part.
PROGRAMS = {
    "tensorflow": f"{_TENSORFLOW}tell(after)",
    "tensorflow_again": f"{_TENSORFLOW}tell(after)",
    OURS: f"{_TENSORFLOW}{_OURS}{_LAYER}tell(after, used, layer)",
}


def plan(options: Options) -> dict[str, Any]:
    """Returns the programs."""
    return {"programs": list(PROGRAMS), "rounds": options.rounds or ROUNDS}


def run(options: Options) -> list[Case]:
    """Returns a case of whole imports, and one of what tf1bn adds within its process."""
    rounds = options.rounds or ROUNDS
    whole = _empty("import", "import", list(PROGRAMS))
    added = _empty("added to TensorFlow", "added", [OURS, "tf1bn, and a first layer"])
    order, visits, watch = random.Random(options.seed), list(PROGRAMS), Watch(own=_of_children)
    _run(PROGRAMS[OURS])  # the first reads its files from the disk
    with Progress(rounds * len(visits), "import_time", quiet=options.quiet) as bar:
        for _ in range(rounds):
            order.shuffle(visits)
            for name in visits:
                with watch.during():
                    start, *more = _run(PROGRAMS[name])
                _note(whole, name, (more[0] if more else start))
                for key, mark in zip(added.times, more, strict=False):
                    _note(added, key, [after - before for before, after in zip(start, mark, strict=True)])
                bar.advance()
                options.turn()
    whole.busy.update(watch.found())
    return [whole, added]


def _empty(name: str, what: str, keys: list[str]) -> Case:
    return Case(name, {"what": what}, {key: [[]] for key in keys}, process_times={key: [[]] for key in keys})


def _note(case: Case, key: str, seconds: list[float]) -> None:
    for times, value in zip((case.times, case.process_times), seconds, strict=True):
        times[key][0].append(value * 1e6)


def _of_children() -> float:
    """Returns the processor time of the processes that were started and have ended."""
    used = os.times()
    return used.children_user + used.children_system


def _run(program: str) -> list[list[float]]:
    """Runs a program that prints pairs of numbers. Bytecode is kept, as installed packages have it."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise errors.ArgumentError(errors.explain(f"a process that imports failed: {last}"))
    return json.loads(done.stdout)
