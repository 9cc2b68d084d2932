"""Old programs run unchanged, and with other import lines, train on digits and restore."""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
PROGRAMS = sorted(path.stem for path in (HERE / "programs").iterdir() if not path.name.startswith("_"))
WAYS = ("runner", "import_line")
STRATEGIES = ("inline", "ema")
ONLY_BY_RUNNER = ("python2_digits", "zoo")  # translation, and names that left NumPy, SciPy and Python
WITH_LAYERS = ("contrib_cond", "contrib_switch", "gan", "slim_scopes")


def drive(way: str, names: Sequence[str], folder: pathlib.Path) -> dict[str, Any]:
    """What each program printed, one process for all of them."""
    command = [sys.executable, str(HERE / "drive.py"), way, str(folder), *names]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("TF1BN_MNIST", None)
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads((folder / "results.json").read_text())


def check(result: dict[str, Any]) -> None:
    assert not result["failure"], result["failure"]
    assert result["code"] in (None, 0)
    scores = {key: float(value) for key, value in (line.split(": ") for line in result["printed"].splitlines())}
    assert scores["trained"] > 0.85, scores
    assert scores["restored"] > scores["trained"] - 0.15, scores
    assert scores.get("evaluated", scores["restored"]) == scores["restored"], scores


@pytest.fixture(scope="session", params=WAYS)
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    programs = [name for name in PROGRAMS if request.param == "runner" or name not in ONLY_BY_RUNNER]
    return drive(request.param, programs, tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_restored_inference_graph_scores_like_its_training(results: dict[str, Any], name: str) -> None:
    if name in ONLY_BY_RUNNER and name not in results:
        pytest.skip("needs what only the runner serves")
    check(results[name])


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_programs_keep_their_scores_under_another_update_strategy(strategy: str, tmp_path: pathlib.Path) -> None:
    for result in drive(strategy, WITH_LAYERS, tmp_path).values():
        check(result)


def test_there_are_at_least_the_eleven_styles() -> None:
    assert len(PROGRAMS) >= 11
