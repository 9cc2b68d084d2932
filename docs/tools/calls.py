"""Signatures that are written elsewhere, for the reader of sources: ``@takes(Kind)`` shows the fields of ``Kind``."""

from __future__ import annotations

from typing import Any

import griffe

DECORATORS = tuple(f"tf1bn.compat.calls.{name}" for name in ("takes", "made_with", "method_takes", "takes_as"))


class Calls(griffe.Extension):
    """Gives decorated functions the arguments that programs pass."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Looks through a package, once all of it is read."""
        _look(pkg, pkg)


def _look(place: griffe.Module | griffe.Class, pkg: griffe.Module) -> None:
    for member in place.members.values():
        if member.is_alias:
            continue
        if member.is_function:
            _show(member, pkg)
        elif member.is_module or member.is_class:
            _look(member, pkg)


def _show(function: griffe.Function, pkg: griffe.Module) -> None:
    for decorator in function.decorators:
        if decorator.callable_path not in DECORATORS:
            continue
        kind = pkg.modules_collection[decorator.value.arguments[0].canonical_path]
        if kind.is_function:
            function.parameters = griffe.Parameters(*redefined(kind, decorator.value.arguments[1:]))
        elif function.name == "__init__":
            keywords = [griffe.Parameter("kwargs", kind=griffe.ParameterKind.var_keyword)] if by_keyword(kind) else []
            function.parameters = griffe.Parameters(function.parameters["self"], *fields(kind), *keywords)
        elif decorator.callable_path.endswith(".method_takes"):
            function.parameters = griffe.Parameters(next(iter(function.parameters)), *fields(kind))
        else:
            function.parameters = griffe.Parameters(*fields(kind))


def redefined(other: griffe.Function, defaults: list[Any]) -> list[griffe.Parameter]:
    """Returns the arguments of another function, some with other defaults."""
    new = {default.name: default.value for default in defaults}
    return [
        griffe.Parameter(
            given.name, annotation=given.annotation, kind=given.kind, default=new.get(given.name, given.default)
        )
        for given in other.parameters
    ]


def by_keyword(kind: griffe.Class) -> bool:
    """Whether some fields are given by keyword only."""
    said = (_said(field) for above in (kind, *kind.mro()) for field in above.attributes.values())
    return any(field.get("kw_only") == "True" for field in said)


def fields(kind: griffe.Class) -> list[griffe.Parameter]:
    """Returns the arguments that may be given by place.

    As dataclasses have it: the fields of the last base first, and a field that is written again keeps its place.
    """
    found: dict[str, griffe.Parameter | None] = {}
    for above in reversed([kind, *kind.mro()]):
        for name, field in above.attributes.items():
            if "property" not in field.labels:
                said = _said(field)
                found[name] = griffe.Parameter(
                    name,
                    annotation=field.annotation,
                    kind=griffe.ParameterKind.positional_or_keyword,
                    default=said.get("default") if said else field.value,
                )
                if said.get("init") == "False" or said.get("kw_only") == "True":
                    found[name] = None
    return [parameter for parameter in found.values() if parameter is not None]


def _said(field: griffe.Attribute) -> dict[str, Any]:
    """Returns what ``field(...)`` is given, nothing where a plain default stands."""
    value = field.value
    if isinstance(value, griffe.ExprCall) and value.canonical_path == "dataclasses.field":
        return {argument.name: str(argument.value) for argument in value.arguments}
    return {}
