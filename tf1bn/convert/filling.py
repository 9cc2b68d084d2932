"""Fills a built Keras 3 model with the weights of a checkpoint, layer by layer, and says what was covered."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors
from tf1bn.checkpoint import dtypes
from tf1bn.convert import answers, matching, naming, placing, planner
from tf1bn.convert.layer import Doubt, Layer
from tf1bn.convert.matching import Wanted
from tf1bn.convert.plan import Entry, Plan
from tf1bn.convert.source import Source
from tf1bn.convert.uses import separable

Names = Mapping[str, str] | Iterable[str]
_KINDS = {
    "Conv1D": "conv", "Conv2D": "conv", "Conv3D": "conv", "DepthwiseConv2D": "depthwise", "Dense": "dense",
    "SeparableConv2D": "separable", "Conv2DTranspose": "transposed", "Conv3DTranspose": "transposed",
    "Embedding": "embedding", "BatchNormalization": "batch_norm", "LSTM": "lstm", "GRU": "gru",
}  # fmt: skip


class Coverage(NamedTuple):
    """What :func:`fill` did.

    Attributes:
      plan: which tensor of the source became which variable.
      filled: paths of the variables that have new values.
      untouched: paths of variables that kept theirs: those of layers that hold no weights of the source.
      file: the ``.weights.h5`` that was written, if one was asked for.
    """

    plan: Plan
    filled: tuple[str, ...]
    untouched: tuple[str, ...]
    file: str = ""


def fill(
    model: Any,
    source: Any,
    graph: Any = None,
    *,
    outputs: Names | None = None,
    inputs: Names | None = None,
    switches: Mapping[str, Any] | None = None,
    mapping: Any = None,
    ema: bool = False,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Coverage:
    """Gives a built Keras 3 model the weights of a checkpoint.

    Layers of both sides are matched by kind, shape and order, and by their neighbours; what stays ambiguous is a
    question. Missing scales and biases become 1 and 0, statistics that are stored in another form are decoded, gates
    of recurrent cells are put in Keras's order, and renormalization keeps its own averages.

    Args:
      model: a built model; what it holds is replaced only when no question is open.
      source: prefix of a checkpoint, or a mapping of names to arrays.
      graph: a tf.Graph, a MetaGraphDef, or the path of the ``.meta`` file.
      outputs, inputs, switches, mapping, ema: as in :func:`tf1bn.convert.plan_conversion`. The map names layers of
        the model.
      output: also writes the model's weights to this ``.weights.h5`` file.
      overwrite: replaces that file.
      dry_run: matches, and changes nothing.

    Returns:
      a :class:`Coverage`.

    Raises:
      ConvertError: a question is open, or the model is not built.
      CheckpointError, GraphError, ExportError: something cannot be read.

    Example:
      >>> from tf1bn import convert
      >>> done = convert.fill(model, "run/model", "run/model.meta", outputs=["logits"])  # doctest: +SKIP
      >>> done.untouched  # doctest: +SKIP
      ()
    """
    with errors.located("fill"):
        path = None if output is None else os.fspath(output)
        if path is not None:
            if not path.endswith(".weights.h5"):
                raise errors.ConvertError(
                    errors.explain("Keras keeps weights in files of another name", got=path, expected="NAME.weights.h5")
                )
            placing.check(path, overwrite)
        layers_of_model = {layer.name: layer for layer in _holding(model)}
        with Source(source, ema=ema) as opened:
            options: dict[str, Any] = {"outputs": outputs, "inputs": inputs, "switches": switches}
            plan = planner.make(opened, "keras", graph=graph, mapping=mapping, **options)
            plan = _matched(plan, list(layers_of_model.values()), answers.load(mapping or {}))
            plan.require()
            pairs = list(_pairs(plan, layers_of_model, opened))
            if not dry_run:
                for variable, value, _ in pairs:
                    variable.assign(value)
        filled = tuple(str(variable.path) for variable, _, _ in pairs)
        known = set(filled)
        rest = tuple(str(variable.path) for variable in model.weights if str(variable.path) not in known)
        if path is not None and not dry_run:
            _save(model, path, overwrite)
        return Coverage(plan, filled, rest, path or "")


def _holding(model: Any) -> Iterator[Any]:
    """Yields the layers of a model that hold weights, those of models inside it, too, in their order."""
    if not getattr(model, "built", False):
        raise errors.ConvertError(
            errors.explain("the model is not built, so it has no weights yet", fix="Call it once, or give it an Input.")
        )
    for layer in model.layers:
        if hasattr(layer, "layers") and type(layer).__name__ not in _KINDS:
            yield from _holding(layer)
        elif layer.weights and type(layer).__name__ in _KINDS:
            yield layer


def _matched(plan: Plan, targets: list[Any], given: Mapping[str, Any]) -> Plan:
    """Returns a plan whose tensors are variables of the model."""
    before = _before(targets)
    wanted = [
        Wanted(
            layer.name,
            {_word(variable): f"{layer.name}/{_word(variable)}" for variable in layer.weights},
            {_word(variable): tuple(variable.shape) for variable in layer.weights},
            place,
            _KINDS[type(layer).__name__],
            before[place],
        )
        for place, layer in enumerate(targets)
    ]
    joined = any(item.kind == separable.NAME for item in wanted)
    layers = [part for layer in plan.layers for part in _whole_or_parts(layer, joined)]
    for layer in layers:  # a name that only came from the source's scope decides nothing here
        if not _named(layer, given):
            layer.name = ""
    doubts: list[Doubt] = [doubt for layer in layers for doubt in layer.doubts]
    notes = list(plan.notes)
    matching.pair(layers, wanted, naming.KERAS, True, "the model", doubts, notes)
    entries = [
        entry for layer in layers if layer.match is not None for entry in planner.entries_of(layer, naming.KERAS)
    ]
    doubts += _layouts(layers, targets)
    return plan._replace(layers=tuple(layers), entries=tuple(entries), doubts=tuple(doubts), notes=tuple(notes))


def _before(targets: list[Any]) -> list[frozenset[int] | None]:
    """Returns for each layer the places of those whose results it takes; None in a model without a graph of layers."""
    places = {id(layer): place for place, layer in enumerate(targets)}
    found: list[frozenset[int] | None] = []
    for layer in targets:
        nodes = list(getattr(layer, "_inbound_nodes", ()))  # Keras has no public name for what feeds a layer
        if not nodes:
            return [None] * len(targets)
        near, seen, todo = set(), set(), [parent for node in nodes for parent in node.parent_nodes]
        while todo:
            node = todo.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            if id(node.operation) in places:
                near.add(places[id(node.operation)])
            else:
                todo.extend(node.parent_nodes)
        found.append(frozenset(near))
    return found


def _named(layer: Layer, given: Mapping[str, Any]) -> bool:
    return any("to" in given.get(place, {}) for place in answers.places(layer))


def _whole_or_parts(layer: Layer, joined: bool) -> tuple[Layer, ...]:
    return separable.split(layer) if layer.kind == separable.NAME and not joined else (layer,)


def _word(variable: Any) -> str:
    return str(variable.name).rpartition("/")[2]


def _layouts(layers: list[Layer], targets: list[Any]) -> Iterator[Doubt]:
    """Asks where flat features come from maps of another order than the source's."""
    first = any(getattr(layer, "data_format", "") == "channels_first" for layer in targets)
    for layer in layers:
        if first and any(layer.traits.get(name) for name in ("flattened", "shaped", "features")):
            text = "the model is channels first, and flattened maps of the source are channels last"
            yield Doubt(layer.scope, text, "build the model channels last")


def _pairs(plan: Plan, layers: Mapping[str, Any], source: Source) -> Iterator[tuple[Any, np.ndarray, Entry]]:
    for entry in plan.entries:
        name, _, word = entry.target.name.rpartition("/")
        variable = next(item for item in layers[name].weights if _word(item) == word)
        row = dtypes.of_name(entry.target.dtype)
        value = entry.target.value(source.read)
        if row.number == dtypes.BFLOAT16:
            value = dtypes.as_floats(value, row).astype(np.float32)
        yield variable, value, entry


def _save(model: Any, path: str, overwrite: bool) -> None:
    with placing.staged(path, overwrite) as folder:
        name = os.path.basename(path)
        model.save_weights(os.path.join(folder, name))
        placing.commit(folder, [name], path, overwrite)


def as_text(coverage: Coverage) -> str:
    """Returns what was covered as lines for people."""
    lines = [f"{len(coverage.filled)} variables filled"]
    if coverage.untouched:
        lines.append(f"{len(coverage.untouched)} variables untouched: {', '.join(coverage.untouched)}")
    return "\n".join([*lines, *(f"note: {note}" for note in coverage.plan.notes)])
