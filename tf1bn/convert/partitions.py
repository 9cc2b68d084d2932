"""Partitioned variables made whole: a graph that keeps a variable in parts, written as if it kept one variable.

A checkpoint holds such a variable under one name, in slices, while the graph has a variable per part. Where the parts
are joined by a concatenation, or looked up part by part as an embedding is, this reads as one variable of the whole
name, and every kind of use finds it as it finds any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.convert.reader import MODULO
from tf1bn.export.draft import Ref, parse
from tf1bn.graph import loading
from tf1bn.graph.variables import VARIABLE_OPS

_HANDS_ON = {
    "Identity", "ReadVariableOp", "Enter", "RefEnter", "Switch", "RefSwitch", "StopGradient", "PreventGradient",
    "RefIdentity", "Snapshot",
}  # fmt: skip
_READS = ("Identity", "ReadVariableOp", "RefIdentity")
_GATHERS = ("Gather", "GatherV2", "ResourceGather")
_STITCHES = ("DynamicStitch", "ParallelDynamicStitch")
_SPEC = re.compile(r"^([\d ]+) ([\d,]+(?::[\d,]+)*)$")


class Slice(NamedTuple):
    """Which part of which variable a variable is.

    Attributes:
      whole: the name in the checkpoint.
      shape: of the whole.
      start: where the part begins, along each axis.
      size: its own shape.
    """

    whole: str
    shape: tuple[int, ...]
    start: tuple[int, ...]
    size: tuple[int, ...]


def find(meta: Any) -> dict[str, Slice]:
    """Returns part -> what it is a part of: as its variables' definitions say, else as the op that saves them does.

    Args:
      meta: a MetaGraphDef.
    """
    found = dict(_saved(meta.graph_def))
    for key in (tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.TRAINABLE_VARIABLES):
        for blob in meta.collection_def[key].bytes_list.value if key in meta.collection_def else ():
            definition = loading.proto_class("VariableDef").FromString(blob)
            info = definition.save_slice_info_def
            if info.full_name:
                numbers = (tuple(map(int, item)) for item in (info.full_shape, info.var_offset, info.var_shape))
                found[definition.variable_name.split(":")[0]] = Slice(info.full_name, *numbers)
    return found


def _saved(graph_def: Any) -> Iterator[tuple[str, Slice]]:
    """Yields the parts that an op saves as slices: beside each tensor's name stands ``3 4 0,2:0,4``."""
    nodes = {node.name: node for node in graph_def.node}
    for node in graph_def.node:
        if node.op != "SaveV2":
            continue
        names, specs = (_texts(nodes.get(parse(text)[0])) for text in node.input[1:3])
        for name, spec, text in zip(names, specs, node.input[3:], strict=False):
            match = _SPEC.match(spec)
            variable = _source(nodes, parse(text))
            if match and variable is not None:
                pairs = [tuple(map(int, pair.split(","))) for pair in match[2].split(":")]
                if all(len(pair) == 2 for pair in pairs):
                    start, size = zip(*pairs, strict=True)
                    yield variable, Slice(name, tuple(map(int, match[1].split())), start, size)


def _texts(node: Any) -> list[str]:
    if node is None or node.op != "Const":
        return []
    return [item.decode("utf-8", "replace") for item in node.attr["value"].tensor.string_val]


def _source(nodes: Mapping[str, Any], ref: Ref) -> str | None:
    """Returns the variable whose value a tensor is."""
    for _ in range(50):
        node = nodes.get(ref[0])
        if node is None:
            return None
        if node.op in VARIABLE_OPS:
            return str(node.name)
        if node.op not in _HANDS_ON or not node.input:
            return None
        ref = parse(node.input[0])
    return None


def joined(graph_def: Any, slices: Mapping[str, Slice]) -> Any:
    """Returns a graph in which parts that are joined, or looked up part by part, are one variable.

    The nodes that joined them hand on the whole variable. All else is as it was, the parts included.

    Args:
      graph_def: a GraphDef; it is not changed.
      slices: of :func:`find`.
    """
    if not slices:
        return graph_def
    graph = _Graph(graph_def, slices)
    stitched: list[str] = []
    for node in list(graph.result.node):
        if node.op == "ConcatV2" and (whole := graph.concatenated(node)):
            graph.become(node, "Identity", [graph.read(whole)])
        elif node.op in _STITCHES and (lookup := graph.looked_up(node)):
            stitched += _data(node)
            graph.gather(node, *lookup)
        elif node.op in _READS and (alone := graph.alone(node)):
            graph.become(node, "Identity", [graph.read(alone)])
        elif node.op in _GATHERS and (alone := graph.alone(node)):
            graph.gather(node, alone, node, 0)
    return graph.without(stitched)


class _Graph:
    """A copy of a graph on the way to whole variables."""

    def __init__(self, graph_def: Any, slices: Mapping[str, Slice]) -> None:
        self.result = tf.GraphDef()
        self.result.CopyFrom(graph_def)
        self._nodes = {node.name: node for node in self.result.node}
        self._slices = slices
        self._parts: dict[str, list[str]] = {}
        for name in sorted(slices, key=lambda item: slices[item].start):
            if name in self._nodes:
                self._parts.setdefault(slices[name].whole, []).append(name)
        self._values: dict[str, str] = {}

    def part(self, text: str) -> str:
        """Returns the part whose value an input is; empty for any other input."""
        found = _source(self._nodes, parse(text))
        return found if found is not None and found in self._slices else ""

    def alone(self, node: Any) -> str:
        """Returns the variable whose only part a node reads; empty for any other node."""
        part = parse(node.input[0])[0] if node.input else ""
        item = self._slices.get(part)
        return item.whole if item is not None and item.size == item.shape else ""

    def concatenated(self, node: Any) -> str:
        """Returns the variable whose parts a node joins, all of them in their order along their axis."""
        data = _data(node)
        axis = self._nodes[parse(data[-1])[0]]
        parts = [self.part(text) for text in data[:-1]]
        if axis.op != "Const" or not parts or not all(parts):
            return ""
        item = self._slices[parts[0]]
        number = int(tf.make_ndarray(axis.attr["value"].tensor)) % len(item.shape)
        return item.whole if self._lined(parts, number) else ""

    def _lined(self, parts: list[str], axis: int) -> bool:
        """Whether parts are all of one variable and follow each other along one axis, without a gap."""
        at = 0
        for part in parts:
            _, shape, start, size = self._slices[part]
            expected = tuple(at if place == axis else 0 for place in range(len(shape)))
            whole = all(one == two for place, (one, two) in enumerate(zip(size, shape, strict=True)) if place != axis)
            if start != expected or not whole:
                return False
            at += size[axis]
        first = self._slices[parts[0]]
        return parts == self._parts[first.whole] and at == first.shape[axis]

    def looked_up(self, node: Any) -> tuple[str, Any, int] | None:
        """Returns the table, a lookup in one part, and the number of parts if rows are dealt out in turn.

        Rows are dealt to parts by the remainder, or in stretches; what is stitched together is in their old order.
        """
        data = _data(node)
        gathers = [self._gather(text) for text in data[len(data) // 2 :]]
        if not gathers or None in gathers:
            return None
        parts = [self.part(gather.input[0]) for gather in gathers]
        if not all(parts) or not self._lined(parts, 0):
            return None
        dealt = self._followed(gathers[0].input[1], ("Identity",))
        chosen = self._followed(dealt.input[1], ("Cast", "Identity")) if dealt.op == "DynamicPartition" else None
        modulo = (
            {"FloorMod": len(parts), "Mod": len(parts), "Maximum": 0}.get(chosen.op) if chosen is not None else None
        )
        return None if modulo is None else (self._slices[parts[0]].whole, gathers[0], modulo)

    def _gather(self, text: str) -> Any:
        """Returns the lookup in one part that an input of a stitch is."""
        node = self._followed(text, ("Identity", "Reshape"))
        return node if node.op in _GATHERS else None

    def _followed(self, text: str, ops: tuple[str, ...]) -> Any:
        node = self._nodes[parse(text)[0]]
        while node.op in ops:
            node = self._nodes[parse(node.input[0])[0]]
        return node

    def read(self, whole: str) -> str:
        """Returns the input that is the value of a whole variable, which is made where it is first asked for."""
        if whole not in self._values:
            first = self._parts[whole][0]
            dtype, shape = self._nodes[first].attr["dtype"].type, tf.TensorShape(self._slices[first].shape).as_proto()
            handle = self._add(f"{whole}/whole", "VarHandleOp")
            handle.attr["shape"].shape.CopyFrom(shape)
            handle.attr["shared_name"].s = whole.encode()
            reader = self._add(f"{handle.name}/read", "ReadVariableOp", handle.name)
            reader.attr["_output_shapes"].list.shape.add().CopyFrom(shape)
            for node in (handle, reader):
                node.attr["dtype"].type = dtype
            self._values[whole] = reader.name
        return self._values[whole]

    def _add(self, wanted: str, op: str, *inputs: str) -> Any:
        name, number = wanted, 0
        while name in self._nodes:
            number += 1
            name = f"{wanted}_{number}"
        node = self.result.node.add(name=name, op=op, input=inputs)
        self._nodes[name] = node
        return node

    def become(self, node: Any, op: str, inputs: list[str]) -> None:
        """Makes a node another op that gives the same; its name and the shape of its result stay."""
        value = self._nodes[inputs[0]]
        shapes = tf.NodeDef(attr={key: value for key, value in node.attr.items() if key == "_output_shapes"})
        node.op = op
        node.ClearField("attr")
        del node.input[:]
        node.input.extend(inputs)
        node.attr["T" if op == "Identity" else "Tparams"].type = value.attr["dtype"].type
        node.MergeFrom(shapes)

    def gather(self, node: Any, whole: str, lookup: Any, parts: int) -> None:
        """Makes a node a lookup in a whole variable. Which rows it takes does not matter to its weights."""
        rows, kind = lookup.input[1], lookup.attr["Tindices"].type
        integer = int(tf.int32.as_datatype_enum)
        axis = self._add(f"{node.name}/axis", "Const")
        axis.attr["dtype"].type = integer
        axis.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(0, tf.int32))
        self.become(node, "GatherV2", [self.read(whole), rows, axis.name])
        node.attr["Tindices"].type, node.attr["Taxis"].type = kind, integer
        if parts:
            node.attr[MODULO].i = parts

    def without(self, inputs: list[str]) -> Any:
        """Returns the graph without the lookups behind some inputs, where nothing else takes what they give."""
        taken = {parse(text)[0] for node in self.result.node for text in node.input}
        gone = {parse(text)[0] for text in inputs} - taken
        gone = {name for name in gone if self._nodes[name].op in _GATHERS}
        kept = [node for node in self.result.node if node.name not in gone]
        if gone:
            return tf.GraphDef(node=kept, versions=self.result.versions, library=self.result.library)
        return self.result


def _data(node: Any) -> list[str]:
    return [text for text in node.input if not text.startswith("^")]
