"""Functions of Python's own modules that left, and have no equal."""

from __future__ import annotations

import html
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple


class ArgSpec(NamedTuple):
    """What a function takes.

    Attributes:
      args: names of the parameters.
      varargs: name of the parameter that takes further arguments, or None.
      keywords: name of the parameter that takes further keywords, or None.
      defaults: of the last parameters, or None where there is none.
    """

    args: list[str]
    varargs: str | None
    keywords: str | None
    defaults: tuple[Any, ...] | None


def getargspec(func: Callable[..., Any]) -> ArgSpec:
    """Returns what a function takes.

    Raises:
      ValueError: the function has keyword-only parameters or annotations, which the answer has no place for.
    """
    full = inspect.getfullargspec(func)
    if full.kwonlyargs or full.annotations:
        raise ValueError(
            "getargspec: the function has keyword-only parameters or annotations. Use inspect.getfullargspec()."
        )
    return ArgSpec(full.args, full.varargs, full.varkw, full.defaults)


def escape(s: str, quote: bool | None = None) -> str:
    """Returns text with the signs of HTML escaped; double quotes only if asked for."""
    escaped = html.escape(s, quote=False)
    return escaped.replace('"', "&quot;") if quote else escaped
