"""A registry of named plug-ins, checked completely when they register.

One class serves every catalog of the project (update strategies, checkpoint layouts, audit rules): names
are unique, a plug-in that does not fulfil its protocol is refused at once and not at first use, unknown
names are answered with the closest known one, and installed packages can add rows through an entry-point
group.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Generic, TypeVar

from tf1bn import errors

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps names to plug-ins of one kind.

    Args:
      kind: what the entries are called in messages, for example ``"update strategy"``.
      check: called with each new plug-in; raises if it does not fulfil its protocol.
      entry_points: entry-point group that is read on the first lookup of a name that is not built in.
    """

    def __init__(self, kind: str, check: Callable[[T], None], entry_points: str = "") -> None:
        self._kind = kind
        self._check = check
        self._group = entry_points
        self._rows: dict[str, T] = {}
        self._scanned = not entry_points

    def register(self, name: str, plugin: T, *, replace: bool = False) -> T:
        """Adds a plug-in under ``name`` and returns it.

        Raises:
          ArgumentTypeError: ``name`` is not a non-empty string.
          ArgumentError: the name is taken and ``replace`` is False.
          Tf1bnError: whatever the protocol check raises; nothing is registered then.
        """
        if not isinstance(name, str) or not name:
            raise errors.ArgumentTypeError(
                errors.explain(f"{self._kind}: the name must be a non-empty string", got=name)
            )
        if name in self._rows and not replace:
            raise errors.ArgumentError(
                errors.explain(
                    f"{self._kind} {name!r} is already registered",
                    got=self._rows[name],
                    expected="a new name",
                    fix="Choose another name, or pass replace=True.",
                )
            )
        self._check(plugin)
        self._rows[name] = plugin
        return plugin

    def get(self, name: str) -> T:
        """Returns the plug-in of that name.

        Raises:
          UnknownNameError: nobody registered the name; the text lists the known ones, sorted.
          ArgumentError: the name is not built in, and an installed package offers something unusable.
        """
        if name not in self._rows:
            self._scan()
        if name in self._rows:
            return self._rows[name]
        raise errors.UnknownNameError(
            errors.explain(
                f"unknown {self._kind} {name!r}",
                expected=f"one of {', '.join(self.names())}",
                fix=errors.did_you_mean(name, self._rows).strip(),
            )
        )

    def names(self) -> tuple[str, ...]:
        """Returns all registered names, sorted, those of installed packages included."""
        self._scan()
        return tuple(sorted(self._rows))

    def _scan(self) -> None:
        """Registers what installed packages offer; the first to claim a name keeps it."""
        if self._scanned:
            return
        for point in importlib.metadata.entry_points(group=self._group):
            if point.name not in self._rows:
                self._load(point)
        self._scanned = True

    def _load(self, point: importlib.metadata.EntryPoint) -> None:
        try:
            self.register(point.name, point.load())
        except Exception as error:  # whatever an installed package does, say which one it was
            raise errors.ArgumentError(
                errors.explain(
                    f"the installed {self._kind} {point.name!r} cannot be used: {error}",
                    got=point.value,
                    expected=f"an entry point of the group {self._group!r} that loads one",
                    fix="Repair or uninstall the package that declares it.",
                )
            ) from error
