"""Runs scripts in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}


@pytest.fixture(scope="session")
def command():
    """Returns the command line of a script, and the environment to run it in."""

    def of(name, *flags):
        return [sys.executable, str(ROOT / "scripts" / f"{name}.py"), *map(str, flags)], ENVIRONMENT

    return of


@pytest.fixture(scope="session")
def run(command):
    """Runs a script and returns the finished process."""

    def start(name, *flags):
        line, environment = command(name, *flags)
        return subprocess.run(line, env=environment, capture_output=True, text=True, check=False)

    return start


@pytest.fixture(scope="session")
def run_json(run):
    """Runs a script with --format=json and returns the object that is all of its stdout."""

    def start(name, *flags):
        done = run(name, "--format=json", *flags)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return start


@pytest.fixture(scope="session")
def trained(run_json, tmp_path_factory):
    """A run of 150 steps on the embedded digits: its report and its folder."""
    folder = tmp_path_factory.mktemp("trained")
    return run_json("train", "--steps=150", f"--model_dir={folder}", "--decay=0.9"), folder
