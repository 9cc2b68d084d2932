"""``tf.contrib.layers``' utilities on values: what is known when a graph is built, and sizes as tuples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.tf_layers import windows


def constant_value(value_or_tensor_or_var: Any, dtype: Any = None) -> Any:
    """Returns the value of a constant tensor, a plain value itself, and None for what only a run tells.

    Args:
      dtype: that a tensor or variable must have.

    Raises:
      ArgumentError: None, or another dtype.
    """
    value = value_or_tensor_or_var
    if value is None:
        raise errors.ArgumentError("constant_value: value_or_tensor_or_var cannot be None.")
    if not isinstance(value, (tf.Tensor, tf.Variable)):
        return value
    if dtype is not None and value.dtype.base_dtype != tf.as_dtype(dtype).base_dtype:
        raise errors.ArgumentError(
            errors.explain("it has another dtype", got=value.dtype.name, expected=str(dtype)), where="constant_value"
        )
    return None if isinstance(value, tf.Variable) else tf.get_static_value(value)


def static_cond(pred: Any, fn1: Callable[[], Any], fn2: Callable[[], Any]) -> Any:
    """Returns ``fn1()`` or ``fn2()``, as a value that is known when the graph is built says.

    Raises:
      ArgumentTypeError: a function that cannot be called; ArgumentError: the value is not known.
    """
    for name, function in (("fn1", fn1), ("fn2", fn2)):
        if not callable(function):
            raise errors.ArgumentTypeError(
                errors.explain(f"{name} must be callable", got=function), where="static_cond"
            )
    if pred not in (0, 1):
        raise errors.ArgumentTypeError(
            errors.explain("pred must be a Python bool", got=pred, fix="For a tensor use tf.cond."), where="static_cond"
        )
    return fn1() if pred else fn2()


def smart_cond(pred: Any, fn1: Callable[[], Any], fn2: Callable[[], Any], name: str | None = None) -> Any:
    """Returns ``fn1()`` or ``fn2()`` where the value is known when the graph is built, else ``tf.cond`` of both."""
    known = constant_value(pred)
    return tf.cond(pred, fn1, fn2, name=name) if known is None else static_cond(bool(known), fn1, fn2)


def two_element_tuple(int_or_tuple: Any) -> tuple[int, int]:
    """Returns two whole numbers, given as such or as one for both.

    Raises:
      ArgumentError: another number of them, or none.
    """
    try:
        return windows.integer(int_or_tuple), windows.integer(int_or_tuple)
    except TypeError:
        found = tuple(windows.integer(entry) for entry in int_or_tuple) if hasattr(int_or_tuple, "__iter__") else ()
    if len(found) != 2:
        raise errors.ArgumentError(errors.explain("not two whole numbers", got=int_or_tuple), where="two_element_tuple")
    return found[0], found[1]


def n_positive_integers(n: Any, value: Any) -> tuple[int, ...]:
    """Returns n whole numbers of at least 1, given as such, or one for all.

    Raises:
      ArgumentError: an ``n`` that is no positive whole number, another number of numbers, or something among them that
        is none; a list of one number does not stand for several. ArgumentTypeError: neither a number nor a sequence.
    """
    where = "n_positive_integers"
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise errors.ArgumentError(errors.explain("n must be a positive integer", got=n), where=where)
    try:
        given = [windows.integer(value)] * n
    except (TypeError, ValueError):
        given = _listed(value, where)
    try:
        found = tuple(windows.integer(entry) for entry in given)
    except (TypeError, ValueError):
        raise errors.ArgumentError(errors.explain("not whole numbers", got=value), where=where) from None
    if len(found) != n or min(found) < 1:
        raise errors.ArgumentError(errors.explain(f"must be one or {n} positive integers", got=value), where=where)
    return found


def _listed(value: Any, where: str) -> list[Any]:
    """Returns the entries of a sequence; a shape of unknown rank has none to give."""
    try:
        return list(value)
    except ValueError:
        raise errors.ArgumentError(errors.explain("of unknown length", got=value), where=where) from None
    except TypeError:
        raise errors.ArgumentTypeError(errors.explain("not whole numbers", got=value), where=where) from None


__all__ = ["constant_value", "n_positive_integers", "smart_cond", "static_cond", "two_element_tuple"]
