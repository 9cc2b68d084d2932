"""What all scripts share: the flag --format, exit codes, and errors without a traceback.

Exit codes: 0 clean, 1 refusal, 2 wrong usage, 128 + signal number after an interruption. With --format=json the
only thing on stdout is one JSON object; a refusal is the object {"error": ...}. Everything else goes to stderr.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from absl import app, flags, logging

from tf1bn import errors

FORMATS = ("text", "json")


class Report(NamedTuple):
    """What a script prints.

    Attributes:
      text: for people.
      content: the same as a JSON object.
      exit_code: of the script.
    """

    text: str
    content: dict[str, Any]
    exit_code: int = 0


def lines(content: dict[str, Any]) -> str:
    """Returns one line for each value that is known."""
    return "\n".join(f"{name}: {value}" for name, value in content.items() if value is not None)


def run(work: Callable[..., Report], form: flags.FlagHolder[str], *, words: str = "") -> None:
    """Parses the flags, does the work, prints its report and leaves with its exit code.

    Args:
      work: what the script does; called with parsed flags. What it prints goes to stderr.
      form: the script's flag --format, one of ``FORMATS``.
      words: what stands behind the flags, such as "-- PROGRAM"; then at least one word is needed, and ``work`` gets
        the list of them. Empty where the script takes flags only.
    """

    def main(arguments: list[str]) -> int:
        if words and len(arguments) == 1:
            return _usage(f"what stands behind the flags is missing: {words}.")
        if len(arguments) > 1 and not words:
            return _usage(f"stray arguments: {' '.join(arguments[1:])}. All options are flags, such as --format=json.")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        logging.set_verbosity(logging.WARNING)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                report = work(arguments[1:]) if words else work()
        except errors.Tf1bnError as error:
            return _refuse(str(error), 1, form.value)
        except KeyboardInterrupt:
            return _refuse("interrupted", 130, form.value)
        print(json.dumps(report.content, allow_nan=False) if form.value == "json" else report.text)
        return report.exit_code

    app.run(main, flags_parser=_parse)


def _parse(arguments: list[str]) -> list[str]:
    try:
        return flags.FLAGS(arguments)
    except flags.Error as error:
        sys.exit(_usage(str(error)))
    except SystemExit as asked:  # absl leaves with 1 after printing help, which is no failure
        sys.exit(0 if asked.code == 1 else asked.code)


def _usage(text: str) -> int:
    print(f"usage error: {text}\nTry --help.", file=sys.stderr)
    return 2


def _refuse(text: str, exit_code: int, form: str) -> int:
    print(f"error: {text}", file=sys.stderr)
    if form == "json":
        print(json.dumps({"error": text}))
    return exit_code
