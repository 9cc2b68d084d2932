"""Checks that need a process of their own: ``own_process/check_*.py`` beside a test file, test modules like any other.

One child process runs all checks of some files. In the parent each of their functions is one test.
"""

from __future__ import annotations

import ast
import pathlib
import xml.etree.ElementTree as ET

from tests import warm

ROOT = pathlib.Path(__file__).resolve().parents[1]
Outcomes = dict[tuple[str, str], list[str]]


def checks(files: list[pathlib.Path]) -> list[tuple[str, str]]:
    """The module and name of every check in the files."""
    found = []
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        found += [(path.stem, name) for name in functions if name.startswith("test_")]
    return found


def run(files: list[pathlib.Path], scratch: pathlib.Path, interpreter: warm.Interpreter) -> Outcomes:
    """Failures of each check, in a list that is empty where it passed."""
    report = scratch / "report.xml"
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={ROOT}"]
    result = interpreter.run([*command, f"--basetemp={scratch / 'tmp'}", f"--junitxml={report}", *files])
    assert report.exists(), result.stdout[-3000:] + result.stderr[-3000:]
    found: Outcomes = {}
    for case in ET.parse(report).iter("testcase"):
        key = (case.attrib["classname"].split(".")[-1], case.attrib["name"].split("[")[0])
        texts = found.setdefault(key, [])
        texts += [f"{case.attrib['name']}\n{item.text}" for item in case if item.tag in ("failure", "error")]
    return found


def require(outcomes: Outcomes, module: str, name: str) -> None:
    """Fails where the check failed, or did not run."""
    assert (module, name) in outcomes, "the check did not run"
    failures = outcomes[module, name]
    assert not failures, "\n\n".join(failures)
