"""Embeddings: rows that are looked up; the same everywhere, but in the order in which parts of a table hold them."""

from __future__ import annotations

from collections.abc import Iterator

from tf1bn.convert.layer import KERNEL, Doubt, Layer
from tf1bn.convert.reader import MODULO, Reader, attribute, scope_of
from tf1bn.convert.steps import Dealt, Step
from tf1bn.convert.target import Target, whole
from tf1bn.convert.uses import linear
from tf1bn.convert.uses.kind import Kind

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
        dealt = {int(attribute(item.node, MODULO, 0)) for item in uses}
        layer.traits["dealt"] = max(dealt)
        if len(dealt) > 1:
            question = "its rows are looked up in their order and, elsewhere, dealt out to parts in turn"
            layer.doubts.append(Doubt(layer.scope, question, 'give "dealt": the number of parts, or 0'))
        if not layer.traits["dealt"]:
            del layer.traits["dealt"]
        tied = [other for other in reader.layers if stored in other.tensors.values()]
        linear.base(reader, layer, variable, uses, (use.node.id, 0))
        if tied:
            layer.traits["tied"] = tied[0].scope


def _in_order(layer: Layer) -> tuple[Step, ...]:
    parts = layer.traits.get("dealt") or 0
    return (Dealt(parts),) if parts > 1 else ()


def torch(layer: Layer) -> list[Target]:
    """The tensor of ``nn.Embedding``."""
    return [whole("weight", layer.tensors[KERNEL], *_in_order(layer))]


def keras(layer: Layer) -> list[Target]:
    """The variable of ``Embedding``."""
    return [whole("embeddings", layer.tensors[KERNEL], *_in_order(layer))]


def notes(layer: Layer, framework: str) -> Iterator[str]:
    """Yields how the source dealt its rows out."""
    if _in_order(layer):
        yield (
            f"the source deals its rows out to {layer.traits['dealt']} parts in turn (mod); its checkpoint has them "
            "part by part, a table elsewhere in their order"
        )


KIND = Kind(NAME, find, torch, keras, notes)
