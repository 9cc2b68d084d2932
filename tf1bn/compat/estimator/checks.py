"""Checks that several parts of the estimator make of what a program hands over."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors


def require_positive(name: str, value: Any) -> None:
    """Refuses a number of steps that is given but not above zero."""
    if value is None:
        return
    if not isinstance(value, (numbers.Real, np.ndarray)):
        raise errors.ArgumentTypeError(errors.explain(f"`{name}` must be a number", got=value))
    if value <= 0:
        raise errors.ArgumentError(errors.explain(f"`{name}` must be above zero", got=value))


def require_callable(name: str, value: Any) -> None:
    """Refuses what is not a function."""
    if not callable(value):
        raise errors.ArgumentTypeError(errors.explain(f"`{name}` must be a function", got=value))


def hooks_of(name: str, hooks: Iterable[Any] | None) -> tuple[Any, ...]:
    """Returns hooks as a tuple.

    Raises:
      ArgumentTypeError: one of them is no hook.
    """
    if hooks is not None and not isinstance(hooks, Iterable):
        raise errors.ArgumentTypeError(
            errors.explain(f"`{name}` must be a list of hooks", got=hooks, fix="Put it into [ ].")
        )
    found = tuple(hooks or ())
    for hook in found:
        if not isinstance(hook, tf.train.SessionRunHook):
            raise errors.ArgumentTypeError(
                errors.explain(
                    f"every entry of `{name}` must be a hook", got=hook, expected="a tf.train.SessionRunHook object"
                )
            )
    return found


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of any kind, or a variable."""
    return isinstance(value, (tf.Tensor, tf.SparseTensor, tf.RaggedTensor)) or is_variable(value)


def is_variable(value: Any) -> bool:
    """Whether a value is a variable of either kind, or what an assignment to one returns."""
    return not isinstance(value, tf.Tensor) and isinstance(getattr(value, "op", None), tf.Operation)


def is_fetchable(value: Any) -> bool:
    """Whether a value is a tensor, an operation or a variable."""
    return isinstance(value, (tf.Tensor, tf.Operation)) or is_variable(value)


def require_this_graph(name: str, value: Any) -> None:
    """Refuses a tensor or operation of another graph than the one that is being built."""
    graph = getattr(value, "graph", None)
    if graph is not None and graph is not tf.get_default_graph():
        raise errors.ArgumentError(
            errors.explain(
                f"`{name}` is of another graph than the one that model_fn builds",
                got=getattr(value, "name", value),
                fix="Build everything inside model_fn; it is called once for each graph.",
            )
        )
