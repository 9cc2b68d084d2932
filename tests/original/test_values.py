"""Each case has the variables, collections, outputs, losses and moved averages that TensorFlow 1.15 has."""

from __future__ import annotations

import ast
import json
import pathlib
from typing import Any

import numpy as np
import pytest

from tests.original import conftest

MODULES = (
    "layers", "cells", "metrics", "losses", "nets", "decoders", "legacy", "chains", "optimizers", "warps", "columns",
)  # fmt: skip
SAME = ("variables", "trainable", "local", "collections", "shapes")


def cases(module: str) -> list[str]:
    """The names of the cases of a module, read without running it."""
    tree = ast.parse((conftest.HERE / "programs" / f"{module}.py").read_text(encoding="utf-8"))
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    found = next(node.value for node in assigned if ast.unparse(node.targets[0]) == "CASES")
    return [ast.literal_eval(key) for key in found.keys]  # type: ignore[attr-defined]


Results = dict[str, Any]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Results]:
    files = conftest.beside(tmp_path_factory.mktemp("values"), "measure.py", *MODULES)
    return json.loads(files.original.read_text()), json.loads(files.facade.read_text())


@pytest.mark.parametrize("name", [f"{module}: {case}" for module in MODULES for case in cases(module)])
def test_a_case_is_as_in_tensorflow_1_15(results: tuple[Results, Results], name: str) -> None:
    original, facade = (each[name] for each in results)
    assert (original.get("error"), facade.get("error")) == (None, None)
    for key in SAME:
        assert facade[key] == original[key], key
    for key in ("values", "losses"):
        for ours, theirs in zip(facade[key], original[key], strict=True):
            largest = max(map(abs, theirs), default=0)  # what cancels is rounded by the size of what it is made of
            np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5 * max(1, largest), err_msg=key)
    assert set(facade["averages"]) == set(original["averages"])
    for variable, theirs in original["averages"].items():
        np.testing.assert_allclose(facade["averages"][variable], theirs, rtol=1e-4, atol=1e-5, err_msg=variable)


def test_cases_are_found() -> None:
    assert isinstance(conftest.HERE, pathlib.Path) and len(cases("cells")) > 30 and len(cases("layers")) > 60
