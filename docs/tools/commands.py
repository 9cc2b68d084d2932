"""The page of the commands, made of their table and of what each says for `--help`. No command is imported."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tf1bn import exits  # noqa: E402
from tf1bn.commands import table  # noqa: E402


def text() -> str:
    """Returns the page in Markdown."""
    lines = [_INTRODUCTION]
    for group, rows in table.GROUPS.items():
        lines += ["", f"**{group}**", "", "| command | for | in a checkout also |", "| --- | --- | --- |"]
        for row in rows:
            starter = f"`python scripts/{row.script}.py`" if row.script else ""
            lines.append(f"| [`tf1bn {row.name}`](#tf1bn-{row.name}) | {row.summary} | {starter} |")
    lines += ["", "**Exit codes**", "", "| code | meaning |", "| --- | --- |"]
    lines += [f"| {code} | {meaning} |" for code, meaning in exits.MEANINGS.items()]
    for row in table.ROWS:
        lines += ["", f"## tf1bn {row.name}", "", "```text", said(row), "```"]
    return "\n".join([*lines, ""])


def said(row: table.Row) -> str:
    """Returns the text that a command's help begins with."""
    module = "tf1bn.run" if row.name == "run" else row.module  # its help is that of the module that it starts
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").strip()


_INTRODUCTION = """# The commands

After `pip install .` there is one command, `tf1bn NAME`, also as `python -m tf1bn NAME`. `tf1bn --help` prints the map,
`tf1bn NAME --help` a command's flags, and `tf1bn completion bash` or `zsh` a completion file. Most take
`--format=text|json`: with `json`, one object is all that is on stdout. What writes has `--dry_run`."""
