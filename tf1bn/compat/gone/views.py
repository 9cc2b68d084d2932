"""Modules of other packages as an old program sees them: all that they have today, and the names that left them.

Trick: the module stays untouched. A view is a module object that looks names up in the module, then in the tables;
what the program writes to it is written to the module, as in ``np.load = ...``.
"""

from __future__ import annotations

import importlib
import operator
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tf1bn import errors
from tf1bn.compat.gone import tables

ORIGIN = "names that left other packages"
_MISSING = object()
_DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn"}

Rows = Mapping[str, Mapping[str, str]]


class Views:
    """The views of one program.

    Args:
      rows: module -> name that left it -> target, as in :mod:`tables`; more of them than there.
      changed: module -> name that does something else today -> target; more of them than there.
    """

    def __init__(self, rows: Rows | None = None, changed: Rows | None = None) -> None:
        self._rows = _together(tables.ROWS, rows or {})
        self._changed = _together(tables.CHANGED, changed or {})
        self._made: dict[str, View] = {}
        names = (*self._rows, *self._changed, *tables.SPREAD, *tables.MODULES)
        self._viewed = {".".join(name.split(".")[:count]) for name in names for count in range(1, name.count(".") + 2)}

    def knows(self, name: str) -> bool:
        """Whether an import of a module is answered here: the package that it is in has rows."""
        return name.partition(".")[0] in self._viewed

    def imported(self, name: str, fromlist: Sequence[str], plain: Callable[[], Any]) -> types.ModuleType:
        """Does an absolute import for a program.

        Args:
          name: of the module, dotted.
          fromlist: names that ``from name import ...`` takes; empty for ``import name``.
          plain: does the same import as every other module gets it.

        Returns:
          What the import statement binds: the module of ``name`` with a ``fromlist``, else of its first part.

        Raises:
          ModuleNotFoundError: there is no such module, and no table has what it was.
        """
        try:
            plain()
        except ModuleNotFoundError as error:
            if not _lacks(error, name) or (name not in tables.WHOLE and _replaced(name) is None):
                raise
            _tell(name)
        return self.module(name if fromlist else name.partition(".")[0])

    def module(self, name: str) -> types.ModuleType:
        """Returns a module that has been imported, as the program sees it."""
        if name in self._viewed:
            return self._made.setdefault(name, View(name, self))
        replaced = None if name in sys.modules else _replaced(name)
        return sys.modules[name] if replaced is None else replaced

    def look_up(self, path: str, name: str) -> Any:
        """Returns what a name of a module means to the program.

        Raises:
          AttributeError: neither today's module nor a table has it.
        """
        if name == "__all__":
            return self._starred(path)
        if name in self._changed.get(path, ()):
            return self._target(self._changed[path][name])
        real = _real(path)
        missing = AttributeError(f"module {path!r} has no attribute {name!r}")
        left = name in self._rows.get(path, ()) and (real is None or name not in vars(real))  # asking would only warn
        if real is not None and not left:
            try:
                return self._seen(getattr(real, name))
            except AttributeError as error:
                missing = error
        value = self._gone(path, name)
        if value is _MISSING:
            raise missing
        return value

    def names(self, path: str) -> list[str]:
        """Returns all names of a module."""
        real = _real(path)
        return sorted({*(dir(real) if real else ()), *self._rows.get(path, ())})

    def _starred(self, path: str) -> list[str]:
        """Returns what ``from module import *`` takes: also names that left, but none that would hide Python's own."""
        rows = self._rows.get(path, {})
        left = [name for name, target in rows.items() if not target.startswith("builtins:")]
        return [*dict.fromkeys([*getattr(_real(path), "__all__", dir(_real(path))), *left])]

    def _gone(self, path: str, name: str) -> Any:
        """Returns what has taken the place of a name that a module has no more."""
        full = f"{path}.{name}"
        if name in self._rows.get(path, ()):
            _tell(full)
            return self._target(self._rows[path][name])
        if path in tables.SPREAD and not name.startswith("_") and _real(path) is not None:
            value = getattr(importlib.import_module(tables.SPREAD[path]), name, _MISSING)
            if value is not _MISSING:
                _tell(full)
            return value
        if full in tables.MODULES:
            return _replaced(full)
        return self.module(full) if full in tables.WHOLE else _MISSING

    def _seen(self, value: Any) -> Any:
        """Returns a value of a module as the program sees it: a module with rows becomes its view."""
        if isinstance(value, types.ModuleType) and value.__name__ in self._viewed:
            return self.module(value.__name__)
        return value

    def _target(self, target: str) -> Any:
        place, _, name = target.partition(":")
        if not name and place in self._viewed:
            return self.module(place)
        if place.startswith("@"):
            place = f"tf1bn.compat.{place[1:]}"
        found = _imported(place, f"`{place}.{name}`" if name else f"`{place}`")
        return operator.attrgetter(name)(found) if name else found


class View(types.ModuleType):
    """One module as a program sees it."""

    def __init__(self, name: str, views: Views) -> None:
        super().__init__(name)
        vars(self).clear()  # so that ``__file__``, ``__spec__`` and all else are the module's
        vars(self).update(_View__name=name, _View__views=views)

    def __getattr__(self, name: str) -> Any:
        return self.__views.look_up(self.__name, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_real(self.__name), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_real(self.__name), name)

    def __dir__(self) -> list[str]:
        return self.__views.names(self.__name)

    def __repr__(self) -> str:
        return f"<module {self.__name!r} as old programs know it>"


def _together(ours: Rows, more: Rows) -> dict[str, dict[str, str]]:
    return {place: {**ours.get(place, {}), **more.get(place, {})} for place in (*ours, *more)}


def _real(path: str) -> types.ModuleType | None:
    """Returns today's module, or what has taken its place, or None."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        return _replaced(path)


def _replaced(name: str) -> types.ModuleType | None:
    """Returns the module that has the names of one that left, or None."""
    for old, new in tables.MODULES.items():
        if name == old or name.startswith(old + "."):
            return _imported(new + name[len(old) :], f"`{new}`")
    return None


def _imported(place: str, words: str) -> types.ModuleType:
    """Imports what has taken the place of something that left."""
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if not _lacks(error, place):
            raise
        head = place.partition(".")[0]
        fix = f"Run: pip install {_DISTRIBUTIONS.get(head, head)}"
        text = errors.explain(f"it is {words} today, and {head} is not installed", fix=fix)
        raise errors.AbsentModuleError(text, where="import") from error


def _lacks(error: ModuleNotFoundError, name: str) -> bool:
    """Whether a module itself is what an import did not find, and not one that it needs."""
    return error.name is not None and f"{name}.".startswith(f"{error.name}.")


def _tell(path: str) -> None:
    from tf1bn.compat import namespace  # loads TensorFlow

    namespace.notify(path, ORIGIN)
