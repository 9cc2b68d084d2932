"""One op between a layer and the end of its batch norm: what it multiplies, adds, or does to the channel axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tf1bn.graph import consts
from tf1bn.graph.folding.constants import PASSING, Constants, squeezed
from tf1bn.graph.folding.linear import View, moved_by
from tf1bn.graph.nodes import Node, Tensor
from tf1bn.graph.sites import FUSED_OPS, GLOBAL_OP

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

NORMALIZING = (*FUSED_OPS, GLOBAL_OP)
_PRODUCTS = ("Mul", "RealDiv", "Div")
_SUMS = ("Add", "AddV2", "Sub", "BiasAdd", "BiasAddV1")
RESHAPING = ("Reshape", "Squeeze", "ExpandDims", "BatchToSpaceND")


class Place(NamedTuple):
    """A tensor on the way: which of its axes hold the channels, and its rank where that is known."""

    tensor: Tensor
    view: View
    rank: int | None


class Step(NamedTuple):
    """What an op does on the way.

    Attributes:
      node: the op.
      place: what comes out.
      scale, shift: the factor and summand of each channel; None for an op that only moves values about.
      terms: the sum of the sizes of what the summand is made of, for bounds of rounding.
      operands: the parameters that it takes.
    """

    node: Node
    place: Place
    scale: np.ndarray | None = None
    shift: np.ndarray | None = None
    terms: np.ndarray | None = None
    operands: tuple[Tensor, ...] = ()


def step(model: GraphModel, constants: Constants, node: Node, place: Place) -> Step | str:
    """Returns what an op does to a tensor, or why that cannot be folded."""
    if node.op in NORMALIZING:
        return _normalized(constants, node, place)
    if node.op in _PRODUCTS or node.op in _SUMS:
        return _arithmetic(constants, node, place)
    if node.op in PASSING and node.op != "ReadVariableOp":
        return Step(node, place._replace(tensor=(node.id, 0)))
    if node.op in RESHAPING:
        moved = _reshaped(model, constants, node, place)
        return Step(node, moved) if moved is not None else f"the {node.op} {node.name!r} changes the channel axis"
    return f"the {node.op} {node.name!r} stands between them"


def composed(chain: list[Step], channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns factor and summand of each channel for several steps together."""
    scale, shift = np.ones(channels), np.zeros(channels)
    for item in chain:
        if item.scale is not None and item.shift is not None:
            scale, shift = scale * item.scale, shift * item.scale + item.shift
    return scale, shift


def moving_operand(model: GraphModel, chain: list[Step]) -> str:
    """Returns a complaint about a parameter that the program still moves, or an empty string."""
    for operand in (operand for item in chain for operand in item.operands):
        for variable in model.variables.among(model.flow.sources(operand)):
            writer = moved_by(variable)
            if writer is not None:
                return f"{variable.name!r} is still moved by {writer.name!r}: fold an inference graph"
    return ""


def data_input(constants: Constants, node: Node) -> Tensor | None:
    """Returns the one input of an op of these kinds that is no parameter, or None."""
    if node.op in (*NORMALIZING, *RESHAPING, *PASSING):
        return node.inputs[0] if node.op != "ReadVariableOp" else None
    if node.op in _PRODUCTS or node.op in _SUMS:
        open_inputs = [item for item in node.inputs if constants.get(item) is None]
        return open_inputs[0] if len(open_inputs) == 1 else None
    return None


def _normalized(constants: Constants, node: Node, place: Place) -> Step | str:
    layout, training = node.attr("data_format"), node.attr("is_training")
    if node.op in FUSED_OPS and (training is None or training.b):
        return f"{node.name!r} normalises with the statistics of the batch"
    stated = node.attr("epsilon" if node.op in FUSED_OPS else "variance_epsilon")
    # The default of the ops' definitions.
    epsilon = stated.f if stated is not None else 1e-4
    sources = node.inputs[1:5]
    if node.op == GLOBAL_OP:  # x, mean, variance, beta, gamma
        sources = [node.inputs[at] for at in (4, 3, 1, 2)]
    values = [constants.get(item) for item in sources]
    if any(value is None for value in values):
        return f"the parameters of {node.name!r} are not known before the graph runs"
    gamma, beta, mean, variance = (np.ravel(value) for value in values if value is not None)
    # Without it the op ignores its gamma.
    scaled = node.attr("scale_after_normalization")
    if scaled is not None and node.op == GLOBAL_OP and not scaled.b:
        gamma = np.ones_like(gamma)
    with np.errstate(all="ignore"):
        scale = gamma / np.sqrt(variance + epsilon)
        shift = beta - mean * scale
        terms = np.abs(beta) + np.abs(mean * scale)
    first = layout is not None and layout.s.startswith(b"NC")
    rank = 4 if node.op == GLOBAL_OP else place.rank or 4
    fitted = [
        _fit(value.reshape((-1, *[1] * (rank - 2)) if first else (-1,)), place) for value in (scale, shift, terms)
    ]
    vectors = [vector for vector in fitted if vector is not None]
    if len(vectors) < len(fitted):
        return f"{node.name!r} normalises another axis than the channels of the layer"
    return Step(node, place._replace(tensor=(node.id, 0)), vectors[0], vectors[1], vectors[2], tuple(sources))


def _arithmetic(constants: Constants, node: Node, place: Place) -> Step | str:
    values = [constants.get(item) for item in node.inputs]
    which = [at for at, value in enumerate(values) if value is None]
    # Two open inputs are a shortcut connection, say; no open one is no step of the data at all.
    if len(which) != 1 or len(values) != 2:
        return f"the {node.op} {node.name!r} joins it with something that is computed"
    at = which[0]
    operand = values[1 - at]
    made_of = constants.terms(node.inputs[1 - at])
    assert operand is not None and made_of is not None
    layout = node.attr("data_format")
    # Other ops broadcast from the last axis; this one alone knows where channels are.
    if node.op.startswith("BiasAdd") and layout is not None and layout.s == b"NCHW":
        if place.rank is None:
            return f"the channel axis of {node.name!r} is not known"
        operand, made_of = (value.reshape((-1, *[1] * (place.rank - 2))) for value in (operand, made_of))
    vector = _fit(operand, place)
    if vector is None:
        return f"the parameter of the {node.op} {node.name!r} does not lie along the channels of the layer"
    # A quotient with the data below is not linear.
    if at and node.op in ("RealDiv", "Div"):
        return f"the {node.op} {node.name!r} divides by it"
    one, zero = np.ones_like(vector), np.zeros_like(vector)
    with np.errstate(all="ignore"):
        scale, shift = {
            "Mul": lambda: (vector, zero),
            "RealDiv": lambda: (1 / vector, zero),
            "Div": lambda: (1 / vector, zero),
            # `at` is where the data is: `parameter - x` turns the sign of x.
            "Sub": lambda: (-one, vector) if at else (one, -vector),
        }.get(node.op, lambda: (one, vector))()
        terms = np.abs(shift) if node.op in _PRODUCTS else _fit(made_of, place)
    return Step(node, place._replace(tensor=(node.id, 0)), scale, shift, terms, (node.inputs[1 - at],))


def _fit(operand: np.ndarray, place: Place) -> np.ndarray | None:
    """Returns a parameter as one number per channel, or None when broadcasting it does not mean that."""
    wanted = tuple(1 if size is None else size for size in place.view)
    # Broadcasting may add leading axes of 1, but must not make the result larger.
    spare = operand.ndim - len(wanted)
    if spare > 0 and (place.rank is None or operand.ndim > place.rank or operand.shape[:spare] != (1,) * spare):
        return None
    shape = operand.shape[max(spare, 0) :]
    for size, most in zip(shape[::-1], wanted[::-1], strict=False):
        # Along an axis of unknown size only what is the same everywhere is a parameter of channels.
        if size not in (1, most):
            return None
    return np.broadcast_to(operand.reshape(shape), wanted).ravel()


def _reshaped(model: GraphModel, constants: Constants, node: Node, place: Place) -> Place | None:
    out = (node.id, 0)
    if node.op == "Reshape":
        return _reshape(model, constants, node, place)
    if node.op == "BatchToSpaceND":
        block = constants.get(node.inputs[1])
        first = place.rank - len(place.view) if place.rank is not None else None
        if block is None or first is None or place.view[0] is None:
            return None
        crops = constants.get(node.inputs[2])
        # Channels stay where they are if no block reaches their axis.
        still = first > block.size or (block[first - 1] == 1 and crops is not None and not crops[first - 1].any())
        return place._replace(tensor=out) if still else None
    if node.op == "ExpandDims":
        axis = constants.get(node.inputs[1])
        if axis is None or axis.size != 1:
            return None
        behind = _behind(int(np.ravel(axis)[0]), place.rank, 1)
        if behind is None:
            return None
        at = len(place.view) - behind
        view = place.view if at <= 0 else (*place.view[:at], None, *place.view[at:])
        return Place(out, view, place.rank + 1 if place.rank is not None else None)
    gone = [_behind(axis, place.rank, 0) for axis in squeezed(node)]
    if not gone or any(item is None for item in gone) or place.rank is None:
        return None
    kept = [size for at, size in enumerate(place.view) if len(place.view) - 1 - at not in gone]
    lost = len(place.view) - len(kept)
    # Of the axes that hold channels none may go.
    if lost and sum(size is not None for size in kept) < sum(size is not None for size in place.view):
        return None
    return Place(out, tuple(kept), place.rank - len(gone))


def _behind(axis: int, rank: int | None, more: int) -> int | None:
    """Returns how many axes come after one."""
    if axis < 0:
        return -axis - 1
    return None if rank is None else rank + more - 1 - axis


def _reshape(model: GraphModel, constants: Constants, node: Node, place: Place) -> Place | None:
    """A Reshape keeps the channels when its last sizes multiply to their number: both are row-major."""
    if len(place.view) != 1 or place.view[0] is None:
        return None
    tail, rank = _sizes(model, constants, node)
    # (2, 3) at the end hold the 6 channels in their old order, and so may fold in the same way.
    left = place.view[0]
    for count in range(1, len(tail) + 1):
        size = tail[-count]
        if size is None or size < 1 or left % size:
            return None
        left //= size
        if left == 1:
            return Place((node.id, 0), tail[-count:], rank)
    return None


def _sizes(model: GraphModel, constants: Constants, node: Node) -> tuple[View, int | None]:
    """Returns the last sizes that a Reshape asks for, as far as they are stated, and the rank."""
    stated = constants.get(node.inputs[1])
    if stated is not None:
        return tuple(int(size) if size >= 0 else None for size in np.ravel(stated)), stated.size
    shape = node.attr("_output_shapes")
    if shape is not None and shape.list.shape and not shape.list.shape[0].unknown_rank:
        sizes = consts.shape_of(shape.list.shape[0])
        return sizes, len(sizes)
    # A shape that is computed from the batch size is packed from parts, of which the last ones are often constants.
    asked = model.nodes[model.flow.strip(node.inputs[1])[0]]
    parts = asked.inputs[:-1] if asked.op == "ConcatV2" else asked.inputs if asked.op == "Pack" else []
    sizes_of = [constants.get(part) for part in parts]
    tail: list[int | None] = []
    for value in sizes_of:
        tail += [int(size) for size in np.ravel(value)] if value is not None else [None]
    return tuple(tail), len(parts) if asked.op == "Pack" else None
