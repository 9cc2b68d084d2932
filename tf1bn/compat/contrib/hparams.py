"""``tf.contrib.training.HParams``: the settings of a run, by name and with types."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tf1bn import errors

_ENTRY = re.compile(
    r"\s*(?P<name>[A-Za-z]\w*)\s*(?:\[\s*(?P<index>\d+)\s*\]\s*)?=\s*"
    r"(?:\[(?P<several>[^\]]*)\]|(?P<one>[^,\[\]]*))\s*(?:,|$)"
)


class HParams:
    """Settings, each an attribute of the type that its first value had; a list stays a list of that type.

    Args:
      hparam_def: must be None: the message HParamDef left with tf.contrib.
      model_structure: anything; ``get_model_structure`` returns it.
      **kwargs: the settings with their first values.

    Raises:
      ArgumentError: an ``hparam_def``.

    Example:
      >>> hparams = HParams(rate=0.1, sizes=[64, 32])
      >>> hparams.parse("rate=0.01,sizes=[128,64]").sizes
      [128, 64]
    """

    def __init__(self, hparam_def: Any = None, model_structure: Any = None, **kwargs: Any) -> None:
        if hparam_def is not None:
            fix = "Pass the settings by name, or keep them as JSON: HParams(...).parse_json(text)."
            raise errors.ArgumentError(
                errors.explain("`hparam_def` is not served: its message left with tf.contrib", got=hparam_def, fix=fix),
                where="HParams",
            )
        self._types: dict[str, tuple[type, bool]] = {}
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    def add_hparam(self, name: str, value: Any) -> None:
        """Adds a setting.

        Raises:
          ArgumentError: the name is taken, or the value is an empty list.
        """
        if getattr(self, name, None) is not None:
            raise errors.ArgumentError(errors.explain("a setting of that name exists", got=name), where="HParams")
        several = isinstance(value, (list, tuple))
        if several and not value:
            raise errors.ArgumentError(
                errors.explain(f"`{name}` is an empty list, of no type", fix="Give it one value."), where="HParams"
            )
        self._types[name] = (type(value[0]) if several else type(value), several)
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Any) -> None:
        """Gives a setting another value of its type.

        Raises:
          ArgumentError: a list for one value or the reverse, or another type.
          UnknownNameError: there is no such setting.
        """
        kind, several = self._of(name)
        if isinstance(value, (list, tuple)) != several:
            raise errors.ArgumentError(
                errors.explain(f"`{name}` is {'a list' if several else 'one value'}", got=value), where="HParams"
            )
        setattr(self, name, [_cast(name, kind, v) for v in value] if several else _cast(name, kind, value))

    def del_hparam(self, name: str) -> None:
        """Takes a setting away, if there is one of that name."""
        if hasattr(self, name):
            delattr(self, name)
            self._types.pop(name, None)

    def parse(self, values: str) -> HParams:
        """Sets settings from a text ``"a=1,b=[2,3],c[1]=4"`` and returns the object.

        Raises:
          ArgumentError: a text that cannot be read, or a value of another type; UnknownNameError.
        """
        return self.override_from_dict(_parsed(values, self._types, self._listed()))

    def override_from_dict(self, values_dict: Mapping[str, Any]) -> HParams:
        """Sets settings from a dictionary and returns the object."""
        for name, value in values_dict.items():
            if isinstance(value, dict) and isinstance(getattr(self, name, None), list):
                held = list(getattr(self, name))
                for index, entry in value.items():
                    _require_index(name, index, held)
                    held[index] = entry
                value = held
            self.set_hparam(name, value)
        return self

    def set_from_map(self, values_map: Mapping[str, Any]) -> HParams:
        """Sets settings from a dictionary and returns the object, as ``override_from_dict`` does."""
        return self.override_from_dict(values_map)

    def parse_json(self, values_json: str) -> HParams:
        """Sets settings from a JSON object and returns the object."""
        return self.override_from_dict(json.loads(values_json))

    def values(self) -> dict[str, Any]:
        """Returns the settings as a dictionary."""
        return {name: getattr(self, name) for name in self._types}

    def to_json(self, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
        """Returns the settings as a JSON object; functions are left out."""
        plain = {name: value for name, value in self.values().items() if not callable(value)}
        return json.dumps(plain, indent=indent, separators=separators, sort_keys=sort_keys)

    def get(self, key: str, default: Any = None) -> Any:
        """Returns a setting, or the default where there is none.

        Raises:
          ArgumentError: the default is of another type.
        """
        if key not in self._types:
            return default
        if default is not None:
            kind, several = self._types[key]
            for entry in default if several and isinstance(default, (list, tuple)) else [default]:
                _cast(key, kind, entry)
        return getattr(self, key)

    def get_model_structure(self) -> Any:
        """Returns what was given as ``model_structure``."""
        return self._model_structure

    def set_model_structure(self, model_structure: Any) -> None:
        """Sets what ``get_model_structure`` returns."""
        self._model_structure = model_structure

    def __contains__(self, key: str) -> bool:
        return key in self._types

    def __repr__(self) -> str:
        return f"HParams({', '.join(f'{name}={value!r}' for name, value in sorted(self.values().items()))})"

    def _listed(self) -> frozenset[str]:
        return frozenset(name for name, (_, several) in self._types.items() if several)

    def _of(self, name: str) -> tuple[type, bool]:
        if name not in self._types:
            raise errors.UnknownNameError(
                f"HParams: no setting {name!r}. {errors.did_you_mean(name, self._types)}Known: {sorted(self._types)}."
            )
        return self._types[name]


def parse_values(values: str, type_map: Mapping[str, Any], ignore_unknown: bool = False) -> dict[str, Any]:
    """Returns the settings of a text ``"a=1,b=[2,3],c[1]=4"``; an entry of a list as ``{index: value}``.

    Args:
      type_map: type by name.
      ignore_unknown: whether a name that is not in ``type_map`` is left out.

    Raises:
      ArgumentError: a text that cannot be read, or a name that is not in ``type_map``.
    """
    return _parsed(values, type_map, None, ignore_unknown)


def _parsed(
    values: str, type_map: Mapping[str, Any], lists: frozenset[str] | None, ignore_unknown: bool = False
) -> dict[str, Any]:
    """Does :func:`parse_values`; with ``lists``, the names that are lists, the others are not."""
    found: dict[str, Any] = {}
    at = 0
    while at < len(values.rstrip()):
        match = _ENTRY.match(values, at)
        if match is None:
            raise errors.ArgumentError(errors.explain("cannot be read", got=values[at:]), where="parse_values")
        at = match.end()
        if ignore_unknown and match["name"] not in type_map:
            continue
        _take(match, type_map, lists, found)
    return found


def _take(match: re.Match[str], type_map: Mapping[str, Any], lists: Any, found: dict[str, Any]) -> None:
    name, index, several = match["name"], match["index"], match["several"]
    if name not in type_map:
        raise errors.ArgumentError(
            errors.explain(f"no setting {name!r}", fix=errors.did_you_mean(name, type_map).strip()),
            where="parse_values",
        )
    kind = type_map[name][0] if isinstance(type_map[name], tuple) else type_map[name]
    whole = several is not None or (index is not None)
    if lists is not None and whole != (name in lists):
        raise errors.ArgumentError(
            errors.explain(f"`{name}` is {'a list' if name in lists else 'one value'}", got=match[0]),
            where="parse_values",
        )
    if index is not None:
        entries = found.setdefault(name, {})
        if not isinstance(entries, dict) or int(index) in entries:
            raise errors.ArgumentError(errors.explain("given twice", got=name), where="parse_values")
        entries[int(index)] = _cast(name, kind, match["one"].strip())
        return
    if name in found:
        raise errors.ArgumentError(errors.explain("given twice", got=name), where="parse_values")
    if several is None:
        found[name] = _cast(name, kind, match["one"].strip())
    else:
        found[name] = [_cast(name, kind, entry.strip()) for entry in several.split(",") if entry.strip()]


def _cast(name: str, kind: type, value: Any) -> Any:
    """Returns a value in the type of a setting; a number keeps its size, and text is read."""
    if value is None or kind is type(None) or (kind is not bool and isinstance(value, kind)):
        return value
    try:
        if kind is bool:
            return _switch(value)
        if issubclass(kind, str) and isinstance(value, str):
            return value
        if kind is float and isinstance(value, (int, str)) and not isinstance(value, bool):
            return float(value)
        if kind is int and isinstance(value, str):
            return int(value)
        if kind is int and not isinstance(value, bool) and int(value) == value:
            return int(value)
    except (TypeError, ValueError):
        pass
    raise errors.ArgumentError(
        errors.explain(f"`{name}` has another type", got=value, expected=kind.__name__), where="HParams"
    )


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    raise ValueError(value)


def _require_index(name: str, index: int, held: list[Any]) -> None:
    if not 0 <= index < len(held):
        raise errors.ArgumentError(
            errors.explain(f"`{name}` has {len(held)} entries", got=f"{name}[{index}]"), where="HParams"
        )
