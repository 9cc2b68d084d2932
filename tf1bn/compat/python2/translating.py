"""Python 2 to Python 3, in memory: the syntax by fissix, then the division of whole numbers.

fissix is the kept form of lib2to3, which left Python with 3.13. Lines keep their numbers, so that a traceback shows the
line of the program as it stands in its file: what fixers would import at the top of a module is a built-in name.
"""

from __future__ import annotations
import __future__

import ast
import functools
import io
import types
from collections.abc import Mapping
from typing import Any

from tf1bn import errors, extras
from tf1bn.compat.python2 import division

_LEFT_OUT = (
    *("idioms", "ws_comma", "set_literal", "buffer", "asserts"),  # matters of taste, or of other programs
    *("reduce", "reload", "intern", "execfile", "exitfunc", "filter", "map", "zip"),  # what :mod:`builtins_of_2` has
    *("itertools", "itertools_imports"),  # what :mod:`modules_of_2` has
    "future",  # still valid, and text that is run later looks for it
)


def translate(source: str, path: str) -> ast.Module:
    """Returns the syntax tree of a source of Python 2, as Python 3 reads it.

    Args:
      source: text of the module.
      path: of its file; imports are resolved beside it, as Python 2 did.

    Raises:
      MissingExtraError: fissix is not installed.
      ProgramError: the source is not Python 2 either.
    """
    old_division = not _imports_division(source)
    tree = _parsed(_refactored(source, path), path)
    return division.as_python_2(tree) if old_division else tree


def code(source: str, path: str) -> types.CodeType:
    """Returns the code of a source of Python 2; see :func:`translate`."""
    return compile(translate(source, path), path, "exec", dont_inherit=True)


def text(source: str, mode: str, names: Mapping[str, Any]) -> types.CodeType:
    """Returns the code of text that a program of Python 2 runs; it divides as the module does that runs it.

    Args:
      source: statements or an expression.
      mode: "exec" or "eval".
      names: of the module.

    Raises:
      MissingExtraError: fissix is not installed.
      SyntaxError: the text cannot be read.
    """
    try:
        refactored = _refactored(source.strip(), "<string>")
    except errors.ProgramError as error:
        raise SyntaxError(str(error)) from None
    old = names.get("division") is not __future__.division and not _imports_division(source)
    tree: Any = ast.parse(refactored.strip(), "<string>", mode)
    return compile(division.as_python_2(tree) if old else tree, "<string>", mode, dont_inherit=True)


def _refactored(source: str, path: str) -> str:
    ParseError = extras.load("fissix.pgen2.parse").ParseError
    try:
        return str(_tool().refactor_string(source.rstrip() + "\n", path))
    except ParseError as error:
        line = error.context[1][0]
        text = errors.explain(f"line {line} is no Python 2", got=source.splitlines()[line - 1].strip())
        raise errors.ProgramError(text, where=path) from None


@functools.cache
def _tool() -> Any:
    refactor = extras.load("fissix.refactor")
    names = refactor.get_fixers_from_package("fissix.fixes")
    return refactor.RefactoringTool([name for name in names if name.rpartition("fix_")[2] not in _LEFT_OUT])


def _imports_division(source: str) -> bool:
    """Whether a module asks for the division of Python 3."""
    refactor = extras.load("fissix.refactor")
    return "division" in refactor._detect_future_features(source)


def _parsed(source: str, path: str) -> ast.Module:
    try:
        return ast.parse(source, path)
    except TabError:
        return ast.parse(_without_tabs(source), path)


def _without_tabs(source: str) -> str:
    """Returns a source with indentation by spaces; a tab reached to the next multiple of eight in Python 2."""
    tokenize = extras.load("fissix.pgen2.tokenize")
    inside: set[int] = set()
    for kind, _, (begin, _), (end, _), _ in tokenize.generate_tokens(io.StringIO(source).readline):
        if kind == tokenize.STRING:
            inside.update(range(begin + 1, end + 1))
    lines = source.splitlines(keepends=True)
    return "".join(line if number in inside else _expanded(line) for number, line in enumerate(lines, 1))


def _expanded(line: str) -> str:
    body = line.lstrip(" \t")
    return line[: len(line) - len(body)].expandtabs(8) + body
