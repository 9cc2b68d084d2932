"""What importing tf1bn adds to importing TensorFlow, each in fresh processes that take turns."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import Any

from tf1bn import errors
from tf1bn.benchmark.options import Options
from tf1bn.benchmark.results import Case
from tf1bn.benchmark.variants import OURS
from tf1bn.examples.progress import Progress

ROUNDS = 7

_TENSORFLOW = "import time\nstart = time.perf_counter()\nimport tensorflow\nafter = time.perf_counter()\n"
_OURS = "import tf1bn\ntf1bn.batch_norm\nused = time.perf_counter()\n"
_LAYER = """
tf = tensorflow.compat.v1
with tf.Graph().as_default():
    tf1bn.batch_norm(tf.placeholder(tf.float32, [8, 4]), True)
layer = time.perf_counter()
"""
# Each prints the seconds since the start at which it was done with each part.
PROGRAMS = {
    "tensorflow": f"{_TENSORFLOW}print([after - start])",
    "tensorflow_again": f"{_TENSORFLOW}print([after - start])",
    OURS: f"{_TENSORFLOW}{_OURS}{_LAYER}print([after - start, used - start, layer - start])",
}


def plan(options: Options) -> dict[str, Any]:
    """Returns the programs."""
    return {"programs": list(PROGRAMS), "rounds": options.rounds or ROUNDS}


def run(options: Options) -> list[Case]:
    """Returns a case of whole imports, and one of what tf1bn adds within its process."""
    rounds = options.rounds or ROUNDS
    whole = Case("import", {"what": "import"}, {name: [[]] for name in PROGRAMS})
    added = Case("added to TensorFlow", {"what": "added"}, {OURS: [[]], "tf1bn, and a first layer": [[]]})
    order, visits = random.Random(options.seed), list(PROGRAMS)
    _run(PROGRAMS[OURS])  # the first reads its files from the disk
    with Progress(rounds * len(visits), "import_time", quiet=options.quiet) as bar:
        for _ in range(rounds):
            order.shuffle(visits)
            for name in visits:
                start, *more = _run(PROGRAMS[name])
                whole.times[name][0].append((more[0] if more else start) * 1e6)
                for key, seconds in zip(added.times, more, strict=False):
                    added.times[key][0].append((seconds - start) * 1e6)
                bar.advance()
    return [whole, added]


def _run(program: str) -> list[float]:
    """Runs a program that prints numbers. Bytecode is kept, as installed packages have it."""
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
