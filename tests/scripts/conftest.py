"""Runs scripts in processes of their own."""

import json
import sys

import pytest

from tests import warm


@pytest.fixture(scope="session")
def command():
    """Returns the command line of a script, and the environment to run it in."""

    def of(name, *flags):
        return [sys.executable, str(warm.ROOT / "scripts" / f"{name}.py"), *map(str, flags)], warm.ENVIRONMENT

    return of


@pytest.fixture(scope="session")
def run(command, warmed):
    """Runs a script and returns the finished process."""
    return lambda name, *flags: warmed.run(command(name, *flags)[0][1:])


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
