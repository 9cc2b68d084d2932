"""Old programs run unchanged, and with other import lines, train on digits and restore."""

import functools
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests import warm

HERE = pathlib.Path(__file__).parent
PROGRAMS = sorted(path.stem for path in (HERE / "programs").iterdir() if not path.name.startswith("_"))
STRATEGIES = ("inline", "ema")
ONLY_BY_RUNNER = ("python2_digits", "zoo")  # translation, and names that left NumPy, SciPy and Python
WITH_LAYERS = ("contrib_cond", "contrib_switch", "gan", "slim_scopes")
# All go through the runner. With other import lines there is every second one, for these lines lead to the same
# modules; the rest is exhaustive.
IMPORTED = [name for name in PROGRAMS if name not in ONLY_BY_RUNNER]
CASES = [
    *(pytest.param("runner", name, id=f"runner-{name}") for name in PROGRAMS),
    *(
        pytest.param("import_line", name, id=f"import_line-{name}", marks=() if turn % 2 else pytest.mark.exhaustive)
        for turn, name in enumerate(IMPORTED)
    ),
]
Drive = Callable[[str, Sequence[str], pathlib.Path], dict[str, Any]]


@pytest.fixture(scope="session")
def drive(warmed: warm.Interpreter) -> Drive:
    return functools.partial(printed, warmed)


def printed(interpreter: warm.Interpreter, way: str, names: Sequence[str], folder: pathlib.Path) -> dict[str, Any]:
    """What each program printed, one process for all of them."""
    result = interpreter.run([HERE / "drive.py", way, folder, *names], folder, without="TF1BN_MNIST")
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads((folder / "results.json").read_text())


def check(result: dict[str, Any]) -> None:
    assert not result["failure"], result["failure"]
    assert result["code"] in (None, 0)
    scores = {key: float(value) for key, value in (line.split(": ") for line in result["printed"].splitlines())}
    assert scores["trained"] > 0.85, scores
    assert scores["restored"] > scores["trained"] - 0.15, scores
    assert scores.get("evaluated", scores["restored"]) == scores["restored"], scores


@pytest.fixture(scope="session")
def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, drive: Drive
) -> Callable[[str], dict[str, Any]]:
    """What the programs of a way printed, of those whose tests were chosen."""
    chosen = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    chosen = [(params["way"], params["name"]) for params in chosen if {"way", "name"} <= params.keys()]

    @functools.cache
    def of(way: str) -> dict[str, Any]:
        names = [name for name in PROGRAMS if (way, name) in chosen]
        return drive(way, names, tmp_path_factory.mktemp(way))

    return of


@pytest.mark.parametrize(("way", "name"), CASES)
def test_a_restored_inference_graph_scores_like_its_training(
    results: Callable[[str], dict[str, Any]], way: str, name: str
) -> None:
    check(results(way)[name])


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_programs_keep_their_scores_under_another_update_strategy(
    strategy: str, tmp_path: pathlib.Path, drive: Drive
) -> None:
    for result in drive(strategy, WITH_LAYERS, tmp_path).values():
        check(result)


def test_there_are_at_least_the_eleven_styles() -> None:
    assert len(PROGRAMS) >= 11
