"""Runs an unmodified TensorFlow 1 program.

    tf1bn run [flags of tf1bn] SCRIPT.py [flags of the program]          (also: python -m tf1bn.run)

The program's imports of `tensorflow` (and `tf_slim` and `tensorflow_estimator`) give the facade `tf1bn.compat.v1`.
Only the program and the modules of its own folder see it; TensorFlow and installed packages see the real one. Nothing
is rewritten.

Flags of tf1bn, before SCRIPT:
  --tf1bn_update_strategy=NAME  how every batch norm of the program that goes through tf1bn keeps its averages
  --tf1bn_report                after the program, print to stderr what it used, what was emulated, and the batch
                                norms and the audit of each of its graphs
  --tf1bn_path=DIR              also serve modules of this folder, for a program in several, or those of one installed
                                package, such as .../site-packages/tensorpack; may be repeated
  --help                        print this text

Exit code: that of the program; 1 when it raises or is refused (Python 2); 2 for wrong flags before SCRIPT.

Known limits: Python processes that the program starts anew (multiprocessing by "spawn") have no facade;
files that it runs by `runpy` neither; `sys.modules["tensorflow"]` is the real one; a strategy given here does not
reach graphs built in other threads.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
import tokenize
import types
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tf1bn import errors, exits, printing
from tf1bn.compat import python2
from tf1bn.compat.program import FACADE, SERVED, Program, installed

_NEVER = (*SERVED, "tf1bn", "keras", "tf_keras", "numpy")
OURS = ("--tf1bn_update_strategy", "--tf1bn_report", "--tf1bn_path")
USAGE = "tf1bn run [flags of tf1bn] SCRIPT.py [flags of the program]; --help tells more."


class Options(NamedTuple):
    """The command line.

    Attributes:
      script: path of the program.
      argv: its flags.
      update_strategy: name of the strategy, or None to leave the program's own.
      report: whether to print the report.
      folders: further folders whose modules belong to the program.
    """

    script: str
    argv: tuple[str, ...] = ()
    update_strategy: str | None = None
    report: bool = False
    folders: tuple[str, ...] = ()


def parse(argv: Sequence[str]) -> Options:
    """Returns the options of a command line; everything after SCRIPT belongs to the program.

    Raises:
      ArgumentError: an unknown flag before SCRIPT, a flag without its value, or no SCRIPT.
    """
    with errors.located("tf1bn.run"):
        rest = list(argv)
        options = Options("")
        while rest and rest[0].startswith("-"):
            options, rest = _flag(options, rest)
        if not rest:
            raise errors.ArgumentError(errors.explain("no program given", fix=USAGE))
        return options._replace(script=rest[0], argv=tuple(rest[1:]))


def _flag(options: Options, rest: list[str]) -> tuple[Options, list[str]]:
    """Takes one flag from the front of a command line."""
    flag, equals, value = rest[0].partition("=")
    name, rest = "--" + flag.lstrip("-"), rest[1:]
    if name == "--tf1bn_report" and not equals:
        return options._replace(report=True), rest
    if name not in OURS or name == "--tf1bn_report":
        raise errors.ArgumentError(
            errors.explain(
                "unknown flag before SCRIPT",
                got=flag + equals + value,
                expected="--tf1bn_update_strategy=NAME, --tf1bn_report, --tf1bn_path=DIR or --help",
                fix="Flags of the program come after SCRIPT.",
            )
        )
    if not equals and rest:
        value, rest = rest[0], rest[1:]
    if not value:
        raise errors.ArgumentError(errors.explain(f"{name} has no value", fix=USAGE))
    if name == "--tf1bn_path":
        return options._replace(folders=(*options.folders, value)), rest
    return options._replace(update_strategy=value), rest


def run(options: Options) -> dict[str, Any]:
    """Runs a program as ``__main__`` and returns its global names.

    While it runs, ``sys.argv``, ``sys.path[0]`` and ``sys.modules["__main__"]`` are those of ``python SCRIPT``. They
    come back afterwards, and the modules of the program's folders are forgotten. What the program raises, SystemExit
    included, passes through.

    Raises:
      ProgramError: no such file or folder, a folder of many installed packages, or Python 2.
      UnknownNameError: no such update strategy.
    """
    code = _compiled(options.script)
    packages = [folder for folder in map(_named, options.folders) if installed(folder)]
    own = [os.path.abspath(folder) for folder in options.folders if not installed(folder)]
    folders = [os.path.dirname(os.path.abspath(options.script)), *own]
    program = Program(folders, packages)
    main = types.ModuleType("__main__")
    main.__file__ = options.script
    program.adopt(main)
    with _strategy(options.update_strategy), _as_main(main, options, folders):
        importlib.import_module(FACADE)
        with _reported() if options.report else contextlib.nullcontext(), program:
            exec(code, vars(main))
    return vars(main)


def _named(folder: str) -> str:
    """Returns a folder that was named beside the program's own.

    Raises:
      ProgramError: it is none, or is installed and not one package that may be served.
    """
    if not os.path.isdir(folder):
        raise errors.ProgramError(errors.explain("no such folder", got=folder), where="--tf1bn_path")
    name = os.path.basename(os.path.realpath(folder))
    package = os.path.isfile(os.path.join(folder, "__init__.py")) and name not in _NEVER
    if installed(folder) and not package:
        raise errors.ProgramError(
            errors.explain(
                "what is installed here is not for the program to be served",
                got=folder,
                expected="the folder of one package for TensorFlow 1, such as site-packages/tensorpack",
            ),
            where="--tf1bn_path",
        )
    return folder


def _compiled(script: str) -> types.CodeType:
    try:
        with tokenize.open(script) as file:
            source = file.read()
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise errors.ProgramError(errors.explain(f"cannot be read: {error}"), where=script) from None
    try:
        return compile(source, script, "exec", dont_inherit=True)
    except SyntaxError as error:
        refusal = python2.explain_syntax(error, script, source.splitlines())
        if refusal is None:
            raise
        raise refusal from None


def _strategy(name: str | None) -> contextlib.AbstractContextManager[Any]:
    if name is None:
        return contextlib.nullcontext()
    from tf1bn.strategies import catalog

    return catalog.default_update_strategy(name)


@contextlib.contextmanager
def _as_main(main: types.ModuleType, options: Options, folders: list[str]) -> Iterator[None]:
    """Makes the interpreter look as it does when it runs a script."""
    before = sys.argv, sys.path, sys.modules["__main__"]
    sys.argv = [options.script, *options.argv]
    by_module_switch = bool(sys.path) and os.path.abspath(sys.path[0]) == os.getcwd()  # `python -m` put it there
    sys.path = [*folders, *sys.path[by_module_switch:]]
    sys.modules["__main__"] = main
    try:
        yield
    finally:
        sys.argv, sys.path, sys.modules["__main__"] = before


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """Prints the report when the block ends, however it ends."""
    from tf1bn.compat import usage

    with usage.observed() as seen:
        try:
            yield
        finally:
            sys.stdout.flush()
            print(seen.text(_audit()), file=sys.stderr)


def _audit() -> Any:
    """Returns a function that audits a graph and returns the text, or None where there is no auditor."""
    if importlib.util.find_spec("tf1bn.audit") is None:
        return None
    auditor = importlib.import_module("tf1bn.audit")
    report = importlib.import_module("tf1bn.audit.report")
    own = importlib.import_module("tf1bn.audit.own")

    def audited(graph: Any) -> str:
        found = auditor.audit(graph)
        return str(report.to_text(found) + own.remedy(found))

    return audited


def _tell_of_late_flags(options: Options) -> None:
    """Says on stderr that a flag of tf1bn after SCRIPT is the program's, which may well ignore it."""
    for flag in options.argv:
        if flag.partition("=")[0] in OURS:
            text = f"{flag!r} stands after SCRIPT, so it goes to the program. Flags of tf1bn come before SCRIPT."
            print(f"tf1bn.run: {text}", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a program for the command line and returns the exit code."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if argv and argv[0] in ("--help", "-help", "-h"):
        with printing.for_reader():
            print(__doc__)
        return exits.DONE
    try:
        options = parse(argv)
    except errors.ArgumentError as error:
        print(error, file=sys.stderr)
        return exits.USAGE
    _tell_of_late_flags(options)
    try:
        with _strategy(options.update_strategy):
            pass
    except errors.UnknownNameError as error:
        print(error, file=sys.stderr)
        return exits.REFUSED
    try:
        run(options)
    except errors.ProgramError as error:
        print(error, file=sys.stderr)
        return exits.REFUSED
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        error.__traceback__ = trace  # the program's own lines, as without tf1bn
        sys.excepthook(type(error), error, trace)
        hint = python2.hint(error, options.script)
        if hint:
            print(f"tf1bn.run: {hint}", file=sys.stderr)
        return exits.REFUSED
    return exits.DONE


if __name__ == "__main__":
    sys.exit(main())
