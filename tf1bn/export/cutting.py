"""Makes placeholders of the tensors that a caller will feed, whatever computes them in the training graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.export.draft import CONTROL, Draft, Ref, parse, spell

PLACEHOLDERS = ("Placeholder", "PlaceholderV2")


def keyed(names: Mapping[str, str] | Iterable[str]) -> dict[str, str]:
    """Returns key -> tensor; the key of a bare name is its last part.

    Raises:
      ArgumentError: the last parts of two names are the same.
    """
    if isinstance(names, Mapping):
        return {key: _name(item) for key, item in names.items()}
    found: dict[str, str] = {}
    for text in map(_name, [names] if isinstance(names, str) else names):
        name, output = parse(text)
        key = name.rsplit("/", 1)[-1] + (f"_{output}" if output > 0 else "")
        if key in found:
            raise errors.ArgumentError(
                errors.explain(f"two tensors are called {key!r}", got=[found[key], text], fix="Give key=tensor pairs.")
            )
        found[key] = spell((name, output))
    return found


def _name(item: Any) -> str:
    """Returns the name of a tensor, given by its name or as the tensor."""
    return str(getattr(item, "name", item))


def cut(draft: Draft, inputs: Mapping[str, str]) -> dict[str, str]:
    """Puts a placeholder in the place of each input; returns key -> name of the placeholder.

    Raises:
      ExportError: an input is not in the graph.
    """
    found = {}
    for key, text in inputs.items():
        ref = draft.find(text, "input")
        node = draft.nodes[ref[0]]
        found[key] = ref[0] if node.op in PLACEHOLDERS else _replace(draft, ref, key)
    return found


def _replace(draft: Draft, ref: Ref, key: str) -> str:
    node = draft.nodes[ref[0]]
    # It keeps its name, for it is a placeholder already.
    if node.op == "PlaceholderWithDefault":
        placeholder = _placeholder(draft, node.name, node.attr["dtype"].type, node.attr["shape"].shape)
        return str(placeholder.name)
    dtype, shape = draft.dtype(ref), static_shape(draft, ref)
    placeholder = _placeholder(draft, draft.free_name(key), dtype, shape)
    for other in draft.nodes.values():
        inputs = [spell((placeholder.name, 0)) if parse(text) == ref else text for text in other.input]
        other.ClearField("input")
        other.input.extend(inputs)
    return str(placeholder.name)


def _placeholder(draft: Draft, name: str, dtype: int, shape: Any) -> Any:
    node = draft.make(name, "Placeholder", dtype=dtype)
    node.attr["shape"].shape.CopyFrom(shape)
    return node


def static_shape(draft: Draft, ref: Ref) -> Any:
    """Returns the shape of a tensor as the old graph states it, else as TensorFlow infers it."""
    # What the program stated, or an old shape function found, may be more than today's infers.
    stated = draft.shapes.get(ref[0], ())
    if ref[1] < len(stated) and not stated[ref[1]].unknown_rank:
        return stated[ref[1]]
    part = draft.copy()
    for name in part.nodes:
        # Control inputs carry no shape, and may lead to ops that this TensorFlow does not import.
        controls = [text for text in part.nodes[name].input if parse(text)[1] != CONTROL]
        part.nodes[name].ClearField("input")
        part.nodes[name].input.extend(controls)
    part.keep(part.needed([ref[0]]))
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(part.graph_def(), name="")
        return graph.get_tensor_by_name(f"{ref[0]}:{ref[1]}").shape.as_proto()


def settle_defaults(draft: Draft) -> list[str]:
    """Makes every placeholder with a default an Identity of the default; returns their names."""
    found = [node.name for node in draft.nodes.values() if node.op == "PlaceholderWithDefault"]
    for name in found:
        node = draft.nodes[name]
        draft.make(name, "Identity", [parse(node.input[0])], T=node.attr["dtype"].type)
    return found


def feedable(draft: Draft) -> dict[str, str]:
    """Returns the placeholders of a graph as inputs, by key."""
    return keyed(node.name for node in draft.nodes.values() if node.op in PLACEHOLDERS)
