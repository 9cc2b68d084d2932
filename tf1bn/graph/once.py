"""Answers about a graph that are worked out once, and kept with its model."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def once(function: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """Makes a function of a GraphModel work once for each model.

    A cache of the function itself would hold the model, and with it a graph of any size, after its last user is gone.
    """
    attribute = f"_once_{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def answer(model: Any) -> Answer:
        if not hasattr(model, attribute):
            setattr(model, attribute, function(model))
        found: Answer = getattr(model, attribute)
        return found

    return answer
