"""Proves a folded graph by running it: every layer against float64 arithmetic, and everything else bit by bit.

Per layer, the original and the folded graph get the same input, and both are compared with the layer and its batch
norms computed in NumPy in float64 from the original parameters. The bound is that of a sum of n products in the
kernel's precision, whatever the order of summation (Higham, Accuracy and Stability of Numerical Algorithms, 2nd
ed., section 3.1): `|computed - exact| <= g * (|kernel| (|x|) + |bias|)` with `g = m * u / (1 - m * u)`, `u` the unit
roundoff and `m = n +` the roundings besides: 3 in the folded layer (kernel, bias, addition), 8 per op of the
original batch norm; the reference itself adds its own, with the `u` of float64. Then both graphs get the same results
of all folded layers, and must give the same outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors
from tf1bn.checkpoint import fold_reference
from tf1bn.graph import running
from tf1bn.graph.folding.layer import Layer
from tf1bn.graph.folding.rewrite import FoldedGraph
from tf1bn.graph.folding.steps import Place, Step
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Tensor

_FOLDED_ROUNDINGS = 3
_ROUNDINGS_PER_OP = 8
_DOUBLE = 2.0**-53


class LayerProof(NamedTuple):
    """What the runs showed of one layer.

    Attributes:
      layer: the name of its op.
      scopes: the batch norms that it took.
      folded_error, original_error: the largest distance from the float64 result, relative to the largest result.
      folded_share, original_share: the largest distance as a share of its bound; 1 would be the bound.
    """

    layer: str
    scopes: tuple[str, ...]
    folded_error: float
    original_error: float
    folded_share: float
    original_share: float


class Proof(NamedTuple):
    """What the runs showed.

    Attributes:
      layers: one row for each layer that took batch norms.
      outputs: the names of the outputs that were compared.
      difference: the largest difference at the outputs from the inputs on, relative to each output's largest value.
    """

    layers: tuple[LayerProof, ...]
    outputs: tuple[str, ...]
    difference: float


def prove_folding(
    model: GraphModel,
    meta: Any,
    values: Mapping[str, np.ndarray],
    folded: FoldedGraph,
    new_values: Mapping[str, np.ndarray],
    *,
    outputs: Sequence[str] = (),
    feed: Mapping[str, Any] | None = None,
) -> Proof:
    """Runs both graphs and compares them.

    Args:
      model: the original graph.
      meta: its MetaGraphDef.
      values: the value of each of its global variables by name.
      folded: the folded graph.
      new_values: the same for that.
      outputs: names of tensors to compare; every end of the graph that depends on a folded layer when empty.
      feed: values for tensors by name; placeholders left out get made-up ones.

    Raises:
      RepairError: a layer or an output differs by more than rounding.
      RunError: one of the graphs cannot be run here.
    """
    names = tuple(outputs) or ends(model, folded)
    with running.opened(meta, values) as old, running.opened(folded.meta_graph, new_values) as new:
        given = _feed(old.graph, feed or {})
        layers = folded.layers
        seen = running.fed(old, [_wanted(model, layer) for layer in layers], given)
        replayed = {_name(model, _input(layer)): row["input"] for layer, row in zip(layers, seen, strict=True)}
        made = running.fed(new, [_name(model, layer.place.tensor) for layer in layers], {**given, **replayed})
        proofs = [_prove_layer(layer, row, result) for layer, row, result in zip(layers, seen, made, strict=True)]
        fixed = {_name(model, layer.place.tensor): row["end"] for layer, row in zip(layers, seen, strict=True)}
        _prove_rest(old, new, names, {**given, **fixed})
        first, second = (running.fed(session, list(names), given) for session in (old, new))
        return Proof(tuple(proofs), names, max(map(_difference, first, second), default=0.0))


def ends(model: GraphModel, folded: FoldedGraph) -> tuple[str, ...]:
    """Returns the tensors that depend on a folded layer and that nothing computes further with."""
    found = []
    after = model.flow.downstream([layer.place.tensor[0] for layer in folded.layers])
    for node in model.nodes:
        if after[node.id] and node.call < 0 and not model.flow.contexts[node.id] and not model.flow.users[node.id]:
            kind = node.attr("T") or node.attr("dtype") or node.attr("output_type")
            if kind is not None and not node.op.startswith(("Assign", "Print", "Assert")):
                found.append(f"{node.name}:0")
    return tuple(found)


def _feed(graph: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a value for every placeholder and whatever else is given, by full tensor name."""
    feed = {tensor.name: value for tensor, value in running.feeds(graph, given)}
    return {**feed, **{name if ":" in name else f"{name}:0": value for name, value in given.items()}}


def _input(layer: Layer) -> Tensor:
    return layer.front.start if layer.front is not None else layer.linear.x


def _name(model: GraphModel, tensor: Tensor) -> str:
    return f"{model.nodes[tensor[0]].name}:{tensor[1]}"


def _wanted(model: GraphModel, layer: Layer) -> dict[str, Any]:
    """Returns the tensors of the original graph that a layer is proved with."""
    tensors = {
        "input": _input(layer),
        "x": layer.linear.x,
        "linear": layer.beginning.tensor,
        "end": layer.place.tensor,
    }
    moves = [step.node.inputs[1:3] for step in layer.chain if step.node.op == "BatchToSpaceND"]
    names: dict[str, Any] = {key: _name(model, tensor) for key, tensor in tensors.items()}
    return {**names, "moves": [[_name(model, tensor) for tensor in pair] for pair in moves]}


def _prove_layer(layer: Layer, seen: dict[str, Any], made: np.ndarray) -> LayerProof:
    exact, folded_size, original_size = _exact(layer, seen)
    kind = np.finfo(layer.dtype)
    count = fold_reference.terms(layer.linear, layer.weights)
    steps = [*layer.chain, *(layer.front.chain if layer.front is not None else ())]
    roundings = count + _ROUNDINGS_PER_OP * len(steps)
    own = _share(roundings, _DOUBLE) * original_size + count * float(kind.tiny)  # of the reference, and of tiny numbers
    limits = (
        _share(count + _FOLDED_ROUNDINGS, float(kind.eps) / 2) * folded_size + own,
        _share(roundings, float(kind.eps) / 2) * original_size + own,
    )
    largest = float(np.max(np.abs(exact), initial=0.0)) or 1.0
    rows = []
    for what, result, limit in (("folded", made, limits[0]), ("original", seen["end"], limits[1])):
        distance = np.abs(result.astype(np.float64) - exact)
        share = float(np.max(distance / limit, initial=0.0))
        if not share <= 1:
            raise errors.RepairError(
                errors.explain(
                    f"the {what} layer {layer.linear.node.name!r} is not what its parameters say: "
                    f"{share:.3g} times as far from the float64 result as rounding allows",
                    fix="Nothing was written. Leave the batch norm as it is.",
                )
            )
        rows.append((float(np.max(distance, initial=0.0)) / largest, share))
    scopes = tuple(site.scope for site in layer.sites)
    return LayerProof(layer.linear.node.name, scopes, rows[0][0], rows[1][0], rows[0][1], rows[1][1])


def _share(roundings: int, unit: float) -> float:
    """The relative bound of so many roundings; beyond its range, twice the first order."""
    product = roundings * unit
    return product / (1 - product) if product < 0.5 else 2 * product


def _exact(layer: Layer, seen: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the float64 result, and the sizes that the bounds of the folded and the original layer refer to."""
    linear, shape = layer.linear, seen["linear"].shape
    start = seen["input"].astype(np.float64)
    x, size = start, np.abs(start)
    if layer.front is not None:
        place = _front_place(layer, start)
        x, size = _stepped(layer.front.chain, place, x), _stepped(layer.front.chain, place, size, sizes=True)
        x, size, start = (value.reshape(seen["x"].shape) for value in (x, size, start))
    y = fold_reference.apply(linear, layer.weights, x, shape)
    size = fold_reference.apply(linear, np.abs(layer.weights), size, shape)
    kernel, bias = layer.folded()
    begin = layer.beginning
    folded = fold_reference.apply(linear, np.abs(kernel), np.abs(start), shape) + _along(np.abs(bias), begin, y.ndim)
    moved = [step._replace(scale=None) for step in layer.chain]
    y = _stepped(layer.chain, begin, y, moves=seen["moves"])
    size = _stepped(layer.chain, begin, size, sizes=True, moves=seen["moves"])
    folded = _stepped(moved, begin, folded, moves=seen["moves"])
    return y.reshape(seen["end"].shape), folded.reshape(seen["end"].shape), size.reshape(seen["end"].shape)


def _front_place(layer: Layer, start: np.ndarray) -> Place:
    assert layer.front is not None
    first = layer.linear.channels_first and not layer.front.kept
    size = int(max(np.size(step.scale) for step in layer.front.chain if step.scale is not None))
    return Place(layer.front.start, (size, *[None] * (start.ndim - 2)) if first else (size,), start.ndim)


def _stepped(
    chain: Sequence[Step], place: Place, value: np.ndarray, *, sizes: bool = False, moves: Sequence[Any] = ()
) -> np.ndarray:
    """Applies steps to a value, or to a bound of its size; a step without factor only moves values about.

    The channels are numbered at the place where the chain starts; reshapes are left to the end, as they keep the
    order of all elements.
    """
    left = list(moves)
    for step in chain:
        if step.node.op == "BatchToSpaceND":
            value = fold_reference.batch_to_space(value, *left.pop(0))
        elif step.scale is not None and step.shift is not None and step.terms is not None:
            scale, shift = (np.abs(step.scale), step.terms) if sizes else (step.scale, step.shift)
            value = value * _along(scale, place, value.ndim) + _along(shift, place, value.ndim)
    return value


def _along(vector: np.ndarray, place: Place, rank: int) -> np.ndarray:
    """Returns one number per channel in the shape in which it meets a tensor."""
    view = [1 if size is None else size for size in place.view]
    return vector.reshape([1] * (rank - len(view)) + view)


def _prove_rest(old: Any, new: Any, names: Sequence[str], fixed: Mapping[str, Any]) -> None:
    """With the results of all folded layers given, nothing else may differ in a single bit."""
    for name, first, second in zip(
        names, *(running.fed(session, list(names), fixed) for session in (old, new)), strict=True
    ):
        if not _same(first, second):
            raise errors.RepairError(
                errors.explain(
                    f"the output {name!r} changes although every folded layer gives the same",
                    fix="Nothing was written. The graph was not understood; export an inference graph of it first.",
                )
            )


def _same(first: Any, second: Any) -> bool:
    first, second = np.asarray(first), np.asarray(second)
    return np.array_equal(first, second, equal_nan=first.dtype.kind in "fc")


def _difference(first: Any, second: Any) -> float:
    first, second = np.asarray(first), np.asarray(second)
    if first.dtype.kind != "f" or not first.size:
        return 0.0
    largest = float(np.max(np.abs(first))) or 1.0
    return float(np.max(np.abs(first.astype(np.float64) - second))) / largest
