"""Batch norm in front of a layer: it can move into that layer where no border sees the difference."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tf1bn.graph.folding.constants import PASSING, Constants
from tf1bn.graph.folding.layer import Front, Layer, make_layer, own_bias
from tf1bn.graph.folding.linear import DEPTHWISE, TRANSPOSED, Linear, linear
from tf1bn.graph.folding.steps import Place, Step, composed, moving_operand, step
from tf1bn.graph.folding.walk import Walk
from tf1bn.graph.nodes import Node, Tensor
from tf1bn.graph.site import Normalizer, Site

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

_BETWEEN = ("Reshape", "ExpandDims", "Squeeze")
_MAX_STEPS = 20


def find(model: GraphModel, constants: Constants, walk: Walk, layers: dict[int, Layer], site: Site) -> Layer | str:
    """Returns the layer after a batch norm that takes it, or why none does.

    The layer is entered into `layers`, by the number of its op.
    """
    ahead = _ahead(model, walk, site.normalizers[0])
    if isinstance(ahead, str):
        return ahead
    found, kept = ahead
    # A layer may have taken a batch norm behind it already.
    layer = layers.get(found.node.id) or make_layer(model, constants, walk, found)
    if isinstance(layer, str):
        return f"the layer after it cannot take it: {layer}"
    border = _border(found, layer.weights)
    if border:
        return border
    front = _front(model, constants, walk, layer, site, kept)
    if isinstance(front, str):
        return front
    # Without values every variable counts as ones, which tell nothing of overflow.
    trouble = layer.trouble(layer.chain, front) if constants.values is not None else ""
    if trouble:
        return trouble
    layer.front = front
    # In front, as it comes first in the graph.
    layer.sites.insert(0, site)
    layer.chain = layer.chain or _bias_behind(model, constants, walk, layer)
    layers[found.node.id] = layer
    return layer


def _bias_behind(model: GraphModel, constants: Constants, walk: Walk, layer: Layer) -> list[Step]:
    """Returns the step that adds the layer's own bias, where that alone uses the layer."""
    user = walk.only_user(layer.place.tensor)
    taken = step(model, constants, user, layer.place) if isinstance(user, Node) else user
    if isinstance(taken, str) or not taken.operands:
        return []
    return [taken] if own_bias(model, dataclasses.replace(layer, chain=[taken])) is not None else []


def _ahead(model: GraphModel, walk: Walk, item: Normalizer) -> tuple[Linear, list[Node]] | str:
    """Returns the layer after a batch norm, and the ops between that only move values about."""
    tensor = item.output
    kept: list[Node] = []
    for _ in range(_MAX_STEPS):
        user = walk.only_user(tensor)
        if isinstance(user, str):
            return user
        found = linear(user)
        if found is not None:
            return (found, kept) if found.x == tensor else f"{user.name!r} takes it as its kernel"
        if user.op not in PASSING and user.op not in _BETWEEN:
            return f"the {user.op} {user.name!r} stands between it and a layer after it"
        # It may be the shape, say, that is computed from it.
        if user.inputs[0] != tensor:
            return f"{user.name!r} does not take it as its data"
        kept.append(user)
        tensor = (user.id, 0)
    return "no layer was found after it"


def _border(found: Linear, weights: np.ndarray) -> str:
    """Why the border of a layer would see the difference: padding adds zeros, and not normalised zeros."""
    node = found.node
    if node.op in TRANSPOSED:
        return f"the transposed convolution {node.name!r} after it does not use every weight at its border"
    padding = node.attr("padding")
    if padding is None or padding.s == b"VALID":
        return ""
    spatial = weights.shape[: weights.ndim - 2]
    explicit = node.attr("explicit_paddings")
    if padding.s == b"EXPLICIT" and explicit is not None and not any(explicit.list.i):
        return ""
    # A kernel of one point reaches over no border.
    if padding.s == b"SAME" and all(size == 1 for size in spatial):
        return ""
    return f"the layer {node.name!r} after it pads with zeros"


def _front(
    model: GraphModel, constants: Constants, walk: Walk, layer: Layer, site: Site, kept: list[Node]
) -> Front | str:
    item = site.normalizers[0]
    found = layer.linear
    if kept and found.channels_first:
        return "the channel axis of the layer after it is not known"
    turned = found.node.attr("transpose_a") or found.node.attr("adj_x")
    if turned is not None and turned.b:
        return f"{found.node.name!r} after it takes its input transposed"
    size = max(np.size(value) for value in map(constants.get, (item.mean, item.variance)) if value is not None)
    rank = None if kept else found.rank
    view = found.view(size) if not kept else (size,)
    # A spelled-out normaliser may read x twice, and a chain follows one.
    first = _first(model, item)
    if first is None:
        return "it uses its input more than once"
    chain = walk.through(Place(item.x, view, rank), item, first)
    if isinstance(chain, str):
        return chain
    moving = moving_operand(model, chain)
    return moving or _spread(layer, item.x, chain, kept, size)


def _first(model: GraphModel, item: Normalizer) -> Node | None:
    """Returns the one op with which a normaliser takes its input."""
    before = model.flow.feeds([item.output[0]], up_to=item.x[0])
    users = {number for number, _, output in model.flow.users[item.x[0]] if output == item.x[1] and before[number]}
    return model.nodes[users.pop()] if len(users) == 1 else None


def _spread(layer: Layer, start: Tensor, chain: list[Step], kept: list[Node], size: int) -> Front | str:
    """Repeats factor and summand over the inputs of the layer: a flattened channel axis comes round again."""
    scale, shift = composed(chain, size)
    inputs = layer.linear.inputs(layer.weights)
    grouped = layer.linear.node.op not in (DEPTHWISE, "MatMul") and not kept
    if layer.linear.node.op == "MatMul" and kept and inputs % size == 0:
        times = inputs // size
    elif inputs == size or (grouped and size % inputs == 0):
        times = 1
    else:
        return "its channels are not the inputs of the layer after it"
    return Front(start, chain, kept, np.tile(scale, times), np.tile(shift, times))
