"""Everything else that the forward pass reads: kept as it is, under its own name."""

from __future__ import annotations

import math

from tf1bn.convert import features
from tf1bn.convert.layer import LIKELY, Doubt, Layer
from tf1bn.convert.reader import Reader
from tf1bn.convert.steps import Transpose
from tf1bn.convert.target import Target, whole
from tf1bn.convert.uses import linear
from tf1bn.convert.uses.kind import Kind, as_stored, no_notes

NAME = "parameter"
_MOST_AXES = 2
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
        plain = plain and not (len(stored.shape) > 1 and any(linear.makes_kernel(reader, item.node) for item in uses))
        if not plain or sum(size != 1 for size in stored.shape) > _MOST_AXES:
            layer.doubts.append(
                Doubt(
                    stored.key,
                    f"{use.node.op} {use.node.name!r} computes with it, which is no layer known here; its axes "
                    f"{list(stored.shape)} may stand in another order elsewhere",
                    'give "axes": their new order, such as [0, 1, 2], or "drop": true',
                )
            )
        if sum(size != 1 for size in stored.shape) == 1:
            linear.vector_trait(reader, layer, (use.node.id, 0), math.prod(stored.shape))
        reader.take(variable)
        reader.add(layer, use.node.id)


def torch(layer: Layer) -> list[Target]:
    """A tensor under its own name, its axes in another order where a person said so."""
    axes = layer.traits.get("axes")
    ((key, stored),) = layer.tensors.items()
    if layer.traits.get("features"):
        at = next(place for place, size in enumerate(stored.shape) if size != 1)
        return [whole(key.rpartition("/")[2], stored, *linear.reordered(layer, "features", at))]
    if not axes:
        return as_stored(layer)
    return [whole(key.rpartition("/")[2], stored, Transpose(tuple(axes)))]


KIND = Kind(NAME, find, torch, None, no_notes)
