"""Everything else that the forward pass reads: kept as it is, under its own name."""

from __future__ import annotations

from tf1bn.convert import features
from tf1bn.convert.layer import LIKELY, Doubt, Layer
from tf1bn.convert.reader import Reader
from tf1bn.convert.steps import Transpose
from tf1bn.convert.target import Target, whole
from tf1bn.convert.uses.kind import Kind, as_stored, no_notes
from tf1bn.graph.nodes import Node

NAME = "parameter"
_MOST_AXES = 2
_NEAR = 200
_KERNELS = ("MatMul", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2")
_TAKES = {"ConcatV2", "Pack", "Tile", "StridedSlice", "BroadcastTo", "Slice"}


def find(reader: Reader) -> None:
    """Adds every variable of floating-point numbers that no other kind took."""
    for variable in reader.free():
        stored = reader.stored(variable)
        if not stored.dtype.startswith(("float", "bfloat")):
            continue
        uses = reader.uses(variable)
        use = uses[0]
        layer = Layer(NAME, stored.key, {stored.key: stored}, sure=LIKELY)
        layer.why = f"{use.node.op} {use.node.name!r} takes it; its axes stay"
        plain = use.node.op in features.ELEMENTWISE or use.node.op in _TAKES
        plain = plain and not (len(stored.shape) > 1 and any(_makes_kernel(reader, item.node) for item in uses))
        if not plain or sum(size != 1 for size in stored.shape) > _MOST_AXES:
            layer.doubts.append(
                Doubt(
                    stored.key,
                    f"{use.node.op} {use.node.name!r} computes with it, which is no layer known here; its axes "
                    f"{list(stored.shape)} may stand in another order elsewhere",
                    'give "axes": their new order, such as [0, 1, 2], or "drop": true',
                )
            )
        reader.take(variable)
        reader.add(layer, use.node.id)


def _makes_kernel(reader: Reader, node: Node) -> bool:
    """Whether arithmetic on a variable makes the kernel of a layer, as weight normalization does."""
    todo, seen = [node], {node.id}
    while todo and len(seen) < _NEAR:
        current = todo.pop(0)
        for user in reader.value_users((current.id, 0)):
            if user.op in _KERNELS and len(user.inputs) > 1 and user.inputs[1][0] == current.id:
                return True
            if user.op in features.ELEMENTWISE and user.id not in seen:
                seen.add(user.id)
                todo.append(user)
    return False


def torch(layer: Layer) -> list[Target]:
    """A tensor under its own name, its axes in another order where a person said so."""
    axes = layer.traits.get("axes")
    if not axes:
        return as_stored(layer)
    ((key, stored),) = layer.tensors.items()
    return [whole(key.rpartition("/")[2], stored, Transpose(tuple(axes)))]


KIND = Kind(NAME, find, torch, None, no_notes)
