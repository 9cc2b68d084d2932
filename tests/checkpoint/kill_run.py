"""Kills migrations at random moments and at every system call that matters, fills the disk, and looks at what is left.

Run as a script: ``kill_run.py FOLDER RANDOM_KILLS``; prints one JSON object. A process of its own, because it
forks, which a process with TensorFlow's threads must not.
"""

import hashlib
import json
import os
import pathlib
import random
import resource
import signal
import sys
import time

import numpy as np

from tf1bn import checkpoint, errors
from tf1bn.checkpoint import migration, shard, source

_CALLS = ("open", "makedirs", "link", "fsync", "fdatasync", "rename", "remove", "rmdir", "copy_file_range", "pread")


def make(prefix):
    random_state = np.random.RandomState(3)
    tensors = {f"l{row}/kernel": random_state.rand(64, 512).astype(np.float32) for row in range(8)}
    for row in range(8):
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            tensors[f"l{row}/BatchNorm/{name}"] = random_state.rand(512).astype(np.float32) + 0.5
    shard.write_checkpoint(prefix, tensors, slices={"l0/kernel": [((0, 32), (0, -1)), ((32, 32), (0, -1))]})


def digest(prefix):
    parts = [pathlib.Path(prefix + tail).read_bytes() for tail in (".index", ".data-00000-of-00001")]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def in_child(work):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except errors.Tf1bnError:
            status = 3
        finally:
            os._exit(status)
    return child


def die_at(call, count):
    """Makes the process kill itself at the ``count``-th use of a system call."""
    real = getattr(os, call)
    left = [count]

    def wrapped(*arguments, **options):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)

    setattr(os, call, wrapped)


class Run:
    def __init__(self, folder):
        self.folder = folder
        self.source = os.path.join(folder, "source")
        self.target = os.path.join(folder, "out", "target")
        os.makedirs(os.path.dirname(self.target), exist_ok=True)
        make(self.source)
        self.before = digest(self.source)
        self.plans = [checkpoint.plan_migration(self.source, to) for to in ("tf1bn", "lingvo", "pop_mean")]
        self.tally = {"killed": 0, "absent": 0, "whole": 0, "finished": 0}

    def check(self, number):
        """Asserts: the source is untouched, and the target absent or equal to one of the plans, byte for byte."""
        assert digest(self.source) == self.before, "the source changed"
        if not os.path.lexists(self.target + ".index"):
            self.tally["absent"] += 1
            return
        with source.open_checkpoint(self.source) as opened:
            for plan in self.plans:
                try:
                    migration.compare_with_plan(plan, opened, self.target)
                    break
                except errors.CheckpointDamagedError:
                    continue
            else:
                raise AssertionError(f"run {number}: half a target")
        self.tally["whole"] += 1

    def wait(self, child):
        _, status = os.waitpid(child, 0)
        self.tally["killed"] += os.WIFSIGNALED(status)
        self.tally["finished"] += status == 0
        assert os.WIFSIGNALED(status) or status == 0, "a migration after a kill was refused"

    def migrate(self, number):
        plan = self.plans[number % len(self.plans)]
        overwrite = os.path.lexists(self.target + ".index")
        return lambda: checkpoint.migrate(plan, self.target, overwrite=overwrite, link=number % 5 == 4)

    def clear(self, number):
        if number % 3 == 0 and os.path.lexists(self.target + ".index"):
            for name in os.listdir(os.path.dirname(self.target)):
                if name.startswith("target."):
                    os.remove(os.path.join(os.path.dirname(self.target), name))


def random_kills(run, count):
    start = time.monotonic()
    for number in range(3):
        run.wait(in_child(run.migrate(number)))
    usual = (time.monotonic() - start) / 3
    random.seed(11)
    number = killed = 0
    before = run.tally["killed"]
    while killed < count:
        run.clear(number)
        child = in_child(run.migrate(number))
        time.sleep(random.random() * usual)
        os.kill(child, signal.SIGKILL)
        run.wait(child)
        run.check(number)
        killed = run.tally["killed"] - before
        number += 1
    return usual


def systematic_kills(run):
    number = 0
    for call in _CALLS:
        for count in range(1, 40):
            run.clear(number)
            work = run.migrate(number)

            def step(work=work, call=call, count=count):
                die_at(call, count)
                work()

            finished = run.tally["finished"]
            run.wait(in_child(step))
            run.check(number)
            number += 1
            if run.tally["finished"] > finished:
                break
    return number


def full_disk(run):
    """Migrates with ever less room for a file: a quota that ends a write in the middle, or at its beginning."""
    whole = os.path.getsize(run.source + ".data-00000-of-00001")
    refused = 0
    for number, part in enumerate([0.0, 0.0001, 0.001, 0.003, 0.01, 0.1, 0.3, 0.5, 0.9, 0.999, 0.99999, 1.0, 1.5] * 3):
        run.clear(number)
        work = run.migrate(number)

        def limited(work=work, part=part):
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(whole * part), resource.RLIM_INFINITY))
            work()

        _, status = os.waitpid(in_child(limited), 0)
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 3), "no named error"
        refused += os.WEXITSTATUS(status) == 3
        run.check(number)
        names = os.listdir(os.path.dirname(run.target))
        assert not any("tf1bn-part" in name for name in names), "something is left behind"
    return refused


def main():
    run = Run(sys.argv[1])
    usual = random_kills(run, int(sys.argv[2]))
    at_calls = systematic_kills(run)
    refused = full_disk(run)
    run.wait(in_child(lambda: checkpoint.migrate(run.plans[0], run.target, overwrite=True, verify=True)))
    run.check(-1)
    left = sorted(os.listdir(os.path.dirname(run.target)))
    print(json.dumps(run.tally | {"at_calls": at_calls, "refused_full": refused, "usual_seconds": usual, "left": left}))


if __name__ == "__main__":
    main()
