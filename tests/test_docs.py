"""The Python of the README and of every page under docs/ runs as it stands, each page as one program."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))) if page.is_file()]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def _program(text):
    """Returns the blocks of Python, each at its own line of the page, so that a traceback names that line."""
    program = ""
    for match in BLOCK.finditer(text):
        program += "\n" * (text.count("\n", 0, match.start(1)) - program.count("\n")) + match[1]
    return program


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path):
    program = _program(page.read_text(encoding="utf-8"))
    if not program:
        pytest.skip("no Python on this page")
    script = tmp_path / f"{page.stem}.py"
    script.write_text(program, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def test_blocks_stand_at_the_lines_of_their_page():
    text = "# Page\n\n```python\nx = 1\n```\n\ntext\n\n```python\ny = x\n```\n"
    assert _program(text).splitlines() == ["", "", "", "x = 1", "", "", "", "", "", "y = x"]
