"""Checks of modules that switch TensorFlow to graph mode for good; they run in a process of their own.

Each file ``own_process/check_*.py`` is a test module like any other. One child process runs all of them; here each
of their functions is one test.
"""

import ast
import os
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
FILES = sorted((HERE / "own_process").glob("check_*.py"))


def functions(path: pathlib.Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]


CHECKS = [(path.stem, name) for path in FILES for name in functions(path)]


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[str]]:
    """Failures of each check, in a list that is empty where it passed."""
    folder = tmp_path_factory.mktemp("own_process")
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
    command += [f"--basetemp={folder / 'tmp'}", f"--junitxml={report}", *map(str, FILES)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert report.exists(), result.stdout[-3000:] + result.stderr[-3000:]
    found: dict[tuple[str, str], list[str]] = {}
    for case in ET.parse(report).iter("testcase"):
        key = (case.attrib["classname"].split(".")[-1], case.attrib["name"].split("[")[0])
        texts = found.setdefault(key, [])
        texts += [f"{case.attrib['name']}\n{item.text}" for item in case if item.tag in ("failure", "error")]
    return found


@pytest.mark.parametrize(("module", "name"), CHECKS)
def test_check(outcomes: dict[tuple[str, str], list[str]], module: str, name: str) -> None:
    assert (module, name) in outcomes, "the check did not run"
    failures = outcomes[module, name]
    assert not failures, "\n\n".join(failures)
