"""From a command line to one of the commands.

The front doors are the console command ``tf1bn``, ``python -m tf1bn``, and the starters in ``scripts/``. Only the
module of the command that was asked for is imported.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tf1bn import __version__, errors, exits, printing
from tf1bn.commands import table

_HELP = ("--help", "-help", "-h", "-?")
_INTRODUCTION = """Batch normalization for TensorFlow 1 graphs on today's TensorFlow.

  tf1bn COMMAND [flags]
  tf1bn COMMAND --help, or tf1bn help COMMAND
  tf1bn --version
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that a command line names, and returns the exit code where it does not leave by itself."""
    printing.open_closed()
    words = list(sys.argv[1:] if argv is None else argv)
    with printing.for_reader():
        code = _answered(words)
    if code is not None:
        return code
    name, *rest = words
    if name == "help":
        name, rest = rest[0], ["--help"]
    return _start(table.find(name), f"tf1bn {name}", rest)


def _answered(words: list[str]) -> int | None:
    """Prints what needs no command and returns the exit code, or None where a command is to be started."""
    if not words:
        print(overview(), file=sys.stderr)
        return exits.USAGE
    if words[0] in _HELP or words == ["help"]:
        print(overview())
        return exits.DONE
    if words[0] == "--version":
        print(f"tf1bn {__version__}")
        return exits.DONE
    try:
        table.find(words[1] if words[0] == "help" else words[0])
    except errors.UnknownNameError as error:
        print(f"usage error: {error}\nTry tf1bn --help.", file=sys.stderr)
        return exits.USAGE
    return None


def script(path: str) -> int:
    """Runs the command of a starter in ``scripts/``, with the flags of this process.

    Processes that the command starts find the package that stands beside the starter, too.
    """
    printing.open_closed()
    file = Path(path).resolve()
    found = [str(file.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(found)
    row = next(row for row in table.ROWS if row.script == file.stem)
    return _start(row, sys.argv[0], sys.argv[1:])


def overview() -> str:
    """Returns the map of all commands, and what exit codes mean."""
    width = max(len(row.name) for row in table.ROWS)
    lines = [_INTRODUCTION]
    for group, rows in table.GROUPS.items():
        lines += [f"{group}:", *(f"  {row.name:{width}}  {row.summary}" for row in rows), ""]
    lines += ["Exit codes:", *(f"  {code:>3}  {meaning}" for code, meaning in exits.MEANINGS.items())]
    return "\n".join(lines)


def _start(row: table.Row, program: str, arguments: list[str]) -> int:
    module = importlib.import_module(row.module)
    text = module.__doc__ or ""
    module.COMMAND.start(program, arguments, text if program.startswith("tf1bn ") else by_script(text))
    return exits.DONE


def by_script(text: str) -> str:
    """Returns a command's help for who starts it from ``scripts/``: with the scripts in the place of commands."""

    def called(match: re.Match[str]) -> str:
        name = next((f"{row.script}.py" for row in table.ROWS if row.script and row.name == match["name"]), "")
        if not name:
            return match[0]
        if match["before"].isspace():
            return f"{match['before']}python scripts/{name}"
        return f"{match['before']}{name}" if match["before"] == "-- " else f"scripts/{name}"

    return re.sub(r"(?P<before>^ +|-- |`)tf1bn (?P<name>[a-z-]+)`?", called, text, flags=re.MULTILINE)
