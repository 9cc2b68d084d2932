"""Makes the plan of a conversion: layers from the graph, tensors from the kinds, names from naming or a match."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.convert import answers, dialects, guessing, matching, naming, states
from tf1bn.convert.layer import Doubt, Layer
from tf1bn.convert.plan import Entry, Plan
from tf1bn.convert.source import Source
from tf1bn.convert.uses import separable

Names = Mapping[str, str] | Iterable[str]

DIALECTS = {
    "torch": naming.TORCH,
    "safetensors": naming.TORCH,
    "npz": naming.PLAIN,
    "keras": naming.KERAS,
}
"""Form of a target -> whose names and axes its tensors have, unless somebody says otherwise."""


class _Found(NamedTuple):
    """The layers of a source, and what became of its other tensors.

    Attributes:
      layers: the layers.
      unused: key of a tensor -> why no layer has it.
      notes: what a reader of the plan should know.
      inference: the inference graph that was read, or None.
      axes: key of an input or output -> the order of its axes.
    """

    layers: list[Layer]
    unused: dict[str, str]
    notes: list[str]
    inference: Any = None
    axes: Mapping[str, str] = {}


def make(
    source: Source,
    to: str,
    *,
    graph: Any = None,
    like: Any = None,
    mapping: Any = None,
    dialect: str | None = None,
    outputs: Names | None = None,
    inputs: Names | None = None,
    switches: Mapping[str, Any] | None = None,
) -> Plan:
    """Returns the plan of a conversion; see :func:`tf1bn.convert.plan_conversion`."""
    if to not in DIALECTS:
        raise errors.UnknownNameError(
            errors.explain(f"unknown form {to!r}", expected=f"one of {', '.join(sorted(DIALECTS))}")
        )
    dialect = dialect or DIALECTS[to]
    given = answers.load(mapping or {})
    stored = source.stored()
    if graph is None:
        found = _by_names(source, outputs)
    else:
        found = _by_graph(source, graph, stored, outputs=outputs, inputs=inputs, switches=switches)
    layers, dropped = answers.apply(found.layers, given, stored)
    unused = {
        **found.unused,
        **{item.key: "dropped by the map" for layer in dropped for item in layer.tensors.values()},
    }
    built = build(layers, dialect, states.load(like) if like is not None else None)
    return Plan(
        source.where,
        to,
        dialect,
        tuple(built.layers),
        tuple(built.entries),
        unused,
        tuple([doubt for layer in built.layers for doubt in layer.doubts] + built.doubts),
        tuple(found.notes + built.notes),
        dict(found.inference.inputs) if found.inference else {},
        dict(found.inference.outputs) if found.inference else {},
        dict(found.axes),
    )


def _by_graph(source: Source, graph: Any, stored: Any, **named: Any) -> _Found:
    """Returns the layers of the forward pass of a graph."""
    from tf1bn.convert import reading  # loads TensorFlow, which names alone do not need

    read = reading.read(graph, stored, where=source.where, **named)
    used = {item.key for layer in read.layers for item in layer.tensors.values()}
    unused = dict.fromkeys(sorted(set(source.infos) - used), "the forward pass does not use it")
    notes = [] if read.inference is None else list(read.inference.notes)
    return _Found(read.layers, unused, notes, read.inference, read.axes)


def _by_names(source: Source, outputs: Names | None) -> _Found:
    """Returns the layers that names and shapes suggest.

    Raises:
      ConvertError: outputs are named, which only a graph has.
    """
    layers, unused = guessing.read(source)
    if outputs is not None:
        raise errors.ConvertError(errors.explain("`outputs` need a graph", fix="Give the .meta file."))
    return _Found(layers, unused, ["no graph: roles are those that names and shapes suggest"])


class Built:
    """Layers with names, and the tensors that come of them."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        self.entries: list[Entry] = []
        self.doubts: list[Doubt] = []
        self.notes: list[str] = []


def build(layers: Sequence[Layer], dialect: str, like: states.State | None = None) -> Built:
    """Returns layers and tensors of a dialect; those of another state where one is given to be like."""
    if dialect not in (naming.TORCH, naming.KERAS, naming.PLAIN):
        raise errors.UnknownNameError(
            errors.explain(f"unknown dialect {dialect!r}", expected="torch, keras or tensorflow")
        )
    if dialect == naming.TORCH:
        layers = [part for layer in layers for part in _parts(layer)]
    built = Built(layers)
    if like is not None:
        matching.match(built.layers, like, dialect, built.doubts, built.notes)
    naming.name_all(built.layers, dialect)
    for layer in built.layers:
        if not layer.doubts or dialects.possible(layer, dialect):
            built.entries += entries_of(layer, dialect)
    built.entries = _without_doubles(built.entries)
    return built


def entries_of(layer: Layer, dialect: str) -> Iterator[Entry]:
    """Yields the tensors of a layer under their whole names."""
    targets = dialects.of(layer, dialect)
    if layer.match is not None:
        targets += matching.extra(layer, targets)
    for target in targets:
        name = f"{_prefix(layer, dialect)}{target.name}"
        if layer.kind in naming.BARE:
            name = layer.name
        elif layer.match is not None:
            if target.name not in layer.match.words and target.constant is not None:
                continue  # the other state has no such tensor, and no number of the source is lost
            name = layer.match.words.get(target.name, name)
        sure = layer.sure if layer.match is None else matching.sureness(layer)
        why = layer.why if layer.match is None else f"{layer.why}; {layer.match.why}"
        yield Entry(dataclasses.replace(target, name=name), layer, sure, why)


def _parts(layer: Layer) -> Sequence[Layer]:
    return separable.split(layer) if layer.kind == separable.NAME else (layer,)


def _prefix(layer: Layer, dialect: str) -> str:
    return "" if dialect == naming.PLAIN else layer.name + ("." if dialect == naming.TORCH else "/")


def _without_doubles(entries: Sequence[Entry]) -> list[Entry]:
    """Refuses two tensors of one name; a tied table that keeps the source's name is one tensor."""
    seen: dict[str, Entry] = {}
    for entry in entries:
        other = seen.setdefault(entry.target.name, entry)
        if other is not entry and entry.target.text() != other.target.text():
            raise errors.ConvertError(
                errors.explain(
                    f"two layers would both be {entry.target.name!r}",
                    got=f"{other.layer.scope} and {entry.layer.scope}",
                    fix="Name one of them in a map file.",
                )
            )
    return list(seen.values())
