"""Matches the batch norms and kernels of two graphs by how they are connected, not by their names.

Each graph is reduced to *items*: kernels (a convolution or matrix product with its variable) and sites (a batch
norm). An item's neighbours are the nearest items before and behind it. Colours are refined from the items'
own traits and their neighbours' colours until they say as much as they can; items whose colour is unique in both
graphs correspond. What stays alike (symmetric branches) may be told apart by a name that a person gave,
never by an automatic one, and never by equal shapes.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from tf1bn.checkpoint.graph_file import VARIABLE_OPS, GraphFile, Node
from tf1bn.checkpoint.sites import Site

KERNEL_OPS = frozenset(
    {"Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "MatMul", "BatchMatMul", "BatchMatMulV2"}
)
# Gradients mirror the network, and would connect everything with everything.
_SKIPPED = re.compile(r"(^|/)gradients(_\d+)?/")
_WRITES = re.compile(r"^(Resource|Sparse)?(Apply|Assign|Scatter)|^(Save|Restore)")
_AUTOMATIC = re.compile(
    r"(^|/)(batch_normalization|batch_norm|BatchNorm|conv[23]d(_transpose)?|separable_conv2d|dense|Conv|"
    r"fully_connected|Variable|linear)(_v1)?(_\d+)?(/|$)"
)

Colour = object


class Item(NamedTuple):
    """A kernel (named by its variable) or a site (named by its label), its traits and the items before it."""

    name: str
    traits: tuple[object, ...]
    before: frozenset[str]


class _Reducer:
    """Reduces one graph to items."""

    def __init__(self, graph: GraphFile, sites: Sequence[Site]) -> None:
        self._graph = graph
        self._site_of: dict[str, str] = {}
        for site in sites:
            for name in site.tensors.values():
                # A checkpoint name and the op's name may differ.
                self._site_of[graph.variables[name].node or name] = site.label
        self._variable_of = {variable.node: name for name, variable in graph.variables.items()}
        self._pure: dict[str, frozenset[str] | None] = {}
        self._members: dict[str, set[str]] = collections.defaultdict(set)
        self._traits: dict[str, tuple[object, ...]] = {}
        self._item_of: dict[str, frozenset[str]] = {}
        for site in sites:
            sizes = [graph.variables[name].shape for role, name in site.tensors.items() if "counter" not in role]
            widest = max(((shape or (0,))[-1] for shape in sizes if shape != ()), default=0)
            self._traits[site.label] = ("site", widest)

    def items(self) -> dict[str, Item]:
        order = self._order()
        for name in order:
            self._look(name, self._graph.nodes[name])
        near: dict[str, frozenset[str]] = {}
        before: dict[str, set[str]] = {name: set() for name in self._traits}
        for name in order:
            node = self._graph.nodes[name]
            above = frozenset().union(*(near.get(source, frozenset()) for source in node.inputs))
            own = self._item_of.get(name, frozenset())
            for item in own:
                before[item] |= above - {item}
            # An item hides what is before it: neighbours are the nearest ones.
            near[name] = own or above
        return {name: Item(name, traits, self._nearest(before, name)) for name, traits in self._traits.items()}

    def _nearest(self, before: Mapping[str, set[str]], name: str) -> frozenset[str]:
        """Leaves out what is before a site that is itself before the item.

        A batch norm in training takes its input beside the moments of that input, so that more than the site's
        own operations carries on what was before it; in inference one operation does it all.
        """
        sites = [other for other in before[name] if self._traits[other][0] == "site"]
        return frozenset(before[name]).difference(*(before[site] for site in sites))

    def _order(self) -> list[str]:
        """Returns the forward operations so that inputs come first; a loop is cut where it closes."""
        order: list[str] = []
        state: dict[str, int] = {}
        for start in self._graph.nodes:
            # By hand, as a deep network passes the depth that Python recurses to.
            stack = [start]
            while stack:
                name = stack[-1]
                node = self._graph.nodes.get(name)
                if node is None or state.get(name, 0) == 2 or _SKIPPED.search(name) or _WRITES.match(node.op):
                    stack.pop()
                elif state.get(name) == 1:
                    state[name] = 2
                    order.append(name)
                    stack.pop()
                else:
                    state[name] = 1
                    # One that is on its way already closes a loop.
                    stack += [source for source in node.inputs if state.get(source, 0) == 0]
        return order

    def _look(self, name: str, node: Node) -> None:
        """Finds out whether an operation depends on variables alone, and which items it belongs to."""
        if node.op in VARIABLE_OPS:
            self._pure[name] = frozenset({name})
            return
        sources = [self._pure.get(source) for source in node.inputs]
        if (node.inputs and all(source is not None for source in sources)) or node.op == "Const":
            self._pure[name] = frozenset().union(*(source or frozenset() for source in sources))
            return
        self._pure[name] = None
        variables = frozenset().union(*(source for source in sources if source is not None))
        items = {self._site_of[variable] for variable in variables if variable in self._site_of}
        # A kernel may be scaled by a gamma; then the product belongs to the site.
        if node.op in KERNEL_OPS and len(variables) == 1 and not items:
            variable = self._variable_of.get(next(iter(variables)))
            if variable is not None:
                self._traits.setdefault(
                    variable, ("kernel", node.op, self._graph.variables[variable].shape, node.traits)
                )
                items.add(variable)
        if items:
            self._item_of[name] = frozenset(items)


def reduce_graph(graph: GraphFile, sites: Sequence[Site]) -> dict[str, Item]:
    """Returns the items of a graph by name."""
    return _Reducer(graph, sites).items()


class Match(NamedTuple):
    """Correspondence of items.

    Attributes:
      pairs: source item -> target item.
      alike: groups (source names, target names) that cannot be told apart.
    """

    pairs: dict[str, str]
    alike: list[tuple[tuple[str, ...], tuple[str, ...]]]


def match(source: Mapping[str, Item], target: Mapping[str, Item]) -> Match:
    """Returns which items of two graphs correspond."""
    marks: dict[tuple[int, str], object] = {}
    while True:
        groups = _groups(source, target, marks)
        told = _by_names(groups)
        if not told:
            break
        # One at a time: a pair that is told apart may tell its neighbours apart, with no name needed.
        marks[0, told] = marks[1, told] = ("named", told)
    pairs, alike = {}, []
    for ours, theirs in groups:
        if len(ours) == len(theirs) == 1:
            pairs[ours[0]] = theirs[0]
        elif ours and theirs:
            alike.append((tuple(sorted(ours)), tuple(sorted(theirs))))
    return Match(pairs, alike)


def _by_names(groups: list[tuple[list[str], list[str]]]) -> str:
    """Returns a name that a person gave and that one item on each side of a group of look-alikes has."""
    for ours, theirs in groups:
        if len(ours) > 1 and len(theirs) > 1:
            for name in sorted(set(ours) & set(theirs)):
                if not _AUTOMATIC.search(name):
                    return name
    return ""


def _groups(
    source: Mapping[str, Item], target: Mapping[str, Item], marks: Mapping[tuple[int, str], object]
) -> list[tuple[list[str], list[str]]]:
    """Groups the items of both graphs by what is before them; look-alikes also by what is behind them."""
    sides = (source, target)
    colours: dict[tuple[int, str], Colour] = {}
    behind: dict[tuple[int, str], set[str]] = collections.defaultdict(set)
    for side, items in enumerate(sides):
        for name, item in items.items():
            colours[side, name] = (item.traits, marks.get((side, name)))
            for other in item.before:
                behind[side, other].add(name)
    upward = _refine(colours, lambda side, name: sides[side][name].before)
    # What is before an item decides where it can: a head that was added behind must not change its colour.
    single = {colour for colour, keys in _by_colour(upward).items() if len(keys) <= 2}
    both = _refine(upward, lambda side, name: behind[side, name])
    final = {key: upward[key] if upward[key] in single else ("behind", both[key]) for key in upward}
    groups = []
    for keys in _by_colour(final).values():
        groups.append(([name for side, name in keys if side == 0], [name for side, name in keys if side == 1]))
    return groups


def _by_colour(colours: Mapping[tuple[int, str], Colour]) -> dict[Colour, list[tuple[int, str]]]:
    found: dict[Colour, list[tuple[int, str]]] = collections.defaultdict(list)
    for key, colour in colours.items():
        found[colour].append(key)
    return found


def _refine(
    colours: Mapping[tuple[int, str], Colour], neighbours: Callable[[int, str], Iterable[str]]
) -> dict[tuple[int, str], Colour]:
    """Refines colours by the neighbours' until the number of colours stays; colours become small integers."""
    now = dict(colours)
    count = -1
    while True:
        numbers: dict[object, int] = {}
        fresh: dict[tuple[int, str], Colour] = {}
        for (side, name), colour in now.items():
            # Sorted, as neighbours have no order; as text, as colours are of several types in the first round.
            around = tuple(sorted(str(now[side, other]) for other in neighbours(side, name) if (side, other) in now))
            fresh[side, name] = numbers.setdefault((colour, around), len(numbers))
        now = fresh
        # Refinement only splits, so an equal number means that nothing was split.
        if len(numbers) == count:
            return now
        count = len(numbers)
