"""Checks of modules that switch TensorFlow to graph mode for good; they run in a process of their own."""

import pathlib

import pytest

from tests import own_process

FOLDER = pathlib.Path(__file__).parent / "own_process"


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> own_process.Outcomes:
    return own_process.run(FOLDER, tmp_path_factory.mktemp("own_process"))


@pytest.mark.parametrize(("module", "name"), own_process.checks(FOLDER))
def test_check(outcomes: own_process.Outcomes, module: str, name: str) -> None:
    own_process.require(outcomes, module, name)
