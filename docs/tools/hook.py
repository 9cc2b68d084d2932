"""What MkDocs runs while it builds the site: adds the generated pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import generated
from mkdocs.structure.files import File, Files


def on_files(files: Files, config: Any) -> Files:
    """Adds a file for each page that is made from sources elsewhere."""
    for name, text in generated.pages().items():
        files.append(File.generated(config, name, content=text))
    return files
