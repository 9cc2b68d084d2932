"""Every block of Python in the README and under docs/ runs as it stands."""

import re
from pathlib import Path

import pytest

from tf1bn.testing import graphs

ROOT = Path(__file__).resolve().parents[1]
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))) if page.is_file()]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def _blocks():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start(1)) + 1
            yield pytest.param(page, line, match[1], id=f"{page.name}:{line}")


@pytest.mark.parametrize(("page", "line", "source"), _blocks())
def test_a_block_of_python_runs(page, line, source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Blank lines in front make a traceback name the line of the page.
    code = compile("\n" * (line - 1) + source, str(page), "exec")
    with graphs.graph_mode():
        exec(code, {"__name__": "__main__"})
