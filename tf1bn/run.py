"""Runs an unmodified TensorFlow 1 program.

    tf1bn run [flags of tf1bn] SCRIPT.py [flags of the program]          (also: python -m tf1bn.run)

The program's imports of `tensorflow` (and `tf_slim` and `tensorflow_estimator`) give the facade `tf1bn.compat.v1`.
The program and the modules of its own folder see it, and so do files that they load by path or by `runpy`, and the
installed packages that are named; TensorFlow and all other packages see the real one. Nothing is rewritten.

Flags of tf1bn, before SCRIPT:
  --tf1bn_update_strategy=NAME  how every batch norm of the program that goes through tf1bn keeps its averages
  --tf1bn_report                after the program, print to stderr what it used, what was emulated, and the batch
                                norms and the audit of each of its graphs
  --tf1bn_path=DIR              also serve modules of this folder, for a program in several; may be repeated
  --tf1bn_package=NAME          also serve this installed package (or module) and what is inside it, by the name that an
                                import statement has; may be repeated; @FILE reads names from a file, one on a line
  --tf1bn_python2               the program is in Python 2: translate its modules in memory, with the division of whole
                                numbers, the lists and the names of that time; needs tf1bn[python2]
  --help                        print this text

Exit code: that of the program; 1 when it raises or is refused (Python 2); 2 for wrong flags before SCRIPT.

Known limits: Python processes that the program starts anew (multiprocessing by "spawn") have no facade;
`sys.modules["tensorflow"]` is the real one; a strategy given here does not reach graphs built in other threads.
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
from tf1bn.compat import packages
from tf1bn.compat.gone import hints
from tf1bn.compat.program import FACADE, Program
from tf1bn.compat.python2 import recognising, translating

_SWITCHES = {"--tf1bn_report": "report", "--tf1bn_python2": "python2"}
OURS = ("--tf1bn_update_strategy", "--tf1bn_path", packages.FLAG, *_SWITCHES)
USAGE = "tf1bn run [flags of tf1bn] SCRIPT.py [flags of the program]; --help tells more."


class Options(NamedTuple):
    """The command line.

    Attributes:
      script: path of the program.
      argv: its flags.
      update_strategy: name of the strategy, or None to leave the program's own.
      report: whether to print the report.
      folders: further folders whose modules belong to the program.
      packages: installed packages and modules that are served, too.
      python2: whether the program is Python 2, to be translated.
    """

    script: str
    argv: tuple[str, ...] = ()
    update_strategy: str | None = None
    report: bool = False
    folders: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    python2: bool = False


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
    if name in _SWITCHES and not equals:
        return _switched(options, _SWITCHES[name]), rest
    if name not in OURS or name in _SWITCHES:
        raise errors.ArgumentError(
            errors.explain(
                "unknown flag before SCRIPT",
                got=flag + equals + value,
                expected=f"{', '.join(OURS)} or --help",
                fix="Flags of the program come after SCRIPT.",
            )
        )
    if not equals and rest:
        value, rest = rest[0], rest[1:]
    if not value:
        raise errors.ArgumentError(errors.explain(f"{name} has no value", fix=USAGE))
    if name == "--tf1bn_path":
        return options._replace(folders=(*options.folders, value)), rest
    if name == packages.FLAG:
        return options._replace(packages=(*options.packages, *packages.read_names(value))), rest
    return options._replace(update_strategy=value), rest


def _switched(options: Options, attribute: str) -> Options:
    return Options(**{**options._asdict(), attribute: True})


def run(options: Options) -> dict[str, Any]:
    """Runs a program as ``__main__`` and returns its global names.

    While it runs, ``sys.argv``, ``sys.path[0]`` and ``sys.modules["__main__"]`` are those of ``python SCRIPT``. They
    come back afterwards, and the modules of the program's folders are forgotten. What the program raises, SystemExit
    included, passes through.

    Raises:
      ProgramError: no such file or folder, Python 2 that is not said to be, or a named package that is not installed
        or cannot be served.
      MissingExtraError: the program is Python 2, and fissix is not installed.
      UnknownNameError: no such update strategy.
    """
    code = _compiled(options.script, options.python2)
    folders = _folders(options)
    named = packages.Packages(options.packages)
    program = Program(folders, named, python2=options.python2)
    main = types.ModuleType("__main__")
    main.__file__ = options.script
    program.adopt(main)
    with _strategy(options.update_strategy), _as_main(main, options, folders):
        named.find()
        importlib.import_module(FACADE)
        with program, _reported(named) if options.report else contextlib.nullcontext():
            exec(code, vars(main))
    return vars(main)


def _folders(options: Options) -> list[str]:
    """Returns the folders of a program.

    Raises:
      ProgramError: one that was named is none, or an installed package's.
    """
    for folder in options.folders:
        if not os.path.isdir(folder):
            raise errors.ProgramError(errors.explain("no such folder", got=folder), where="--tf1bn_path")
        if not {"site-packages", "dist-packages"}.isdisjoint(os.path.realpath(folder).split(os.sep)):
            fix = f"Name the package itself: {packages.FLAG}={os.path.basename(os.path.realpath(folder))}"
            text = errors.explain("the folder is an installed package's", got=folder, fix=fix)
            raise errors.ProgramError(text, where="--tf1bn_path")
    return [os.path.dirname(os.path.abspath(options.script)), *map(os.path.abspath, options.folders)]


def _compiled(script: str, python2: bool) -> types.CodeType:
    try:
        with tokenize.open(script) as file:
            source = file.read()
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise errors.ProgramError(errors.explain(f"cannot be read: {error}"), where=script) from None
    if python2:
        return translating.code(source, script)
    try:
        return compile(source, script, "exec", dont_inherit=True)
    except SyntaxError as error:
        refusal = recognising.explain_syntax(error, script, source.splitlines())
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
def _reported(named: packages.Packages) -> Iterator[None]:
    """Prints the report when the block ends, however it ends."""
    from tf1bn.compat import usage

    with usage.observed() as seen:
        try:
            yield
        finally:
            sys.stdout.flush()
            print(seen.text(_audit(), named.loaded()), file=sys.stderr)


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
    except (errors.ProgramError, errors.MissingExtraError) as error:
        print(error, file=sys.stderr)
        return exits.REFUSED
    except Exception as error:
        _tell(error, options)
        return exits.REFUSED
    return exits.DONE


def _tell(error: Exception, options: Options) -> None:
    """Prints the traceback of a program as without tf1bn, and what helps where that is known."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.excepthook(type(error), error, trace)
    for hint in (recognising.hint(error, _place(trace, options)), hints.hint(error)):
        if hint:
            print(f"tf1bn.run: {hint}", file=sys.stderr)


def _place(trace: types.TracebackType | None, options: Options) -> str:
    """Returns the file of the program in which it failed: of the innermost of its frames."""
    program, place = Program(_folders(options)), options.script
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        place = file if program.owns(file) else place
        trace = trace.tb_next
    return place


if __name__ == "__main__":
    sys.exit(main())
