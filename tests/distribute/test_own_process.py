"""Checks that run on several CPU devices, which a process must ask for before its first session, and on servers.

A server stays to the end of its process and keeps some 40 MB.
"""

import pathlib

import pytest

from tests import own_process, warm

FOLDER = pathlib.Path(__file__).parent / "own_process"
MEMBERS, ENGINES = [FOLDER / "check_members.py"], [FOLDER / "check_engines.py"]
CLUSTER = [FOLDER / "check_done.py", FOLDER / "check_waiting.py"]


@pytest.fixture(scope="session")
def members(tmp_path_factory: pytest.TempPathFactory, warmed: warm.Interpreter) -> own_process.Outcomes:
    return own_process.run(MEMBERS, tmp_path_factory.mktemp("members"), warmed)


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory, warmed: warm.Interpreter) -> own_process.Outcomes:
    return own_process.run(ENGINES, tmp_path_factory.mktemp("engines"), warmed)


@pytest.fixture(scope="session")
def clustered(tmp_path_factory: pytest.TempPathFactory, warmed: warm.Interpreter) -> own_process.Outcomes:
    return own_process.run(CLUSTER, tmp_path_factory.mktemp("cluster"), warmed)


@pytest.mark.parametrize(("module", "name"), own_process.checks(CLUSTER))
def test_cluster(clustered: own_process.Outcomes, module: str, name: str) -> None:
    own_process.require(clustered, module, name)


@pytest.mark.parametrize(("module", "name"), own_process.checks(MEMBERS))
def test_members(members: own_process.Outcomes, module: str, name: str) -> None:
    own_process.require(members, module, name)


@pytest.mark.slow
@pytest.mark.parametrize(("module", "name"), own_process.checks(ENGINES))
def test_engines(engines: own_process.Outcomes, module: str, name: str) -> None:
    own_process.require(engines, module, name)
