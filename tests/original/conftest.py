"""Runs TensorFlow 1.15 itself beside the facade; ``make test-original`` makes an environment that has it.

TensorFlow 1.15 needs Python 3.7 or older, so it runs in a process of its own. Elsewhere everything here is skipped.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from typing import NamedTuple

import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
ORIGINAL = pathlib.Path(os.environ.get("TF1BN_ORIGINAL") or ROOT / ".venv-tf115" / "bin" / "python")
REASON = "there is no TensorFlow 1.15; `make test-original` makes an environment with it"


class Files(NamedTuple):
    """What each side wrote."""

    original: pathlib.Path
    facade: pathlib.Path


def beside(folder: pathlib.Path, program: str, *arguments: str) -> Files:
    """Runs a program under TensorFlow 1.15 and under the facade; its first argument is where to write."""
    files = Files(folder / "original.json", folder / "facade.json")
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    # TensorFlow 2 sets TF2_BEHAVIOR for itself and all its children, and TensorFlow 1.15 heeds it.
    original = {name: value for name, value in quiet.items() if name not in ("PYTHONPATH", "TF2_BEHAVIOR")}
    script = str(HERE / "programs" / program)
    _run([str(ORIGINAL), script, str(files.original), *arguments], original)
    ours = [sys.executable, "-m", "tf1bn.run", script, str(files.facade), *arguments]
    _run(ours, {**quiet, "PYTHONPATH": str(ROOT)})
    return files


def _run(command: list[str], environment: dict[str, str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stderr[-5000:]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if str(item.path).startswith(str(HERE)):
            item.add_marker(pytest.mark.peers)
            if not ORIGINAL.exists():
                item.add_marker(pytest.mark.skip(reason=REASON))
