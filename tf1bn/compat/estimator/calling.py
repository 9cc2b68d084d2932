"""Calls of the functions that a program hands over, with those arguments that they take."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from tf1bn import errors

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_OF_MODEL_FN = ("features", "labels", "mode", "params", "config", "self")


def arguments_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Returns the names of a function's arguments; of a partial one, those that are still open."""
    bound: set[str] = set()
    inner: Any = function
    while isinstance(inner, functools.partial):
        bound |= set(inner.keywords)
        inner = inner.func
    parameters = inspect.signature(function).parameters
    return tuple(name for name, item in parameters.items() if item.kind in _NAMED and name not in bound)


def taken(function: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those of the offered arguments that a function takes."""
    names = arguments_of(function)
    return {name: value for name, value in offered.items() if name in names}


def require_model_fn(model_fn: Any, params: Any) -> None:
    """Refuses a ``model_fn`` with other arguments than an Estimator has for it.

    Raises:
      ArgumentError: ``features`` is missing, ``params`` are given and not taken, or an unknown argument.
    """
    names = arguments_of(model_fn)
    if "features" not in names:
        raise errors.ArgumentError(errors.explain("model_fn must take `features`", got=names))
    if params is not None and "params" not in names:
        raise errors.ArgumentError(
            errors.explain("`params` are given, but model_fn does not take them", got=names, fix="Add `params` to it.")
        )
    if params is None and "params" in names:
        warnings.warn(
            "Estimator: model_fn takes `params`, but none are given; it gets an empty dictionary.",
            errors.Tf1bnWarning,
            stacklevel=4,
        )
    unknown = sorted(set(names) - set(_OF_MODEL_FN))
    if unknown:
        raise errors.ArgumentError(
            errors.explain(
                "model_fn takes arguments that an Estimator has not",
                got=unknown,
                expected="some of features, labels, mode, params and config",
                fix="Put them into `params`, or bind them with functools.partial.",
            )
        )
