"""Checks of modules that switch TensorFlow to graph mode for good; they run in a process of their own."""

import pathlib

import pytest

from tests import own_process, warm

FILES = sorted(pathlib.Path(__file__).parent.glob("own_process/check_*.py"))


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory, warmed: warm.Interpreter) -> own_process.Outcomes:
    return own_process.run(FILES, tmp_path_factory.mktemp("own_process"), warmed)


@pytest.mark.parametrize(("module", "name"), own_process.checks(FILES))
def test_check(outcomes: own_process.Outcomes, module: str, name: str) -> None:
    own_process.require(outcomes, module, name)
