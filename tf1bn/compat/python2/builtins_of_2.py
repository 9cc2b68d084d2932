"""Names that a module of Python 2 had without an import, as far as fixers do not turn them into today's.

Source: the Python 2.7 library reference, section 2.
"""

from __future__ import annotations

import builtins
import decimal
import functools
import importlib
import itertools
import math
import operator
import sys
import tokenize
import types
from collections.abc import Callable, Iterable
from typing import Any

from tf1bn.compat.python2 import division, translating


def cmp(x: Any, y: Any) -> int:
    """Returns -1, 0 or 1 for less, equal or greater; of different kinds, None is the least, and numbers come next."""
    if x is y or x == y:
        return 0
    try:
        return -1 if x < y else 1
    except TypeError:
        return -1 if _rank(x) < _rank(y) else 1


def _rank(x: Any) -> tuple[int, str]:
    """Returns what things of different kinds are ordered by."""
    return (0, "") if x is None else (1, "") if isinstance(x, int | float) else (2, type(x).__name__)


def map(function: Any, *iterables: Iterable[Any]) -> list[Any]:
    """Returns a list; None for a function pairs the items, as many as the longest has."""
    if function is None:
        return list(itertools.zip_longest(*iterables)) if len(iterables) > 1 else list(*iterables)
    rows = iterables if len(iterables) == 1 else (zip(*itertools.zip_longest(*iterables)) if iterables else ())
    return list(builtins.map(function, *rows))


def zip(*iterables: Iterable[Any]) -> list[tuple[Any, ...]]:
    """Returns a list of tuples."""
    return list(builtins.zip(*iterables, strict=False))


def filter(function: Any, iterable: Any) -> Any:
    """Returns what a function keeps: of text a text, of a tuple a tuple, else a list."""
    kept = builtins.filter(function, iterable)
    if isinstance(iterable, str):
        return "".join(kept)
    return tuple(kept) if isinstance(iterable, tuple) else list(kept)


def round(number: Any, ndigits: Any = 0) -> float:
    """Returns a float; what is as near to the one as to the other is rounded away from zero."""
    number, digits = float(number), operator.index(ndigits)
    if not math.isfinite(number):
        return number
    with decimal.localcontext() as context:
        context.prec = 1200  # the digits of any float, and those that are asked for
        step = decimal.Decimal(1).scaleb(-digits)
        return float(decimal.Decimal(number).quantize(step, decimal.ROUND_HALF_UP))


def sorted(iterable: Iterable[Any], cmp: Any = None, key: Any = None, reverse: bool = False) -> list[Any]:
    """Returns a sorted list; ``cmp`` compares two, or two keys where ``key`` is given too."""
    if cmp is None:
        return builtins.sorted(iterable, key=key, reverse=reverse)
    compared = functools.cmp_to_key(cmp)
    return builtins.sorted(iterable, key=compared if key is None else lambda each: compared(key(each)), reverse=reverse)


def open(name: Any, mode: str = "r", buffering: int = -1) -> Any:
    """Opens a file; bytes that are no UTF-8 survive reading and writing as text, and "U" asks for what is the rule."""
    mode = mode.replace("U", "") or "r"
    text = {} if "b" in mode else {"encoding": "utf-8", "errors": "surrogateescape"}
    mode = mode if set(mode) & set("rwax") else f"r{mode}"
    return builtins.open(name, mode, buffering if "b" in mode or buffering != 0 else -1, **text)  # type: ignore[call-overload]


def reload(module: types.ModuleType) -> types.ModuleType:
    """Loads a module anew; ``sys``, which programs reloaded to set the encoding, stays as it is."""
    if module.__name__ == "sys":
        return module
    importlib.reload(sys.modules[module.__name__])  # what a program holds may be its own view of the module
    return module


def execfile(filename: str, globals: Any = None, locals: Any = None) -> None:
    """Runs a file of Python 2, by default among the names of the caller."""
    with tokenize.open(filename) as file:
        program = translating.code(file.read(), filename)
    exec(program, *_names(sys._getframe(1), globals, locals))


def exec_(source: Any, globals: Any = None, locals: Any = None) -> None:
    """Runs text of Python 2, or code, by default among the names of the caller."""
    caller = sys._getframe(1)
    program = translating.text(source, "exec", caller.f_globals) if isinstance(source, str) else source
    exec(program, *_names(caller, globals, locals))


def eval_(source: Any, globals: Any = None, locals: Any = None) -> Any:
    """Returns the value of an expression of Python 2, or of code, by default among the names of the caller."""
    caller = sys._getframe(1)
    program = translating.text(source, "eval", caller.f_globals) if isinstance(source, str) else source
    return eval(program, *_names(caller, globals, locals))


def _names(caller: types.FrameType, globals: Any, locals: Any) -> tuple[Any, Any]:
    """Returns the names that text sees: those that were given, else the caller's."""
    if globals is None:
        return caller.f_globals, caller.f_locals if locals is None else locals
    globals.setdefault("__builtins__", caller.f_globals["__builtins__"])
    return globals, globals if locals is None else locals


def buffer(object: Any, offset: int = 0, size: int = -1) -> memoryview:
    """Returns a part of the bytes of an object, without a copy."""
    whole = memoryview(object)
    return whole[offset:] if size < 0 else whole[offset : offset + size]


def names() -> dict[str, Callable[..., Any]]:
    """Returns what a module of Python 2 finds without an import, besides the names that are there today."""
    functions: tuple[Any, ...] = (cmp, map, zip, filter, round, sorted, open, reload, execfile, buffer)
    ours: dict[str, Callable[..., Any]] = {function.__name__: function for function in functions}
    ours.update({"exec": exec_, "eval": eval_, "file": open})
    return {**ours, "reduce": functools.reduce, "intern": sys.intern, **division.NAMES}
