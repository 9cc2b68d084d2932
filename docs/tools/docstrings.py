"""What the reader of sources does with each docstring before it becomes a page of the reference."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import griffe
import prose


class Docstrings(griffe.Extension):
    """Rewrites docstrings as Markdown."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrites the docstring of one module, class or function."""
        if obj.docstring:
            obj.docstring.value = prose.markdown(obj.docstring.value)
