"""A diagnosis for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tf1bn.machine.facts import Facts
from tf1bn.machine.line import FATAL, NOTE, OK, PROBLEM, Line

_MARKS = {OK: "", NOTE: "note", PROBLEM: "PROBLEM", FATAL: "FATAL"}


def as_text(lines: Sequence[Line], version: str) -> str:
    """Returns one line for each fact, under it the way to mend it, and the verdict."""
    wide = max(len(line.topic) for line in lines)
    told = [f"tf1bn {version}", ""]
    for line in lines:
        told.append(f"{_MARKS[line.level]:7}  {line.topic:{wide}}  {line.text}")
        if line.mend:
            told.append(f"{'':7}  {'':{wide}}  -> {line.mend}")
    return "\n".join([*told, "", verdict(lines)])


def verdict(lines: Sequence[Line]) -> str:
    """Returns the sum of it in one line."""
    fatal, problems = (sum(line.level == level for line in lines) for level in (FATAL, PROBLEM))
    if fatal:
        return f"tf1bn cannot work here: {fatal} to mend first" + (f", and {problems} problems." if problems else ".")
    return f"tf1bn works here; {problems} problem{'s' * (problems != 1)}."


def as_json(lines: Sequence[Line], facts: Facts, version: str) -> dict[str, Any]:
    """Returns the lines, and the facts that programs ask for."""
    asked = facts.answer.facts if facts.answer is not None else {}
    return {
        "tf1bn": version,
        "works": all(line.level != FATAL for line in lines),
        "python": facts.python,
        "tensorflow": asked.get("version"),
        "providers": {name: facts.versions.get(name) for name in facts.providers},
        "onednn": asked.get("onednn"),
        "gpus": asked.get("gpus", []),
        "processor": {**facts.processor._asdict(), "flags": sorted(facts.processor.flags)},
        "native": {"path": facts.native or None, **asked.get("native", {})},
        "variables": facts.variables,
        "lines": [line._asdict() for line in lines],
    }
