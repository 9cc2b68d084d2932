"""The same programs with the Estimator of TensorFlow 2.15 and with ours: files, variables, metrics, exports.

The original runs in this environment where that is TensorFlow 2.15, else in the one that ``make test-tf215`` makes, or
in that of the interpreter ``$TF1BN_ESTIMATOR_PYTHON``.
"""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
KINDS = ("whole", "alternating", "tpu")
pytestmark = pytest.mark.slow


def original() -> str | None:
    """The interpreter of an environment with tensorflow_estimator."""
    if os.environ.get("TF1BN_ESTIMATOR_PYTHON"):
        return os.environ["TF1BN_ESTIMATOR_PYTHON"]
    if importlib.util.find_spec("tensorflow_estimator") is not None:
        return sys.executable
    beside = ROOT / ".venv-tf215" / "bin" / "python"
    return str(beside) if beside.exists() else None


def start(who: str, jobs: dict[str, pathlib.Path]) -> subprocess.Popen:
    python = original() if who == "original" else sys.executable
    command = [str(python), str(HERE / "peer_run.py"), who, *(f"{kind}={folder}" for kind, folder in jobs.items())]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def facts(process: subprocess.Popen) -> Any:
    out, err = process.communicate()
    lines = [line for line in out.splitlines() if line.startswith("FACTS")]
    assert process.returncode == 0 and lines, err[-3000:]
    return json.loads(lines[0].removeprefix("FACTS"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Facts and folders of both, by who."""
    if original() is None:
        pytest.skip("the original is not installed; `make test-tf215` makes an environment with it")
    base = tmp_path_factory.mktemp("peer")
    jobs = {who: {kind: base / who / kind for kind in KINDS} for who in ("original", "ours")}
    processes = {who: start(who, jobs[who]) for who in jobs}
    found: dict[str, Any] = {who: facts(process) for who, process in processes.items()}
    # Each goes on in a copy of its own folder and of the other's.
    again = {}
    for who in jobs:
        for whose in jobs:
            folder = base / f"{who}_of_{whose}"
            shutil.copytree(jobs[whose]["whole"], folder)
            again[who, whose] = folder
    for whose in jobs:
        processes = {who: start(who, {"continue": again[who, whose]}) for who in jobs}
        for who, process in processes.items():
            found[f"{who} goes on from {whose}"] = facts(process)["continue"]
    return found


def same(one: Any, other: Any, place: str = "") -> None:
    """Structures of equal keys and texts; numbers may differ as float32 kernels of two releases do."""
    if isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            same(one[key], other[key], f"{place}/{key}")
    elif isinstance(one, list) and one and not isinstance(one[0], int | float):
        assert len(one) == len(other), place
        for number, pair in enumerate(zip(one, other, strict=True)):
            same(*pair, f"{place}/{number}")
    elif isinstance(one, list | float | int):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5, err_msg=place)
    else:
        assert one == other, place


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_leaves_the_same_files_variables_metrics_and_exports(runs: dict[str, Any], kind: str) -> None:
    same(runs["original"][kind], runs["ours"][kind])


def test_the_facts_are_those_of_a_trained_network(runs: dict[str, Any]) -> None:
    whole, alternating = runs["original"]["whole"], runs["original"]["alternating"]
    assert whole["saved"] == [0, 10, 12] and whole["metrics"]["global_step"] == 25
    assert whole["metrics"]["accuracy"] > 0.7 and set(whole["metrics"]) == {"accuracy", "loss", "global_step"}
    assert sorted(whole["exported"]["signatures"]) == ["predict", "raw:predict", "score", "serving_default"]
    assert "./graph.pbtxt" in whole["files"] and "eval_part/events" in whole["files"]
    assert "signal_early_stopping/STOP" in alternating["variables"] and alternating["variables"]["global_step"] == 30
    assert np.std(alternating["warm"]["bn/moving_mean"]) > 0.1


@pytest.mark.parametrize("whose", ["original", "ours"])
def test_each_goes_on_from_the_folder_of_the_other(runs: dict[str, Any], whose: str) -> None:
    ours, theirs = runs[f"ours goes on from {whose}"], runs[f"original goes on from {whose}"]
    same(theirs, ours)
    assert ours["global_step"] == [25, 30]
    np.testing.assert_allclose(ours["loss"][0], runs["original"]["whole"]["metrics"]["loss"], rtol=1e-4)
