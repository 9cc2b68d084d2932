"""Docstrings as Markdown: their own sections become lists, roles become code, names of pages become links."""

from __future__ import annotations

import re

# Sections that the reader of docstrings knows by itself.
KNOWN = ("Args", "Attributes", "Example", "Examples", "Raises", "Returns", "Warns", "Yields")
_ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?([^`]+)`")
_PAGE = re.compile(r"``docs/(\w+)\.md``")
_NAME = re.compile(r"^(\w+(?: \w+)?)(?=:$| \()")
_ITEM = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*): (.*)")


def markdown(text: str) -> str:
    """Returns a docstring with its own sections as bold words with lists below."""
    text = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)  # the word that is known for code
    text = _PAGE.sub(r"[\1](../\1.md)", _ROLE.sub(r"`\1`", text))
    done: list[str] = []
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        end = _header(lines, number)
        if end is None:
            done.append(lines[number])
            number += 1
            continue
        body = _body(lines, end)
        header = " ".join(line.strip() for line in lines[number:end])
        done += [_NAME.sub(r"**\1**", header), "", *_listed(lines[end:body]), ""]
        number = body
    return "\n".join(done)


def _header(lines: list[str], number: int) -> int | None:
    """Returns where the body of a section begins whose header begins here, or None."""
    if not lines[number].strip() or lines[number][0] == " " or (number and lines[number - 1].strip()):
        return None
    end = number
    while end < len(lines) and lines[end].strip() and lines[end][0] != " ":
        end += 1
    if end >= len(lines) or not lines[end].startswith(" ") or not lines[end - 1].endswith(":"):
        return None
    return None if lines[number].partition(":")[0] in KNOWN else end


def _body(lines: list[str], start: int) -> int:
    """Returns the line behind the indented ones."""
    end = start
    while end < len(lines) and (lines[end].startswith(" ") or not lines[end].strip()):
        end += 1
    return end


def _listed(lines: list[str]) -> list[str]:
    """Returns the body of a section: ``name: text`` as an item of a list, other text as paragraphs."""
    indent = len(lines[0]) - len(lines[0].lstrip())
    found: list[str] = []
    for line in lines:
        bare, deeper = line.strip(), line.startswith(" " * (indent + 1))
        in_prose = bool(found) and not found[-1].startswith(("- ", "  ")) and found[-1] != ""
        item = None if deeper or in_prose else _ITEM.fullmatch(bare)
        if item:
            found.append(f"- {', '.join(f'`{name}`' for name in item[1].split(', '))}: {item[2]}")
        elif not bare:
            found.append("")
        elif deeper and found and found[-1].startswith(("- ", "  ")):
            found.append(f"  {bare}")
        elif found and found[-1].startswith(("- ", "  ")):
            found += ["", bare]
        else:
            found.append(bare)
    return found
