"""``arg_scope``: defaults for the arguments of layer functions over a stretch of code."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from tf1bn import errors

Scope = dict[Any, dict[str, Any]]
Function = TypeVar("Function", bound=Callable[..., Any])

_scopes: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("tf1bn_arg_scope", default=None)
_scoped: dict[Any, tuple[str, ...]] = {}


def current_arg_scope() -> Scope:
    """Returns the defaults that hold now, by the key of each function; not to be changed."""
    return _scopes.get() or {}


def arg_scope_func_key(op: Any) -> Any:
    """Returns the key under which a function's defaults stand in a scope."""
    return getattr(op, "_key_op", str(op))


def has_arg_scope(func: Any) -> bool:
    """Whether a function takes part in ``arg_scope``."""
    return arg_scope_func_key(func) in _scoped


def arg_scoped_arguments(func: Any) -> tuple[str, ...]:
    """Returns the names of a function's arguments that have a default.

    Raises:
      ArgumentError: the function takes no part in ``arg_scope``.
    """
    _require(func, "arg_scoped_arguments")
    return _scoped[arg_scope_func_key(func)]


def add_arg_scope(func: Function) -> Function:
    """Returns a function whose missing keyword arguments are those of the enclosing ``arg_scope``."""

    @functools.wraps(func)
    def scoped(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **{**current_arg_scope().get(key, {}), **kwargs})

    key = arg_scope_func_key(func)
    parameters = inspect.signature(func).parameters.values()
    _scoped[key] = tuple(p.name for p in parameters if p.default is not inspect.Parameter.empty)
    scoped._key_op = key  # type: ignore[attr-defined]
    return scoped  # type: ignore[return-value]


@contextlib.contextmanager
def arg_scope(list_ops_or_scope: Sequence[Any] | Scope, **kwargs: Any) -> Iterator[Scope]:
    """Sets keyword arguments of the listed functions in the block; blocks nest, and the innermost wins.

    Args:
      list_ops_or_scope: functions made with ``add_arg_scope``; or a scope that an earlier block yielded, which is
        entered again and replaces the enclosing ones.
      **kwargs: the arguments; none with an earlier scope.

    Raises:
      ArgumentError: a function that takes no part, or arguments beside an earlier scope.
      ArgumentTypeError: neither a list nor a scope.

    Example:
      >>> with arg_scope([conv2d, fully_connected], normalizer_fn=batch_norm) as scope:
      ...     net = conv2d(images, 32, 3)
    """
    if isinstance(list_ops_or_scope, dict):
        if kwargs:
            raise errors.ArgumentError(
                errors.explain("arguments beside an earlier scope", got=sorted(kwargs)), where="arg_scope"
            )
        entered = dict(list_ops_or_scope)
    elif isinstance(list_ops_or_scope, (list, tuple)):
        entered = dict(current_arg_scope())
        for op in list_ops_or_scope:
            _require(op, "arg_scope")
            key = arg_scope_func_key(op)
            entered[key] = {**entered.get(key, {}), **kwargs}
    else:
        raise errors.ArgumentTypeError(
            errors.explain("neither a list of functions nor an earlier scope", got=list_ops_or_scope), where="arg_scope"
        )
    token = _scopes.set(entered)
    try:
        yield entered
    finally:
        _scopes.reset(token)


def _require(func: Any, where: str) -> None:
    if not has_arg_scope(func):
        raise errors.ArgumentError(
            errors.explain(
                f"{getattr(func, '__name__', func)} takes no part in arg_scope", fix="Decorate it with @add_arg_scope."
            ),
            where=where,
        )
