"""Whole-number arguments: sizes, seeds, steps."""

from __future__ import annotations

import operator
from typing import Any

from tf1bn import errors

SEED_MAXIMUM = 2**32 - 1


def whole(name: str, value: Any, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Returns ``value`` as a Python int after checking its type and range.

    Args:
      name: how the argument is called in messages.
      value: a Python or NumPy integer; True and False are refused, and so is 3.0.
      minimum: smallest accepted value.
      maximum: largest accepted value; None for no limit.

    Raises:
      ArgumentTypeError: ``value`` is not an integer.
      ArgumentError: ``value`` is out of range.
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise errors.ArgumentTypeError(
            errors.explain(
                f"`{name}` must be an integer, not {type(value).__name__}",
                got=value,
                expected="a Python or NumPy integer",
            )
        )
    if number < minimum or (maximum is not None and number > maximum):
        limits = f"at least {minimum}" if maximum is None else f"{minimum} to {maximum}"
        raise errors.ArgumentError(errors.explain(f"`{name}` is out of range", got=number, expected=limits))
    return number
