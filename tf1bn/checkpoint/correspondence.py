"""Which site and which kernel of a target program each one of a source is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tf1bn.checkpoint import graph_file, naming, sites, topology
from tf1bn.checkpoint.bundle import TensorInfo
from tf1bn.checkpoint.layout import Layout
from tf1bn.checkpoint.plan import Trouble
from tf1bn.checkpoint.rules import Rules
from tf1bn.checkpoint.sites import Site
from tf1bn.checkpoint.target_graph import Target

_COUNTED = re.compile(r"_\d+$")
_SYNONYMS = {"weights": "kernel", "biases": "bias", "W": "kernel", "b": "bias", "w": "kernel"}


class Correspondence(NamedTuple):
    """Result of the match.

    Attributes:
      sites: index of a source site -> the target's site.
      names: source name -> target name, for kernels and what lies beside them.
      troubles, notes: what could not be told, and what was resolved.
    """

    sites: dict[int, Site]
    names: dict[str, str]
    troubles: list[Trouble]
    notes: list[str]


def find(
    found: Sequence[Site],
    wanted: Sequence[Site],
    tensors: Mapping[str, TensorInfo],
    target: Target,
    source_graph: str | os.PathLike[str] | None,
    prefix: str,
    rules: Rules,
) -> Correspondence:
    """Matches by topology where both graphs are known, else by names, which must then not have shifted."""
    path = os.fspath(source_graph) if source_graph is not None else prefix + ".meta"
    if target.graph is None or (source_graph is None and not os.path.isfile(path)):
        return _by_names(found, wanted, rules)
    graph = graph_file.read_graph(path)
    ours = [site for site in sites.recognise(_known(graph, tensors), _one_layout(found))]
    theirs = list(wanted)
    matched = topology.match(topology.reduce_graph(graph, ours), topology.reduce_graph(target.graph, theirs))
    return _by_topology(found, theirs, matched, tensors, target, rules)


def _one_layout(found: Sequence[Site]) -> Layout | None:
    layouts = {site.layout.name: site.layout for site in found}
    return next(iter(layouts.values())) if len(layouts) == 1 else None


def _known(graph: graph_file.GraphFile, tensors: Mapping[str, TensorInfo]) -> dict[str, TensorInfo]:
    return {name: tensors[name] for name in graph.variables if name in tensors}


def _by_topology(
    found: Sequence[Site],
    theirs: Sequence[Site],
    matched: topology.Match,
    tensors: Mapping[str, TensorInfo],
    target: Target,
    rules: Rules,
) -> Correspondence:
    by_label = {site.label: site for site in theirs}
    result = Correspondence({}, {}, [], [])
    for at, site in enumerate(found):
        other = matched.pairs.get(site.label)
        if other in by_label:
            result.sites[at] = by_label[other]
            if other != _place(site, by_label[other].layout, rules):
                result.notes.append(f"drift: {site.label} is {other} in the target, by its place in the graph")
    for ours, others in matched.alike:
        text = f"cannot be told from each other: {', '.join(ours)} and {', '.join(others)} in the target; use --map"
        result.troubles.append(Trouble("drift", ours[0], text))
    _fill_by_names(found, theirs, result, matched, rules)
    by_scope = _by_scope(tensors)
    for name, other in matched.pairs.items():
        if name in tensors and other in target.variables:
            result.names[name] = other
            if name != other and rules.renamed(name, set()) != other:
                result.notes.append(f"drift: {name} is {other} in the target, by its place in the graph")
            result.names.update(_neighbours(name, other, by_scope, target))
    return result


def _fill_by_names(
    found: Sequence[Site], theirs: Sequence[Site], result: Correspondence, matched: topology.Match, rules: Rules
) -> None:
    """Adds sites that the graphs do not connect to anything, by names that a person gave."""
    alike = {name for ours, _ in matched.alike for name in ours}
    used = {id(site) for site in result.sites.values()}
    free = {site.label: site for site in theirs if id(site) not in used and not _COUNTED.search(site.label)}
    layouts = {site.layout.name: site.layout for site in free.values()}.values()
    for at, site in enumerate(found):
        if at in result.sites or site.label in alike:
            continue
        for layout in layouts:
            other = free.get(_place(site, layout, rules))
            if other is not None and other.layout is layout:
                result.sites[at] = other


def _by_scope(tensors: Mapping[str, TensorInfo]) -> dict[str, list[str]]:
    """Returns scope -> the tensors directly in it."""
    found: dict[str, list[str]] = {}
    for name in tensors:
        found.setdefault(name.rpartition("/")[0], []).append(name)
    return found


def _neighbours(name: str, other: str, by_scope: Mapping[str, Sequence[str]], target: Target) -> dict[str, str]:
    """Returns what lies in the scopes of two kernels under the same or a synonymous leaf: a bias."""
    scope, there = name.rpartition("/")[0], other.rpartition("/")[0]
    if not scope or not there:
        return {}
    pairs = {}
    for near in by_scope.get(scope, ()):
        leaf = near.rpartition("/")[2]
        for candidate in (leaf, _SYNONYMS.get(leaf, leaf)):
            if near != name and f"{there}/{candidate}" in target.variables:
                pairs[near] = f"{there}/{candidate}"
                break
    return pairs


def _place(site: Site, layout: Layout, rules: Rules) -> str:
    """Returns the label that names alone would give a site in the target."""
    scope, twin = naming.target_place(site, layout)
    renamed = rules.renamed(scope + "/", set()).rstrip("/")
    return f"{renamed or '(root)'}{twin}"


def _by_names(found: Sequence[Site], wanted: Sequence[Site], rules: Rules) -> Correspondence:
    """Matches sites by scope; automatic names only when all of them agree, since one more or less shifts the rest."""
    by_label = {site.label: site for site in wanted}
    result = Correspondence({}, {}, [], [])
    used: set[str] = set()
    for at, site in enumerate(found):
        for layout in {other.layout.name: other.layout for other in wanted}.values():
            label = _place(site, layout, rules)
            if label in by_label and by_label[label].layout is layout and label not in used:
                result.sites[at] = by_label[label]
                used.add(label)
                break
    lost = [site.label for at, site in enumerate(found) if at not in result.sites]
    spare = [label for label in by_label if label not in used]
    automatic = [
        at for at, site in result.sites.items() if site.layout.is_default(site.scope) and site.layout.automatic
    ]
    if lost and spare and (automatic or any(_COUNTED.search(label) for label in lost)):
        text = (
            f"automatic names may have shifted: {', '.join(lost[:5])} of the source are not in the target, "
            f"{', '.join(spare[:5])} of the target not in the source; give --source_graph, or --map"
        )
        result.troubles.append(Trouble("drift", lost[0], text))
    return result
