"""Prints what the extra `docs` of setup.py needs: the site is built where tf1bn itself is not installed."""

from __future__ import annotations

import ast
from pathlib import Path

SETUP = Path(__file__).resolve().parents[2] / "setup.py"


def requirements() -> list[str]:
    """Returns the requirements, read as text."""
    for node in ast.parse(SETUP.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_DOCS":
            return list(ast.literal_eval(node.value))
    raise LookupError("setup.py: there is no list _DOCS.")


if __name__ == "__main__":
    print(" ".join(requirements()))
