"""Names in a checkpoint and in a graph, brought together: the shared analysis of the checkpoint rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from tf1bn.graph.once import once
from tf1bn.graph.site import Site
from tf1bn.graph.variables import Variable

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

_LEAVES = {
    "mean": ("moving_mean", "mean/EMA", "running_mean", "pop_mean", "moving_avg"),
    "variance": (
        "moving_variance",
        "variance/EMA",
        "running_var",
        "running_variance",
        "pop_var",
        "pop_variance",
        "moving_var",
    ),
    "gamma": ("gamma", "scale"),
    "beta": ("beta", "offset", "bias"),
}
_ATTRIBUTES = "/.ATTRIBUTES/VARIABLE_VALUE"
_AUTOMATIC = re.compile(r"(^|/)(batch_normalization|BatchNorm|batch_norm)$")


class Group(NamedTuple):
    """The stored tensors of one batch norm."""

    scope: str
    names: dict[str, str]
    model: Any

    def value(self, role: str) -> Any:
        """The stored value of mean, variance, gamma or beta, or None."""
        name = self.names.get(role)
        return None if name is None else self.model.checkpoint.get(name)


def groups(model: GraphModel) -> Iterator[Group]:
    """Yields the batch norms of the checkpoint: those of the graph's sites, then others that are named like one."""
    if model.checkpoint is None:
        return
    done: set[str] = set()
    for site in model.sites:
        names = {
            role: variable.key
            for role, variable in (
                ("gamma", site.gamma),
                ("beta", site.beta),
                ("mean", _first(site.mean)),
                ("variance", _first(site.variance)),
            )
            if variable is not None and variable.key in model.checkpoint
        }
        if {"mean", "variance"} <= set(names) and names["mean"] not in done:
            done.update(names.values())
            yield Group(site.scope, names, model)
    for name in sorted(model.checkpoint.shapes):
        prefix = _prefix(name, "variance")
        if prefix is None or name in done:
            continue
        found = {role: stored for role in _LEAVES if (stored := _stored(model, prefix, role, name)) is not None}
        if "mean" in found and found["mean"] not in done:
            yield Group(prefix, found, model)


def lost(model: GraphModel, site: Site, variable: Variable) -> bool:
    """Whether a checkpoint of this model lacks a statistic, and no other rule explains why."""
    values = model.checkpoint
    if values is None or variable.key in values or f"{variable.key}/ExponentialMovingAverage" in values:
        return False
    if not any(item.key in values for item in [*site.affine, *site.statistics]) or not site.affine:
        return False
    return not any(owner is variable for _, owner, _ in renumbered(model))


def renumbered(model: GraphModel) -> Iterator[tuple[Site, Variable, str]]:
    """Yields statistics with a number that the checkpoint knows only without it."""
    values = model.checkpoint
    if values is None:
        return
    for site in model.sites:
        for variable in site.statistics:
            scope, slash, leaf = variable.key.rpartition("/")
            base, number = _split(scope)
            plain = f"{base}{slash}{leaf}"
            if number and variable.key not in values and plain in values and plain not in _keys(model):
                yield site, variable, plain


def families(model: GraphModel) -> Iterator[tuple[str, dict[str, tuple], dict[str, tuple]]]:
    """Yields for each automatically numbered family its members, with shapes, in graph and checkpoint."""
    if model.checkpoint is None:
        return
    here: dict[str, dict[str, tuple]] = {}
    there: dict[str, dict[str, tuple]] = {}
    for site in model.sites:
        for variable in site.mean[:1]:
            _file(here, variable.key, tuple(variable.shape or ()))
    for name, shape in model.checkpoint.shapes.items():
        if _prefix(name, "mean") is not None:
            _file(there, name, tuple(shape))
    for family in sorted(set(here) & set(there)):
        yield family, here[family], there[family]


def _file(into: dict[str, dict[str, tuple]], name: str, shape: tuple) -> None:
    scope = name.rpartition("/")[0]
    base = _split(scope)[0]
    if _AUTOMATIC.search(base):
        into.setdefault(base, {})[scope] = shape


def _split(scope: str) -> tuple[str, str | None]:
    """Returns a scope without its number, and the number."""
    base, mark, number = scope.rpartition("_")
    return (base, number) if mark and number.isdigit() else (scope, None)


@once
def _keys(model: GraphModel) -> frozenset[str]:
    """The names that the variables of the graph have in a checkpoint."""
    return frozenset(variable.key for variable in model.variables.by_node.values())


def _first(variables: list[Variable]) -> Variable | None:
    return variables[0] if variables else None


def _prefix(name: str, role: str) -> str | None:
    plain = name.removesuffix(_ATTRIBUTES)
    for leaf in _LEAVES[role]:
        if plain == leaf or plain.endswith(f"/{leaf}"):
            return plain[: -len(leaf)].rstrip("/")
    return None


def _stored(model: GraphModel, prefix: str, role: str, like: str) -> str | None:
    tail = _ATTRIBUTES if like.endswith(_ATTRIBUTES) else ""
    for leaf in _LEAVES[role]:
        name = f"{prefix}/{leaf}{tail}" if prefix else f"{leaf}{tail}"
        if name in model.checkpoint:
            return name
    return None
