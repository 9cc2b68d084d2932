"""The pages of the documentation as the tests see them: those in files and those that are made, with their blocks."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS / "tools"))

import generated  # noqa: E402

FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]
FENCE = re.compile(r"^(```+)[ \t]*([^\n]*)\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
LANGUAGES = {"python", "py", "json", "sh", "text"}
"""``py`` is Python that needs an optional package; the tests of that package run the like of it."""


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
      language: the word behind the fence; empty for none.
      title: the file that it is, if the page says so.
      text: what stands in it.
      line: number of its first line in the page, from 0.
    """

    language: str
    title: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    """Returns the fenced blocks of a page."""
    found = []
    for match in FENCE.finditer(text):
        language, _, rest = match[2].partition(" ")
        title = re.fullmatch(r'title="([\w.]+)"', rest.strip())
        assert title or not rest.strip(), f"words behind a fence that nothing reads: {match[2]}"
        found.append(Block(language, title[1] if title else "", match[3], text.count("\n", 0, match.start(3))))
    return found


def program(text: str) -> str:
    """Returns the untitled blocks of Python, each at its own line of the page, so that a traceback names that line."""
    lines: list[str] = []
    for block in blocks(text):
        if block.language == "python" and not block.title:
            lines += [""] * (block.line - len(lines)) + block.text.splitlines()
    return "\n".join(lines)


def site() -> dict[str, str]:
    """Returns the Markdown of every page of the site, by its name below docs/."""
    return {**{path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}, **generated.pages()}


def anchors(text: str) -> set[str]:
    """Returns what can stand behind # in a link to a page, as MkDocs makes it."""
    bare = FENCE.sub("", text)
    found, seen = set(re.findall(r'\bid="([^"]+)"', bare)), Counter()
    found |= set(re.findall(r"^::: (\S+)", bare, re.MULTILINE))
    for heading in re.findall(r"^#+ (.+)$", bare, re.MULTILINE):
        given = re.search(r"\{#([^}]+)\}\s*$", heading)
        if given:
            found.add(given[1])
            continue
        slug = slugified(heading)
        found.add(f"{slug}_{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found


def slugified(heading: str) -> str:
    """Returns a heading's anchor by the rule of Python-Markdown."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("\\", "")
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
