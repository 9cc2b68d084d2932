"""Embeddings: rows that are looked up; the same everywhere."""

from __future__ import annotations

from tf1bn.convert.layer import KERNEL, Layer
from tf1bn.convert.reader import Reader, scope_of
from tf1bn.convert.target import Target, whole
from tf1bn.convert.uses import linear
from tf1bn.convert.uses.kind import Kind, no_notes

NAME = "embedding"
_OPS = ("GatherV2", "Gather", "ResourceGather")


def find(reader: Reader) -> None:
    """Adds the embeddings of a graph. A table that is a kernel, too, is tied: both layers get its numbers."""
    for variable in [item for item in reader.variables.by_node.values() if reader.uses(item)]:
        uses = [use for use in reader.uses(variable) if use.node.op in _OPS and use.position == 0]
        stored = reader.stored(variable)
        if not uses or len(stored.shape) != 2 or not stored.dtype.startswith(("float", "bfloat")):
            continue
        use = min(uses, key=lambda item: item.node.id)
        layer = Layer(NAME, scope_of(stored.key, linear.LEAVES), {KERNEL: stored})
        tied = [other for other in reader.layers if stored in other.tensors.values()]
        linear.base(reader, layer, variable, uses, (use.node.id, 0))
        if tied:
            layer.traits["tied"] = tied[0].scope


def torch(layer: Layer) -> list[Target]:
    """The tensor of ``nn.Embedding``."""
    return [whole("weight", layer.tensors[KERNEL])]


def keras(layer: Layer) -> list[Target]:
    """The variable of ``Embedding``."""
    return [whole("embeddings", layer.tensors[KERNEL])]


KIND = Kind(NAME, find, torch, keras, no_notes)
