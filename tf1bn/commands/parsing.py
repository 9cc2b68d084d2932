"""What all commands share: their flags, exit codes, one JSON object on stdout, and errors without a traceback.

A command's module holds ``_FLAGS`` (:class:`Flags`), its flags, the function that works, and ``COMMAND``. With
--format=json the only thing on stdout is one JSON object; a refusal is the object {"error": ...}. What the work prints
goes to stderr.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, NoReturn

from absl import app, flags, logging

from tf1bn import errors, exits, printing, progress

FORMATS = ("text", "json")


class Flags:
    """The flags of one command, defined by methods that are absl's functions of these names.

    They become flags of the process when their command is started, and not before: so importing a command's module
    changes nothing, and modules of several commands can be imported side by side.
    """

    def __init__(self) -> None:
        self.values = flags.FlagValues()
        own = {"flag_values": self.values}
        self.string = functools.partial(flags.DEFINE_string, **own)
        self.enum = functools.partial(flags.DEFINE_enum, **own)
        self.bool = functools.partial(flags.DEFINE_bool, **own)
        self.integer = functools.partial(flags.DEFINE_integer, **own)
        self.float = functools.partial(flags.DEFINE_float, **own)
        self.list = functools.partial(flags.DEFINE_list, **own)
        self.multi_string = functools.partial(flags.DEFINE_multi_string, **own)
        self.validator = functools.partial(flags.validator, **own)
        self.multi_flags_validator = functools.partial(flags.multi_flags_validator, **own)
        self.register_validator = functools.partial(flags.register_validator, **own)
        self.register_multi_flags_validator = functools.partial(flags.register_multi_flags_validator, **own)
        self.mark_flags_as_required = functools.partial(flags.mark_flags_as_required, **own)
        self.mark_flags_as_mutual_exclusive = functools.partial(flags.mark_flags_as_mutual_exclusive, **own)

    def progress(self) -> flags.FlagHolder[bool]:
        """Defines --progress, for a command that may take longer than seconds; see :mod:`tf1bn.progress`."""
        held: flags.FlagHolder[bool] = self.bool("progress", True, "Whether to show progress on stderr.")
        return held

    def all(self) -> list[flags.Flag]:
        """Returns the flags, sorted by name."""
        return [self.values[name] for name in sorted(self.values)]

    def join(self, program: str) -> None:
        """Makes these flags of the process, the ones that ``--help`` of the program shows."""
        flags.FLAGS.append_flag_values(self.values)
        for flag in self.all():
            flags.FLAGS.register_flag_by_module(program, flag)


class Report(NamedTuple):
    """What a command prints.

    Attributes:
      text: for people.
      content: the same as a JSON object; empty where ``text`` is what every form of the report prints.
      exit_code: of the process.
      complaint: printed to stderr, last.
    """

    text: str
    content: dict[str, Any]
    exit_code: int = exits.DONE
    complaint: str = ""


class UsageError(Exception):
    """Flags that are right one by one do not go together."""


class Command(NamedTuple):
    """What a module of this package offers.

    Attributes:
      work: does what the command is for; called with parsed flags.
      flags: the flags of the command.
      form: its flag --format.
      words: what stands behind the flags, such as "-- PROGRAM"; then ``work`` gets the list of them. Empty where the
        command takes flags only.
      exactly: how many words there must be; None for at least one.
    """

    work: Callable[..., Report]
    flags: Flags
    form: flags.FlagHolder[str]
    words: str = ""
    exactly: int | None = None

    def start(self, program: str, arguments: Sequence[str], text: str) -> NoReturn:
        """Parses the flags, does the work, prints its report and leaves with its exit code.

        Args:
          program: how the command was called, such as "tf1bn train".
          arguments: what stood behind that.
          text: what ``--help`` prints above the flags.
        """
        self.flags.join(program)
        # absl's help takes both from where a program of its own would have them.
        sys.argv = [program, *arguments]
        sys.modules["__main__"].__doc__ = text
        app.run(self._main, flags_parser=self._parse)

    def _parse(self, arguments: list[str]) -> list[str]:
        try:
            with printing.for_reader():
                rest = flags.FLAGS(arguments)
        except flags.Error as error:
            sys.exit(_usage(str(error)))
        except SystemExit as asked:  # absl leaves with 1 after printing help, which is no failure
            with printing.for_reader():
                code = exits.DONE if asked.code == 1 else asked.code
            sys.exit(code)
        self.flags.values.mark_as_parsed()
        return rest

    def _main(self, arguments: list[str]) -> int:
        words = arguments[1:]
        if wrong := self._wrong(words):
            return _usage(wrong)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        logging.set_verbosity(logging.WARNING)
        try:
            with contextlib.redirect_stdout(sys.stderr), self._progress():
                report = self.work(words) if self.words else self.work()
        except UsageError as error:
            return _usage(str(error))
        except errors.Tf1bnError as error:
            report = Report("", {"error": str(error)}, exits.REFUSED, f"error: {error}")
        except KeyboardInterrupt:
            report = Report("", {"error": "interrupted"}, exits.after(signal.SIGINT), "error: interrupted")
        return self._print(report)

    @contextlib.contextmanager
    def _progress(self) -> Iterator[None]:
        if "progress" not in self.flags.values or not self.flags.values.progress:
            yield
            return
        try:
            with progress.shown():
                yield
        finally:
            # Who stops reading how far it is does not mean the work, whose result is still to be told.
            printing.discard_unread()

    def _wrong(self, words: list[str]) -> str:
        """Returns what is wrong with the words behind the flags, or nothing."""
        if words and not self.words:
            return f"stray arguments: {' '.join(words)}. All options are flags, such as --format=json."
        if self.words and not words:
            return f"what stands behind the flags is missing: {self.words}."
        if self.exactly is not None and len(words) != self.exactly:
            return f"{self.words}, stand behind the flags; got {' '.join(words)}."
        return ""

    def _print(self, report: Report) -> int:
        with printing.for_reader():
            if self.form.value == "json" and report.content:
                print(json.dumps(_finite(report.content), allow_nan=False))
            elif report.text:
                print(report.text)
            if report.complaint:
                sys.stdout.flush()
                print(report.complaint, file=sys.stderr)
        return report.exit_code


def lines(content: dict[str, Any]) -> str:
    """Returns one line for each value that is known."""
    return "\n".join(f"{name}: {value}" for name, value in content.items() if value is not None)


def named_error(error: Exception) -> dict[str, str]:
    """Returns the JSON object of an error that is told apart by its class."""
    return {"error": type(error).__name__, "text": str(error)}


def _finite(value: Any) -> Any:
    """Returns JSON values with null for each number that JSON cannot write."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _usage(text: str) -> int:
    print(f"usage error: {text}\nTry --help.", file=sys.stderr)
    return exits.USAGE
