"""The registry of reducers: each row is a name and what makes a reducer without arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tf1bn import errors
from tf1bn.distribute import base
from tf1bn.distribute.allreduce import Allreduce
from tf1bn.distribute.collectives import Collectives
from tf1bn.distribute.grouped import Grouped
from tf1bn.distribute.replicas import Replicas
from tf1bn.registry import Registry


def _check_maker(maker: Any) -> None:
    if not callable(maker):
        raise errors.StrategyError(
            errors.explain("a row of the reducers is what makes one", got=maker, expected="a class or a function")
        )


REDUCERS: Registry[Callable[..., base.Reducer]] = Registry("reducer", _check_maker, entry_points="tf1bn.reducers")
for _name, _maker in (
    ("replicas", Replicas),
    ("collectives", Collectives),
    ("allreduce", Allreduce),
    ("grouped", Grouped),
):
    REDUCERS.register(_name, _maker)


def register_reducer(name: str, maker: Callable[..., base.Reducer], *, replace: bool = False) -> Any:
    """Makes a reducer available under a name.

    Installed packages can do the same with an entry point of the group ``tf1bn.reducers``.

    Args:
      name: what to write as ``statistics``.
      maker: a class or function that returns a reducer; see ``Reducer``. One that can be called without arguments
        can be used by its name alone.
      replace: allows to take over a name that is registered.

    Returns:
      ``maker``.

    Raises:
      StrategyError: ``maker`` cannot be called.
      ArgumentError: the name is taken.
      ArgumentTypeError: the name is not a non-empty string.
    """
    with errors.located("register_reducer"):
        return REDUCERS.register(name, maker, replace=replace)


def resolve(reducer: Any) -> Any:
    """Returns the reducer of that name, or the object itself once checked.

    Raises:
      UnknownNameError: no reducer of that name; ArgumentError: it needs arguments.
      StrategyError: the object is not a reducer.
    """
    if isinstance(reducer, str):
        maker = REDUCERS.get(reducer)
        try:
            reducer = maker()
        except TypeError as error:
            raise errors.ArgumentError(
                errors.explain(
                    f"reducer {reducer!r} needs arguments: {error}",
                    fix=f"Pass the object: tf1bn.distribute.{getattr(maker, '__name__', maker)}(...).",
                )
            ) from error
    base.check_protocol(reducer)
    return reducer
