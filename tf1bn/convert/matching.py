"""Finds which layer of another model each layer is, by kind, shape, order and place; it never guesses.

Layers fall into classes of one kind and one shape. A class with one member on each side is certain. Within a class
of several, the order decides only where it is an order: each layer of the source computes from the one before, and
the names of the target say their order, too. What runs side by side is told apart by a neighbour that is known, such
as the convolution in front of a batch norm; else it is listed as a question.
"""

from __future__ import annotations

import collections
import functools
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tf1bn.convert import dialects, guessing, naming
from tf1bn.convert.layer import CERTAIN, LIKELY, Doubt, Layer, Match
from tf1bn.convert.states import State
from tf1bn.convert.target import Target, constant

Signature = tuple[Any, ...]
_RECURRENT = re.compile(r"^(weight_ih|weight_hh|bias_ih|bias_hh)(_l\d+(?:_reverse)?)?$")
_MAY_LACK_BIAS = ("conv", "depthwise", "transposed", "dense")
_GATES = re.compile(r"^(.*\.|)((?:gates|candidate)\.(?:weight|bias))$")
_TELLING = re.compile(r"weight|gates|candidate|\w*kernel$|embeddings$")
_NORM = {"running_mean", "running_var"}


class Wanted(NamedTuple):
    """A layer of the target.

    Attributes:
      name: what its tensors' names begin with.
      words: last word, as a kind of use spells it -> whole name.
      shapes: last word -> shape.
      place: in the order of the target.
      kind: the kind of use that it is, where the target says so.
      before: places of the layers whose results it takes; None where the target does not say what feeds what.
    """

    name: str
    words: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    place: int
    kind: str = ""
    before: frozenset[int] | None = None


def layers_of(state: State) -> list[Wanted]:
    """Returns the layers of a PyTorch-like state, in its order."""
    groups: dict[str, dict[str, str]] = {}
    for name in state.shapes:
        prefix, _, word = name.rpartition(".")
        found = _RECURRENT.match(word)
        gate = _GATES.match(name)
        if gate and {f"{gate[1]}gates.weight", f"{gate[1]}candidate.weight"} <= set(state.shapes):
            prefix, word = gate[1].rstrip("."), gate[2]
        key, word = (f"{prefix}{found[2] or ''}", f"{found[1]}_l0") if found else (prefix, word)
        groups.setdefault(key, {})[word] = name
    singles: list[Wanted] = []
    for key, words in groups.items():
        known = set(words) & {"weight", "weight_ih_l0", "gates.weight"}
        if known or set(words) >= _NORM:
            singles.append(_wanted(key, words, state))
        else:
            singles += [_wanted(name, {word: name}, state) for word, name in words.items()]
    places = {name: place for place, name in enumerate(state.shapes)}
    singles.sort(key=lambda item: min(places[name] for name in item.words.values()))
    return [item._replace(place=place) for place, item in enumerate(singles)]


def _wanted(name: str, words: dict[str, str], state: State) -> Wanted:
    return Wanted(name, words, {word: state.shapes[full] for word, full in words.items()}, 0)


def match(layers: Sequence[Layer], state: State, dialect: str, doubts: list[Doubt], notes: list[str]) -> None:
    """Gives layers the names that a state has for them; adds a question for each that is not certain of one.

    Args:
      layers: of the source, in forward order; those that a map named are taken as named.
      state: of the target.
      dialect: whose axes the tensors have.
      doubts, notes: what is found is added.
    """
    if dialect != naming.TORCH:
        doubts.append(
            Doubt(state.where, "names are matched for the dialect torch only", "leave --like out, or name all")
        )
        return
    pair(layers, layers_of(state), dialect, state.ordered, state.where, doubts, notes)


def pair(
    layers: Sequence[Layer],
    wanted: Sequence[Wanted],
    dialect: str,
    ordered: bool,
    where: str,
    doubts: list[Doubt],
    notes: list[str],
) -> None:
    """As :func:`match`, with the layers of the target known; ``ordered`` where they stand in order of definition."""
    pairs = _Pairs(layers, wanted, dialect)
    pairs.by_name()
    pairs.by_class(ordered)
    pairs.by_neighbour(ordered)
    pairs.by_topology()
    pairs.by_class(ordered)
    pairs.settle(where, doubts, notes)


class _Pairs:
    """Layers of both sides, and which belong together so far."""

    def __init__(self, layers: Sequence[Layer], wanted: Sequence[Wanted], dialect: str) -> None:
        self.layers, self.wanted = list(layers), list(wanted)
        self.found: dict[int, tuple[Wanted, str, str]] = {}
        self.targets = {id(layer): dialects.of(layer, dialect) for layer in layers if dialects.possible(layer, dialect)}
        self.problems: dict[int, str] = {}

    def _free(self) -> tuple[list[Layer], list[Wanted]]:
        used = {wanted.name for wanted, _, _ in self.found.values()}
        return [item for item in self.layers if id(item) not in self.found], [
            item for item in self.wanted if item.name not in used
        ]

    def _pair(self, layer: Layer, wanted: Wanted, sure: str, why: str) -> None:
        self.found[id(layer)] = (wanted, sure, why)

    def _signature(self, layer: Layer) -> Signature:
        shapes = {target.name: target.shape for target in self.targets.get(id(layer), [])}
        return (*_signature(shapes, layer.kind in naming.BARE), *self._kind(layer))

    def _kind(self, layer: Layer) -> tuple[str, ...]:
        """Returns what tells kinds apart beyond shapes, where the target says the kinds of its layers."""
        return (layer.kind,) if any(item.kind for item in self.wanted) else ()

    def by_name(self) -> None:
        """Takes the names that a map gave."""
        by_name = {wanted.name: wanted for wanted in self.wanted}
        by_tensor = {full: wanted for wanted in self.wanted for full in wanted.words.values()}
        for layer in self.layers:
            if not layer.name:
                continue
            wanted = by_name.get(layer.name) or by_tensor.get(layer.name)
            if wanted is None:
                self.problems[id(layer)] = f"the map calls it {layer.name!r}, which the target does not have"
            else:
                self._pair(layer, wanted, "given", "the map says so")

    def by_class(self, ordered: bool) -> None:
        """Pairs what has one shape: one with one, or several where both sides have an order."""
        sources, targets = self._free()
        ours: dict[Signature, list[Layer]] = collections.defaultdict(list)
        theirs: dict[Signature, list[Wanted]] = collections.defaultdict(list)
        for layer in sources:
            if id(layer) in self.targets:
                ours[self._signature(layer)].append(layer)
        for wanted in targets:
            theirs[_of(wanted)].append(wanted)
        for signature, members in ours.items():
            others = theirs.get(signature, [])
            if len(members) == len(others) == 1:
                self._pair(members[0], others[0], CERTAIN, "the only layer of this shape on both sides")
            elif len(members) == len(others) and self._in_order(members):
                line = _in_order(others, ordered, self._above)
                if line is not None:
                    for layer, wanted in zip(members, line, strict=True):
                        self._pair(layer, wanted, LIKELY, f"by order among {len(line)} of this shape")

    def _in_order(self, members: list[Layer]) -> bool:
        """Whether each layer computes from the one before it."""
        return all(one.place in two.above for one, two in itertools.pairwise(members))

    @functools.cached_property
    def _above(self) -> dict[int, frozenset[int]]:
        """For each place of the target, all places that it computes from; empty where the target does not say."""
        found: dict[int, frozenset[int]] = {}
        for item in sorted(self.wanted, key=lambda item: item.place):
            if item.before is not None:
                found[item.place] = item.before.union(*(found.get(place, frozenset()) for place in item.before))
        return found

    def by_topology(self) -> None:
        """Pairs what alone fits between its neighbours: both sides say what feeds what."""
        changed = all(item.before is not None for item in self.wanted)
        while changed:
            changed = False
            sources, targets = self._free()
            fits = {id(layer): [item for item in targets if self._fits(layer, item)] for layer in sources}
            claims = collections.Counter(item.place for items in fits.values() for item in items)
            for layer in sources:
                items = fits[id(layer)]
                if len(items) == 1 and claims[items[0].place] == 1:
                    self._pair(layer, items[0], LIKELY, "the only one between the pairs of its neighbours")
                    changed = True

    def _fits(self, layer: Layer, wanted: Wanted) -> bool:
        if id(layer) not in self.targets or _of(wanted) != self._signature(layer):
            return False
        for other in self.layers:
            if id(other) in self.found:
                pair = self.found[id(other)][0]
                feeds = (pair.place in (wanted.before or ()), wanted.place in (pair.before or ()))
                if feeds != (other.place in layer.before, layer.place in other.before):
                    return False
        return True

    def by_neighbour(self, ordered: bool) -> None:
        """Pairs a batch norm with what stands behind the pair of the layer it normalises.

        Only where the target has a habit: each batch norm that is left stands right behind a layer with a kernel. A
        module that lists all its convolutions first and then all its batch norms says nothing by their places.
        """
        _, targets = self._free()
        norms = {item.place: item for item in targets if _is_norm(item)}
        at = {item.place: item for item in self.wanted}
        if any(item.before is not None for item in self.wanted):
            return
        if not ordered or not all(place - 1 in at and not _is_norm(at[place - 1]) for place in norms):
            return
        behind = {item.place: self.found[id(item)][0].place for item in self.layers if id(item) in self.found}
        for layer in self._free()[0]:
            if layer.kind != "batch_norm" or id(layer) not in self.targets:
                continue
            places = {behind[place] + 1 for place in layer.before if place in behind} & set(norms)
            if len(places) == 1 and len(layer.before) == 1:
                beside = norms[places.pop()]
                if _of(beside) == self._signature(layer):
                    self._pair(layer, norms.pop(beside.place), LIKELY, "behind the pair of the layer it normalises")

    def settle(self, where: str, doubts: list[Doubt], notes: list[str]) -> None:
        """Writes names into layers; adds questions and what was matched how sure."""
        free, left = self._free()
        for layer in self.layers:
            if id(layer) in self.found:
                self._name(layer, *self.found[id(layer)], doubts)
        for layer in free:
            same = [item.name for item in left if _of(item) == self._signature(layer)]
            text = self.problems.get(id(layer)) or (
                f"which of {', '.join(same)} is it" if same else "the target has no layer of its shape left"
            )
            shapes = ", ".join(f"{target.name} {list(target.shape)}" for target in self.targets.get(id(layer), []))
            doubts.append(
                Doubt(layer.scope, f"{text} ({layer.kind}: {shapes})", 'give "to": its name, or "drop": true')
            )
        lost = [item.name for item in left]
        if lost and not free:
            doubts.append(Doubt(where, f"nothing is left for {', '.join(lost[:8])}", "take them out there"))
        counts = collections.Counter(sure for _, sure, _ in self.found.values())
        said = ", ".join(f"{count} {sure}" for sure, count in sorted(counts.items()))
        notes.append(f"matched {len(self.found)} of {len(self.layers)} layers to {where}: {said or 'none'}")

    def _name(self, layer: Layer, wanted: Wanted, sure: str, why: str, doubts: list[Doubt]) -> None:
        layer.name = wanted.name
        layer.match = Match(dict(wanted.words), dict(wanted.shapes), sure, why)
        if layer.kind in naming.BARE:
            layer.name = next(iter(wanted.words.values()))
        ours = {target.name: target for target in self.targets[id(layer)]}
        for word, target in ours.items():
            other = wanted.shapes.get(word)
            if layer.kind in naming.BARE:
                other = next(iter(wanted.shapes.values()))
            if other is None and target.constant is None:
                doubts.append(Doubt(layer.scope, f"{wanted.name!r} has no {word!r} for it", 'give "to": another name'))
            elif other is not None and other != target.shape:
                text = f"{wanted.name}.{word} is {list(other)}, not {list(target.shape)}"
                doubts.append(Doubt(layer.scope, text, 'give "to": another name'))
        for word in set(wanted.shapes) - set(ours):
            if layer.kind not in naming.BARE and not (word == "bias" and layer.kind in _MAY_LACK_BIAS):
                doubts.append(Doubt(layer.scope, f"it has no {word!r}, and {wanted.name!r} has", "take it out there"))


def sureness(layer: Layer) -> str:
    """Returns how sure a matched layer is: as sure as the weaker of its roles and its match."""
    assert layer.match is not None
    return LIKELY if LIKELY in (layer.sure, layer.match.sure) else layer.match.sure


def extra(layer: Layer, targets: Sequence[Target]) -> list[Target]:
    """Returns the bias of zeros that the other state has for a layer without bias."""
    assert layer.match is not None
    shape = layer.match.shapes.get("bias")
    if shape is None or layer.kind not in _MAY_LACK_BIAS or any(target.name == "bias" for target in targets):
        return []
    return [constant("bias", shape, targets[0].dtype, (0.0,), "the layer has no bias: it adds 0")]


def _is_norm(wanted: Wanted) -> bool:
    return bool(_NORM & set(wanted.shapes)) or "moving_mean" in wanted.shapes


def _of(wanted: Wanted) -> Signature:
    return (*_signature(wanted.shapes, False), *((wanted.kind,) if wanted.kind else ()))


def _signature(shapes: Mapping[str, tuple[int, ...]], bare: bool) -> Signature:
    """Returns what layers of one class share; biases, counters and missing scales are looked at afterwards."""
    for mean in ("running_mean", "moving_mean"):
        if mean in shapes:
            return ("batch norm", shapes[mean])
    telling = {word: shape for word, shape in shapes.items() if _TELLING.match(word)}
    if bare or not telling:
        return ("parameter", *sorted(shapes.values()))
    if set(shapes) <= {"weight"} and len(shapes["weight"]) == 1:
        return ("parameter", shapes["weight"])
    return tuple(sorted((word, shape) for word, shape in telling.items() if not word.endswith("bias")))


def _in_order(others: list[Wanted], ordered: bool, above: Mapping[int, frozenset[int]]) -> list[Wanted] | None:
    """Returns layers of the target in their order; None where nothing says it."""
    line = sorted(others, key=lambda item: item.place)
    if above:
        return line if all(one.place in above[two.place] for one, two in itertools.pairwise(line)) else None
    if ordered:
        return line
    if len({re.sub(r"\d+", "#", item.name) for item in others}) == 1:
        return sorted(others, key=lambda item: guessing.natural(item.name))
    return None
