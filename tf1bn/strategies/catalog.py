"""The registry of update strategies, and the default of a stretch of code."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

from tf1bn import errors
from tf1bn.registry import Registry
from tf1bn.strategies.base import UpdateStrategy, check_protocol
from tf1bn.strategies.collection import Collection
from tf1bn.strategies.ema import Ema
from tf1bn.strategies.frozen import Frozen
from tf1bn.strategies.inline import Inline
from tf1bn.terms import DEFAULT_STRATEGY

STRATEGIES: Registry[UpdateStrategy] = Registry("update strategy", check_protocol, entry_points="tf1bn.strategies")
for _row in (Inline(), Collection(), Ema(), Frozen()):
    STRATEGIES.register(_row.name, _row)

_default: contextvars.ContextVar[UpdateStrategy | None] = contextvars.ContextVar("tf1bn_strategy", default=None)


def register_strategy(name: str, strategy: UpdateStrategy, *, replace: bool = False) -> UpdateStrategy:
    """Makes an update strategy available under a name, after checking it against the protocol.

    Installed packages can do the same with an entry point of the group ``tf1bn.strategies``.

    Args:
      name: what to write as ``update_strategy``.
      strategy: an object with ``name``, ``create``, ``read`` and ``update``; see ``UpdateStrategy``.
      replace: allows to take over a name that is registered.

    Returns:
      The strategy.

    Raises:
      StrategyError: the object does not fulfil the protocol; the text names each fault.
      ArgumentError: the name is taken.
      ArgumentTypeError: the name is not a non-empty string.
    """
    with errors.located("register_strategy"):
        return STRATEGIES.register(name, strategy, replace=replace)


def chosen_default() -> UpdateStrategy | None:
    """Returns the strategy of the innermost ``default_update_strategy`` block, or None outside of any."""
    return _default.get()


def resolve(strategy: str | UpdateStrategy | None) -> UpdateStrategy:
    """Returns the strategy of that name, the object itself once checked, or for None the current default."""
    if strategy is None:
        return _default.get() or STRATEGIES.get(DEFAULT_STRATEGY)
    if isinstance(strategy, str):
        return STRATEGIES.get(strategy)
    check_protocol(strategy)
    return strategy


@contextlib.contextmanager
def default_update_strategy(strategy: str | UpdateStrategy) -> Iterator[Any]:
    """Sets the strategy of every ``batch_norm`` in the block that names none; blocks nest.

    Example:
      >>> with tf1bn.default_update_strategy("collection"):
      ...     y = tf1bn.batch_norm(x, is_training)

    Raises:
      UnknownNameError: no strategy of that name.
      StrategyError: the object does not fulfil the protocol.
      ArgumentTypeError: None.
    """
    with errors.located("default_update_strategy"):
        if strategy is None:
            raise errors.ArgumentTypeError(
                errors.explain("a default strategy must be a name or an object", got=None, expected="a strategy")
            )
        token = _default.set(resolve(strategy))
    try:
        yield _default.get()
    finally:
        _default.reset(token)
