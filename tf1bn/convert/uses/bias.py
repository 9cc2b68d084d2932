"""Biases: joined to the layer in front of them; one that stands alone stays a parameter of its own."""

from __future__ import annotations

import math

from tf1bn.convert.layer import BIAS, KERNEL, Layer
from tf1bn.convert.reader import Reader, Use
from tf1bn.convert.target import Target
from tf1bn.convert.uses import linear
from tf1bn.convert.uses.kind import Kind, as_stored, no_notes
from tf1bn.graph.nodes import Tensor

NAME = "bias"
_ADDS = ("BiasAdd", "BiasAddV1", "Add", "AddV2", "Sub")
_WITH_BIAS = ("conv", "depthwise", "transposed", "dense")


def find(reader: Reader) -> None:
    """Joins the biases of a graph to the layers in front of them."""
    outputs = {layer.node: layer for layer in reader.layers if layer.kind in _WITH_BIAS}
    for variable in reader.free():
        uses = reader.uses(variable)
        stored = reader.stored(variable)
        adds = [use for use in uses if use.node.op in _ADDS[:4] and len(use.node.inputs) == 2]
        if not adds or len(adds) != len(uses):
            continue
        owners = [_owner(reader, use, outputs) for use in adds]
        layer = owners[0]
        if layer is None or any(owner is not layer for owner in owners) or BIAS in layer.tensors:
            continue
        if math.prod(stored.shape) != _width(layer):
            continue
        layer.tensors[BIAS] = stored
        reader.take(variable)
        out = (adds[0].node.id, 0)
        layer.output = reader.name(out)
        layer.traits.pop("activation", None)
        linear.activity(reader, layer, out)


def _owner(reader: Reader, use: Use, outputs: dict[int, Layer]) -> Layer | None:
    """Returns the layer whose result a bias is added to."""
    tensor: Tensor = use.node.inputs[1 - use.position]
    for _ in range(6):
        tensor = reader.flow.strip(tensor)
        node = reader.nodes[tensor[0]]
        if node.id in outputs:
            return outputs[node.id]
        for layer in outputs.values():
            if layer.traits.get("calls", 1) > 1 and _feeds(reader, layer, node.id):
                return layer
        if node.op not in ("BatchToSpaceND", "Squeeze", "Transpose", "Reshape", "Cast"):
            return None
        tensor = node.inputs[0]
    return None


def _feeds(reader: Reader, layer: Layer, number: int) -> bool:
    """Whether an op is another call of a layer whose weights several ops share."""
    variable = reader.named(layer.tensors[KERNEL].key)
    return variable is not None and any(use.node.id == number for use in reader.uses(variable))


def _width(layer: Layer) -> int:
    """Returns how many outputs a layer has."""
    shape = layer.tensors[KERNEL].shape
    if layer.kind == "depthwise":
        return shape[2] * shape[3]
    if layer.kind == "transposed" or (layer.kind == "dense" and layer.traits.get("turned")):
        return shape[-2]
    return shape[-1]


def torch(layer: Layer) -> list[Target]:
    """A parameter under its own name."""
    return as_stored(layer)


KIND = Kind(NAME, find, torch, None, no_notes)
