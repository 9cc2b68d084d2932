"""Constructors of the classes of tf.layers that take their arguments as one value of :mod:`signatures`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from tf1bn.compat.calls import value_of
from tf1bn.compat.tf_layers import words

Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")
Object = TypeVar("Object")

_KEYWORDS = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD, annotation="Any")


def made_with(
    kind: Callable[Arguments, Value],
) -> Callable[[Callable[[Object, Value], None]], Callable[Concatenate[Object, Arguments], None]]:
    """Makes a constructor of one value into one of that value's fields; the keywords show as ``**kwargs``.

    Raises:
      ArgumentTypeError: when called with a keyword that is no field.
    """
    fields = inspect.signature(kind).parameters.values()
    known = tuple(field.name for field in fields)

    def decorated(body: Callable[[Object, Value], None]) -> Callable[Concatenate[Object, Arguments], None]:
        @functools.wraps(body)
        def made(self: Object, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
            name = type(self).__name__
            words.refuse(name, {word: value for word, value in kwargs.items() if word not in known}, known)
            body(self, value_of(kind, f"{name}.__init__", *args, **kwargs))

        own = inspect.signature(body)
        itself = next(iter(own.parameters.values()))
        listed = (field for field in fields if field.kind is not inspect.Parameter.KEYWORD_ONLY)
        shown = own.replace(parameters=[itself, *listed, _KEYWORDS])
        made.__signature__ = shown  # type: ignore[attr-defined]
        made.complete = True  # type: ignore[attr-defined]  # nothing is passed on to the class above
        return made

    return decorated
