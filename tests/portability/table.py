"""The table of ``docs/portability.md``, which these tests hold to what they see."""

from __future__ import annotations

import pathlib

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "portability.md"
SPOKEN = {
    'update_strategy="inline"': "inline",
    'update_strategy="ema"': "ema",
    'update_strategy="collection"': "collection",
    'update_strategy="frozen"': "frozen",
    "tf_layers.batch_normalization": "tf_layers",
    "contrib.layers.batch_norm": "contrib",
    "slim.batch_norm": "slim",
    "slim.batch_norm(updates_collections=None)": "slim in place",
}


def cell(layer: str, tool: str) -> str:
    """Returns what the page says of a layer and a tool: ``yes`` or ``cut``."""
    rows = [
        [text.strip() for text in line.strip("|\n ").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    column = rows[0].index(tool)
    found = {SPOKEN[row[0].strip("`")]: row[column] for row in rows if row[0].strip("`") in SPOKEN}
    return found[layer]
