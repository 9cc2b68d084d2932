"""From a graph and the tensors of its checkpoint to the layers of the forward pass, in their order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.convert import features, partitions
from tf1bn.convert import source as sources
from tf1bn.convert.layer import Layer, Stored
from tf1bn.convert.reader import Reader
from tf1bn.convert.uses import catalog
from tf1bn.export.draft import meta_graph
from tf1bn.export.inference import InferenceGraph, Names, inference_graph
from tf1bn.graph.model import GraphModel

_PART = re.compile(r"/part_\d+$")


class Reading(NamedTuple):
    """What was read from a graph.

    Attributes:
      layers: in the order of the forward pass.
      inference: the graph without training, when outputs were named.
      unused: keys of variables that the forward pass does not use: optimizer slots, counters.
      axes: key of an input or output that is maps -> what its axes are.
    """

    layers: list[Layer]
    inference: InferenceGraph | None
    unused: tuple[str, ...]
    axes: dict[str, str]


def read(
    graph: Any,
    stored: Mapping[str, Stored] | None = None,
    *,
    outputs: Names | None = None,
    inputs: Names | None = None,
    switches: Mapping[str, Any] | None = None,
    where: str = "the checkpoint",
) -> Reading:
    """Returns the layers of a graph.

    Args:
      graph: a tf.Graph, a MetaGraphDef, or the path of a ``.meta`` file.
      stored: the tensors of the checkpoint; None where only the graph is known.
      outputs: what the forward pass computes; None for all that the graph differentiates or computes.
      inputs, switches: as in :func:`tf1bn.export.inference_graph`; they need ``outputs``.
      where: what to call the checkpoint.

    Raises:
      GraphError: the graph cannot be read.
      ExportError: the outputs cannot be computed in inference.
      ConvertError: a variable is missing in the checkpoint or has another shape, or the graph has no layer.
    """
    origin, slices = whole(graph)
    made = None
    model = origin
    if outputs is not None:
        made = inference_graph(graph, outputs, inputs=inputs, switches=switches)
        model = GraphModel(_with_shapes(partitions.joined(made.graph_def, slices)))
    reader = Reader(model, dict(stored) if stored is not None else None, origin)
    for module in catalog.ORDER:
        module.KIND.find(reader)
    layers = sorted(reader.layers, key=lambda layer: layer.place)
    _connect(reader, layers)
    if not layers:
        raise errors.ConvertError(
            errors.explain("the graph has no layer with variables", fix="Is it frozen? Take the graph with variables.")
        )
    _require_whole(layers, reader, slices)
    if stored is not None:
        for layer in layers:
            for item in layer.tensors.values():
                variable = reader.named(item.key)
                shape = tuple(size or 0 for size in (variable.shape if variable else None) or item.shape)
                sources.check(item.key, stored, where, shape)
    used = {item.key for layer in layers for item in layer.tensors.values()}
    unused = {item.key for item in origin.variables.by_node.values()} - used
    for layer in layers:
        layer.axes = _axes(model, layer.output)
    ends = {**made.inputs, **made.outputs} if made else {}
    axes = {key: found for key, name in ends.items() if (found := _axes(model, name))}
    return Reading(layers, made, tuple(sorted(unused)), axes)


def whole(graph: Any) -> tuple[GraphModel, dict[str, partitions.Slice]]:
    """Returns a graph whose partitioned variables are whole, and what their parts are."""
    origin = GraphModel(graph)
    meta = origin.source.meta_graph
    if meta is None and any(_PART.search(item.name) for item in origin.variables.by_node.values()):
        meta = meta_graph(graph)  # of a live graph, which is not worth making for any other
    slices = partitions.find(meta) if meta is not None else {}
    if not slices:
        return origin, slices
    changed = tf.MetaGraphDef()
    changed.CopyFrom(meta)
    changed.graph_def.CopyFrom(partitions.joined(meta.graph_def, slices))
    return GraphModel(changed), slices


def _require_whole(layers: list[Layer], reader: Reader, slices: Mapping[str, partitions.Slice]) -> None:
    """Refuses a part of a variable that something computes with alone."""
    for layer in layers:
        for item in layer.tensors.values():
            variable = reader.named(item.key)
            if variable is not None and variable.name in slices:
                used = ", ".join(f"{use.node.op} {use.node.name!r}" for use in reader.uses(variable)[:2])
                raise errors.ConvertError(
                    errors.explain(
                        f"{item.key!r} is a part of the partitioned variable {slices[variable.name].whole!r}, and its "
                        f"parts are not joined where it is used ({used or layer.scope})",
                        fix="Build the graph without a partitioner, which restores the same checkpoint, and give its "
                        ".meta file.",
                    )
                )


def _connect(reader: Reader, layers: list[Layer]) -> None:
    """Numbers layers in forward order, with room for two parts of one, and notes which computes from which."""
    for number, layer in enumerate(layers):
        layer.place = 2 * number
    at = {layer.node: layer for layer in layers}
    parents = reader.flow.data_parents
    for layer in layers:
        cell = layer.traits.get("cell", 0)
        inner = [item for item in layers if item.node == layer.node and item.traits.get("cell", 0) == cell - 1]
        if inner:  # one op of several cells on each other
            layer.before = frozenset(item.place for item in inner)
            layer.above = layer.before.union(*(item.above for item in inner))
            continue
        seen, todo, near = {layer.node}, list(parents[layer.node]), set()
        while todo:
            number = todo.pop()
            if number in seen:
                continue
            seen.add(number)
            other = at.get(number)
            if other is not None and other.place < layer.place:
                near.add(other.place)
            elif other is None:
                todo.extend(parents[number])
        layer.before = frozenset(near)
        layer.above = layer.before.union(*(item.above for item in layers if item.place in near))


def _axes(model: GraphModel, name: str) -> str:
    """Returns what the axes of a tensor of maps are; empty for any other tensor."""
    op, _, output = name.rpartition(":")
    number = model.flow.by_name.get(op)
    if number is None:
        return ""
    tensor = (number, int(output))
    shape, found = model.flow.shape(tensor), features.layout(model.flow, tensor)
    return found if shape is not None and len(shape) == len(found) else ""


def _with_shapes(graph_def: Any) -> Any:
    """Returns a graph of a GraphDef: importing it infers the shapes that a Draft may have lost."""
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    return graph
