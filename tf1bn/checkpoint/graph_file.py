"""Reads the graph and the variables of a ``.meta`` file, without TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from tf1bn import errors
from tf1bn.checkpoint import dtypes, protos, wire
from tf1bn.checkpoint.bundle import open_file
from tf1bn.checkpoint.shard import Extents
from tf1bn.checkpoint.wire import damaged

VARIABLE_OPS = frozenset({"Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable"})
_LIMIT = 2 << 30  # messages cannot pass 2 GiB
_SHAPING = frozenset({"strides", "dilations", "padding", "data_format", "transpose_a", "transpose_b"})


class Node(NamedTuple):
    """One operation: kind, names of the operations whose outputs it takes, and what tells it from others."""

    op: str
    inputs: tuple[str, ...]
    dtype: int = 0
    shape: tuple[int, ...] | None = None
    traits: tuple[tuple[str, bytes], ...] = ()


class Variable(NamedTuple):
    """One variable as a Saver sees it; ``shape`` is None where the graph does not say."""

    name: str
    dtype: str
    shape: tuple[int, ...] | None
    slices: tuple[Extents, ...] = ()
    node: str = ""


class GraphFile(NamedTuple):
    """Nodes by name, and variables by the name that a checkpoint has them under."""

    path: str
    nodes: dict[str, Node]
    variables: dict[str, Variable]


def read_graph(path: str | os.PathLike[str]) -> GraphFile:
    """Returns the graph of a ``.meta`` file.

    Raises:
      CheckpointMissingError: it cannot be opened.
      CheckpointDamagedError: it is not such a file.
    """
    path = os.fspath(path)
    descriptor = open_file(path)
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_size > _LIMIT:
            raise damaged(f"{path} is larger than a graph can be")
        data = memoryview(file.read())
    try:
        return parse_graph(path, data)
    except errors.CheckpointDamagedError as error:
        raise damaged(f"{path} is no .meta file", fix=error.text) from error


def parse_graph(path: str, data: bytes | memoryview) -> GraphFile:
    """Returns the graph of a serialized ``MetaGraphDef``.

    Raises:
      CheckpointDamagedError: it is malformed, or empty.
    """
    nodes: dict[str, Node] = {}
    listed: list[memoryview] = []
    for field, _, value in wire.fields(data):
        if field == 2:
            for inner, _, node in wire.fields(wire.as_view(value)):
                if inner == 1:
                    name, parsed = _node(wire.as_view(node))
                    nodes[name] = parsed
        elif field == 4:
            listed += _collection(wire.as_view(value), "variables")
    if not nodes:
        raise damaged("it holds no operations")
    found = [_variable(blob, nodes) for blob in listed] or [
        (Variable(name, _dtype(node.dtype), node.shape, node=name), ()) for name, node in nodes.items() if _is_var(node)
    ]
    return GraphFile(path, nodes, _join_slices(found))


def _is_var(node: Node) -> bool:
    return node.op in VARIABLE_OPS


def _dtype(number: int) -> str:
    return dtypes.of_number(number).name


def _collection(entry: memoryview, wanted: str) -> Iterator[memoryview]:
    """Yields the serialized members of a collection, if the entry is the wanted one."""
    key, body = "", memoryview(b"")
    for field, _, value in wire.fields(entry):
        if field == 1:
            key = wire.as_text(value)
        elif field == 2:
            body = wire.as_view(value)
    if key != wanted:
        return
    for field, _, members in wire.fields(body):
        for inner, _, member in wire.fields(wire.as_view(members)) if field == 2 else ():
            if inner == 1:
                yield wire.as_view(member)


def _node(data: memoryview) -> tuple[str, Node]:
    name, op, inputs = "", "", []
    dtype, shape, traits = 0, None, []
    for field, _, value in wire.fields(data):
        if field == 1:
            name = wire.as_text(value)
        elif field == 2:
            op = wire.as_text(value)
        elif field == 3:
            source = wire.as_text(value)
            if not source.startswith("^"):
                inputs.append(source.partition(":")[0])
        elif field == 5:
            parts = {number: inner for number, _, inner in wire.fields(wire.as_view(value))}
            key, body = wire.as_text(parts.get(1, memoryview(b""))), wire.as_view(parts.get(2, memoryview(b"")))
            if key == "dtype":
                dtype = next((wire.as_int(inner) for number, _, inner in wire.fields(body) if number == 6), 0)
            elif key == "shape" and op in VARIABLE_OPS:
                shape = _shape(body)
            elif key in _SHAPING:
                traits.append((key, bytes(body)))
    return name, Node(op, tuple(inputs), dtype, shape, tuple(sorted(traits)))


def _shape(body: memoryview) -> tuple[int, ...] | None:
    for number, _, inner in wire.fields(body):
        if number == 7:
            try:
                return protos.parse_shape(wire.as_view(inner))
            except errors.CheckpointDamagedError:
                return None  # rank or a size is open
    return None


def _integers(value: wire.Value) -> list[int]:
    if isinstance(value, int):
        return [value]
    numbers, at = [], 0
    while at < len(value):
        number, at = wire.read_varint(value, at)
        numbers.append(number)
    return numbers


def _variable(blob: memoryview, nodes: dict[str, Node]) -> tuple[Variable, Extents]:
    """Returns one variable of the collection, and its place if it is a slice of a larger one."""
    name, full, lists = "", "", {2: [], 3: [], 4: []}  # type: ignore[var-annotated]
    for field, _, value in wire.fields(blob):
        if field == 1:
            name = wire.as_text(value).partition(":")[0]
        elif field == 4:
            for inner, _, part in wire.fields(wire.as_view(value)):
                if inner == 1:
                    full = wire.as_text(part)
                elif inner in lists:
                    lists[inner] += _integers(part)
    node = nodes.get(name)
    if node is None or not _is_var(node):
        raise damaged(f"variable {name!r} has no operation")
    if not full:
        return Variable(name, _dtype(node.dtype), node.shape, node=name), ()
    extents = tuple(zip(lists[3], lists[4], strict=False))
    return Variable(full, _dtype(node.dtype), tuple(lists[2]), node=name), extents


def _join_slices(found: list[tuple[Variable, Extents]]) -> dict[str, Variable]:
    joined: dict[str, Variable] = {}
    for variable, extents in found:
        if extents:
            before = joined.get(variable.name, variable).slices
            variable = variable._replace(slices=(*before, extents))
        joined[variable.name] = variable
    return joined
