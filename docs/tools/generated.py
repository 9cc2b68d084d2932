"""The pages of the site that are made while it is built, from sources that stand elsewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import catalogue
import commands
import reference

ROOT = Path(__file__).resolve().parents[2]
_LINK = re.compile(r"(\]\()(?:docs/)([^)\s]+\))")


def pages() -> dict[str, str]:
    """Returns the Markdown of every page that is not a file below docs/, by its name there."""
    return {
        "audit_rules.md": catalogue.text(),
        "commands.md": commands.text(),
        **reference.pages(),
        "contributing.md": _of_root("CONTRIBUTING.md"),
        "changelog.md": _of_root("CHANGELOG.md"),
    }


def _of_root(name: str) -> str:
    """Returns a file of the top level with its links into docs/ as they are from within."""
    return _LINK.sub(r"\1\2", (ROOT / name).read_text(encoding="utf-8"))
