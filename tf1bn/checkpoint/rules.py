"""The user's own rules: renaming and dropping by regular expression, a map of names, layouts from a JSON file."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.checkpoint import layout as layout_module
from tf1bn.checkpoint.layout import Layout, Leaf


class Rules(NamedTuple):
    """Checked rules.

    Attributes:
      renames: (pattern, replacement), applied to every target name one after the other.
      drops: a source tensor whose name one of these matches is left out.
      mapping: source name -> target name; wins over everything else.
    """

    renames: tuple[tuple[re.Pattern[str], str], ...] = ()
    drops: tuple[re.Pattern[str], ...] = ()
    mapping: Mapping[str, str] = {}

    def dropped_by(self, name: str) -> str:
        """Returns the pattern that drops a name, or nothing."""
        return next((drop.pattern for drop in self.drops if drop.search(name)), "")

    def renamed(self, name: str, used: set[str]) -> str:
        """Returns the name after all renames; notes the patterns that changed something in ``used``."""
        for pattern, replacement in self.renames:
            name, hits = pattern.subn(replacement, name)
            if hits:
                used.add(pattern.pattern)
        return name


def _compile(pattern: str, what: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise errors.ArgumentError(
            errors.explain(f"{what} is not a regular expression", got=pattern, fix=f"{error}.")
        ) from None


def parse(
    renames: Iterable[str] = (),
    drops: Iterable[str] = (),
    mapping: Mapping[str, str] | str | os.PathLike[str] = (),  # type: ignore[assignment]
) -> Rules:
    """Checks rules as the user writes them.

    Args:
      renames: ``REGEX=>NEW`` each; NEW may use ``\\1``.
      drops: regular expressions.
      mapping: source name -> target name, or a JSON file of such an object.

    Raises:
      ArgumentError: a rule is malformed.
      DataError: the file is not a JSON object of names.
    """
    parsed = []
    for text in renames:
        pattern, arrow, replacement = text.partition("=>")
        if not arrow or not pattern:
            raise errors.ArgumentError(errors.explain("a rename is malformed", got=text, expected="REGEX=>NEW"))
        compiled = _compile(pattern, "the left side of a rename")
        try:
            # The empty alternative always matches, so that a wrong group number shows here, and not in the midst of a
            # plan.
            re.compile(compiled.pattern + "|").sub(replacement, "")
        except (re.error, IndexError) as error:
            raise errors.ArgumentError(
                errors.explain("the right side of a rename is malformed", got=text, fix=f"{error}.")
            ) from None
        parsed.append((compiled, replacement))
    names = _names(mapping) if isinstance(mapping, (str, os.PathLike)) else dict(mapping or {})
    return Rules(tuple(parsed), tuple(_compile(drop, "a pattern to drop") for drop in drops), names)


def _load(path: str | os.PathLike[str], what: str, build: Callable[[Any], Any]) -> Any:
    try:
        with open(path, encoding="utf-8") as file:
            return build(json.load(file))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, errors.Tf1bnError):
            raise
        raise errors.DataError(errors.explain(f"cannot read {what} {os.fspath(path)!r}", got=str(error))) from error


def _names(path: str | os.PathLike[str]) -> dict[str, str]:
    def build(data: Any) -> dict[str, str]:
        if not isinstance(data, dict) or not all(isinstance(value, str) and value for value in data.values()):
            raise errors.DataError(
                errors.explain(
                    f"{os.fspath(path)!r} is no map of names", expected='one JSON object {"source name": "target name"}'
                )
            )
        return data

    return _load(path, "the map", build)  # type: ignore[no-any-return]


_LEAF_KEYS = {field.name for field in dataclasses.fields(Leaf)}
_LAYOUT_KEYS = {"name", "title", "leaves", "default_scope", "epsilon", "automatic"}


def _refuse_unknown(row: Any, known: set[str], what: str) -> None:
    if not isinstance(row, dict):
        raise errors.DataError(errors.explain(f"{what} must be a JSON object", got=row))
    for key in row:
        if key not in known:
            raise errors.DataError(
                errors.explain(
                    f"{what} has an unknown key",
                    got=key,
                    expected=f"one of {', '.join(sorted(known))}",
                    fix=errors.did_you_mean(key, known).strip(),
                )
            )


def load_layout(path: str | os.PathLike[str]) -> Layout:
    """Returns the layout that a JSON file describes.

    The file is one object: ``name``, optional ``title``, ``default_scope``, ``epsilon`` and ``automatic``, and
    ``leaves``, a list of objects with the fields of :class:`tf1bn.checkpoint.layout.Leaf`.

    Raises:
      DataError: not such a file.
      ArgumentError: the layout contradicts itself.
    """

    def build(data: Any) -> Layout:
        _refuse_unknown(data, _LAYOUT_KEYS, "a layout")
        leaves = []
        for row in data["leaves"]:
            _refuse_unknown(row, _LEAF_KEYS, "a leaf")
            leaves.append(Leaf(**row | {"patterns": tuple(row.get("patterns", ()))}))
        made = Layout(
            name=data["name"],
            title=data.get("title", data["name"]),
            leaves=tuple(leaves),
            default_scope=data.get("default_scope", ""),
            automatic=bool(data.get("automatic", False)),
            epsilon=data.get("epsilon"),
        )
        layout_module.check(made)
        return made

    return _load(path, "the layout", build)  # type: ignore[no-any-return]
