"""Fails where the built site would fetch something from elsewhere: `python docs/tools/offline.py build/site`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

# Links that a reader clicks may lead out; what a browser loads by itself may not.
_LOADED = re.compile(
    r"<(?:script|img|iframe|source|video)\b[^>]*?\bsrc=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b[^>]*?\brel=(?![\"']?canonical)[^>]*?\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)",
    re.IGNORECASE,
)
_STYLED = re.compile(
    r"@import\s+[\"']?(?:url\()?[\"']?((?:https?:)?//[^\"')\s]+)|url\([\"']?((?:https?:)?//[^\"')\s]+)"
)


def fetched(folder: Path) -> list[str]:
    """Returns what pages and styles below a folder load from elsewhere, each with the file that does it."""
    found = []
    for path in sorted(folder.rglob("*")):
        pattern = {".html": _LOADED, ".css": _STYLED}.get(path.suffix)
        if pattern is not None:
            for match in pattern.finditer(path.read_text(encoding="utf-8")):
                found.append(f"{path.relative_to(folder)}: {match[1] or match[2]}")
    return found


def main(folder: str) -> int:
    found = fetched(Path(folder))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
