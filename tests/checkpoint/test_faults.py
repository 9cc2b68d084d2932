"""Kills, full disks and damaged files: the target is absent or whole, the source untouched, every error named."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent
_MIB = 1 << 20


def run(script, *arguments):
    environment = os.environ | {"PYTHONPATH": str(_HERE.parents[1])}
    done = subprocess.run(
        [sys.executable, str(_HERE / script), *map(str, arguments)],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kills", [30, pytest.param(250, marks=pytest.mark.slow)])
def test_after_a_kill_or_a_full_disk_the_target_is_absent_or_whole(tmp_path, kills):
    tally = run("kill_run.py", tmp_path, kills)
    assert tally["killed"] >= kills + 20  # those at random moments, and one before each kind of system call
    assert tally["absent"] > 0 and tally["whole"] > 0
    assert tally["refused_full"] > 10
    assert [name for name in tally["left"] if "tf1bn-part" in name] == []


def test_thousands_of_damaged_files_end_in_a_named_error_or_a_verified_target(tmp_path):
    tally = run("fuzz_run.py", tmp_path, 2000)
    assert sum(tally["ends"].values()) == 2500
    assert {name.removeprefix("V1 ") for name in tally["ends"]} <= {
        "verified",
        "CheckpointDamagedError",
        "CheckpointMissingError",
        "CheckpointUnsupportedError",
        "CheckpointPlanError",
    }
    assert tally["ends"]["verified"] > 10
    assert tally["ends"]["CheckpointDamagedError"] > 1000
    assert tally["peak_bytes"] < 64 * _MIB
