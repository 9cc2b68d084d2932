"""The page of all audit rules, made of their docstrings. Only text is read: no rule is imported."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "tf1bn" / "audit" / "rules"
HEADINGS = ("What it checks.", "Why it matters.", "Known limits.", "Fix.", "References.")
_DETECTION = {
    "S": "the graph",
    "C": "the checkpoint beside it",
    "D": "a few runs of a live session (`tf1bn.audit.probe`)",
}
# The code of a rule says what it is about.
GROUPS = (
    ("Updates that do not run, or run at the wrong time", 1, 21),
    ("Checkpoints", 22, 33),
    ("Inference and frozen graphs", 34, 37),
    ("Numbers and shapes", 38, 46),
    ("The code around", 47, 999),
)


class Page(NamedTuple):
    """What a rule's file says of it.

    Attributes:
      code: such as BN001.
      title: the mistake in one line.
      severity: of a usual finding.
      detection: letters, as :class:`tf1bn.audit.finding.Rule` has them.
      lead: the first line of the docstring.
      parts: the text below each heading.
      bad: the graph that has the mistake, in one line.
      good: one that has not.
    """

    code: str
    title: str
    severity: str
    detection: str
    lead: str
    parts: dict[str, str]
    bad: str
    good: str


def pages() -> list[Page]:
    """Returns the pages of all rules, in the order of their codes."""
    return [read(path) for path in sorted(RULES.glob("bn[0-9]*.py"))]


def read(path: Path) -> Page:
    """Returns the page of one rule's file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    text = ast.get_docstring(tree) or ""
    lead, *_ = text.partition("\n")
    row = next(
        node.value.args
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RULE" and isinstance(node.value, ast.Call)
    )
    said = {node.name: ast.get_docstring(node) or "" for node in tree.body if isinstance(node, ast.FunctionDef)}
    code, title, severity, detection = (ast.literal_eval(value) for value in row)
    return Page(code, title, severity, detection, lead, _parts(text), _line(said["bad"]), _line(said["good"]))


def text() -> str:
    """Returns the page in Markdown."""
    found = pages()
    lines = [_INTRODUCTION]
    for title, first, last in GROUPS:
        lines += [f"\n**{title}**\n", "| code | mistake | severity |", "| --- | --- | --- |"]
        lines += [
            f"| [{page.code}](#{page.code.lower()}) | {escaped(page.title)} | {page.severity} |"
            for page in found
            if first <= int(page.code[2:]) <= last
        ]
    return "\n".join([*lines, "", *map(_section, found)])


def escaped(line: str) -> str:
    """Returns text with what Markdown would take for its own signs escaped, outside of code."""
    pieces = re.split(r"(`[^`]*`)", line)
    return "".join(piece if piece.startswith("`") else re.sub(r"([*_<|])", r"\\\1", piece) for piece in pieces)


def _section(page: Page) -> str:
    places = ", ".join(_DETECTION[letter] for letter in page.detection if letter in _DETECTION)
    found = f"Found in {places}." if places else "Not found by the auditor: advice alone."
    lines = [f"## {page.code}: {escaped(page.title)} {{#{page.code.lower()}}}", ""]
    lines += [f"Severity: **{page.severity}**. {found}", "", escaped(page.lead), ""]
    for heading in HEADINGS:
        lines += [f"**{heading}** {escaped(page.parts[heading])}", ""]
    lines += [f"**Example.** Wrong: {escaped(page.bad)} Right: {escaped(page.good)}", ""]
    return "\n".join(lines)


def _parts(text: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if line in HEADINGS:
            current = found.setdefault(line, [])
        elif line.strip():
            current.append(line.strip())
    return {heading: " ".join(found.get(heading, ())) for heading in HEADINGS}


def _line(text: str) -> str:
    return text.partition("\n")[0]


_INTRODUCTION = """# The audit rules

What `tf1bn audit` and `tf1bn.audit.audit` look for. `tf1bn audit --explain=BN001` prints a rule's page in the shell;
how to run the auditor, and how to live with a finding, is in [Audit](audit.md). Errors give wrong results, warnings
probably do, info is advice. The pages below are the docstrings of the rules."""
