"""The graph of objects in an object-based checkpoint: which key belongs to which variable."""

from __future__ import annotations

from tf1bn.checkpoint import wire
from tf1bn.checkpoint.layouts.object_based import GRAPH_KEY, SUFFIX
from tf1bn.checkpoint.source import Checkpoint


def variable_names(checkpoint: Checkpoint) -> dict[str, str]:
    """Returns key -> name of the variable, for the keys of an object-based checkpoint.

    A variable without a name of its own, or whose name two keys share, goes by its path of objects. Empty for
    a checkpoint that is not object-based.

    Raises:
      CheckpointDamagedError: the graph of objects is malformed.
    """
    if GRAPH_KEY not in checkpoint.tensors:
        return {}
    blob = memoryview(bytes(checkpoint.read(GRAPH_KEY).reshape(-1)[0]))
    full: dict[str, str] = {}
    for field, _, node in wire.fields(blob):
        for inner, _, attribute in wire.fields(wire.as_view(node)) if field == 1 else ():
            if inner == 2:
                texts = {
                    number: wire.as_text(value)
                    for number, kind, value in wire.fields(wire.as_view(attribute))
                    if kind == 2
                }
                full[texts.get(3, "")] = texts.get(2, "")
    owners: dict[str, int] = {}
    for key in checkpoint.tensors:
        owners[full.get(key, "")] = owners.get(full.get(key, ""), 0) + 1
    names = {}
    for key in checkpoint.tensors:
        if key != GRAPH_KEY:
            name = full.get(key, "")
            names[key] = name if name and owners[name] == 1 else key.removesuffix(SUFFIX)
    return names
