"""Reads the layers of a graph from the ops that use its variables, each kind of use in a file of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tf1bn.convert.layer import Layer, Stored
from tf1bn.graph import ops
from tf1bn.graph.nodes import Node, Tensor, in_gradient
from tf1bn.graph.variables import VARIABLE_OPS, Variable

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

MODULO = "_tf1bn_modulo"
"""Attribute of a lookup in a table whose row ``i`` is row ``i // parts`` of part ``i % parts``: how many parts."""

_RESHAPES = ("Reshape", "ExpandDims", "Squeeze", "Transpose", "Cast", "StopGradient", "ConjugateTranspose")
_HANDS_ON = {*ops.SAME, "ReadVariableOp", *ops.MERGES, *ops.EXITS, *ops.NEXTS, *_RESHAPES}
_BOOKKEEPING = ("Assign", "Scatter", "ResourceScatter", "ResourceApply", "ResourceSparseApply", "Apply", "SparseApply")
_SILENT = {
    "SaveV2",
    "Save",
    "SaveSlices",
    "VarIsInitializedOp",
    "IsVariableInitialized",
    "Shape",
    "ShapeN",
    "VariableShape",
    "Size",
    "Rank",
    "L2Loss",
    "HistogramSummary",
    "DestroyResourceOp",
    "NoOp",
    "Assert",
    "ReportUninitializedVariables",
}


@dataclasses.dataclass(frozen=True)
class Use:
    """One forward use of a variable.

    Attributes:
      node: the op that computes with it.
      position: which input of the op.
      path: the ops between that reshape, transpose or cast it.
    """

    node: Node
    position: int
    path: tuple[Node, ...]


class Reader:
    """A graph on the way to its layers.

    Attributes:
      model: the graph.
      origin: the training graph that it was made from, if it was.
      layers: what was found so far.
      taken: numbers of the variables that some layer has.
    """

    def __init__(
        self, model: GraphModel, stored: dict[str, Stored] | None = None, origin: GraphModel | None = None
    ) -> None:
        self.model = model
        self.origin = origin or model
        self.flow = model.flow
        self.nodes = model.nodes
        self.variables = model.variables
        self.layers: list[Layer] = []
        self.taken: set[int] = set()
        self._stored = stored
        self._uses: dict[int, list[Use]] = {}
        self._forward = _differentiated(self)
        self._places = {number: place for place, number in enumerate(_forward(self))}

    def stored(self, variable: Variable) -> Stored:
        """Returns the tensor of a variable: as the checkpoint has it, else as the graph states it."""
        known = (self._stored or {}).get(variable.key)
        shape = tuple(size or 0 for size in variable.shape or ())
        return known or Stored(variable.key, shape, variable.dtype)

    def tensors(self) -> Iterable[Stored]:
        """Returns all tensors of the checkpoint; none where only the graph is known."""
        return (self._stored or {}).values()

    def free(self) -> list[Variable]:
        """Returns the variables that the forward pass uses and no layer has yet, in graph order."""
        return [item for number, item in self.variables.by_node.items() if number not in self.taken and self.uses(item)]

    def uses(self, variable: Variable) -> list[Use]:
        """Returns the ops that compute with a variable in the forward pass."""
        number = variable.node.id
        if number not in self._uses:
            found = _uses(self, number)
            self._uses[number] = [use for use in found if self._forward is None or self._forward[use.node.id]]
        return self._uses[number]

    def named(self, key: str) -> Variable | None:
        """Returns the variable with that name in a checkpoint."""
        return next((item for item in self.variables.by_node.values() if item.key == key), None)

    def take(self, *variables: Variable | None) -> None:
        """Marks variables as those of a layer."""
        self.taken.update(item.node.id for item in variables if item is not None)

    def add(self, layer: Layer, node: int) -> Layer:
        """Adds a layer whose op has that number."""
        layer.node, layer.place = node, self._places.get(node, len(self.nodes))
        self.layers.append(layer)
        return layer

    def name(self, tensor: Tensor) -> str:
        """Returns the name of a tensor as a session takes it; empty inside a function."""
        node = self.nodes[tensor[0]]
        return f"{node.name}:{tensor[1]}" if node.call < 0 else ""

    def value_users(self, tensor: Tensor) -> list[Node]:
        """Returns the forward ops that take a tensor."""
        return [
            self.nodes[number]
            for number, position, output in self.flow.users[tensor[0]]
            if output == tensor[1] and position >= 0 and not in_gradient(self.nodes[number].name)
        ]

    def returned(self, tensor: Tensor) -> list[Tensor]:
        """Returns what comes out of calls whose bodies return a tensor."""
        users = self.flow.users[tensor[0]]
        return [(number, ~position) for number, position, output in users if output == tensor[1] and position < 0]


def _differentiated(reader: Reader) -> bytearray | None:
    """Marks what gradients are computed from, so that an optimizer's own arithmetic is no use; None without any."""
    inside = [node for node in reader.nodes if in_gradient(node.name)]
    sources = {number for node in inside for number, _ in node.inputs if not in_gradient(reader.nodes[number].name)}
    if not sources:
        return None
    return reader.flow.feeds(sources)


def _uses(reader: Reader, number: int) -> Iterable[Use]:
    todo: list[tuple[int, int, tuple[Node, ...]]] = [(number, 0, ())]
    seen = {(number, 0)}
    while todo:
        current, output, path = todo.pop()
        for user, position, which in reader.flow.users[current]:
            node = reader.nodes[user]
            if which != output or in_gradient(node.name):
                continue
            if position < 0:  # what a body returns comes out of its call
                steps = [(user, ~position)]
            elif node.op in _HANDS_ON and (position == 0 or node.op in ops.MERGES or node.op == "IdentityN"):
                outputs = (0, 1) if node.op in ops.SWITCHES else (position if node.op == "IdentityN" else 0,)
                steps = [(user, out) for out in outputs]
            else:
                silent = node.op in _SILENT or node.op.startswith(_BOOKKEEPING) or user in reader.flow.bodies
                if not silent and node.op not in VARIABLE_OPS:
                    yield Use(node, position, path)
                continue
            for step in steps:
                if step not in seen:
                    seen.add(step)
                    todo.append((*step, (*path, node) if node.op in _RESHAPES else path))


def _forward(reader: Reader) -> list[int]:
    """Returns all nodes, each after its inputs, otherwise in the order of the graph."""
    done: list[int] = []
    state = bytearray(len(reader.nodes))
    parents = reader.flow.data_parents
    for root in range(len(reader.nodes)):
        stack = [root]
        while stack:
            number = stack[-1]
            if state[number] == 0:
                state[number] = 1
                stack.extend(parent for parent in reversed(parents[number]) if state[parent] == 0)
            else:
                stack.pop()
                if state[number] == 1:
                    state[number] = 2
                    done.append(number)
    return done


def scope_of(key: str, leaves: Iterable[str]) -> str:
    """Returns the layer that a variable belongs to: its scope, or its own name where that is no usual leaf."""
    scope, _, leaf = key.rpartition("/")
    return scope if leaf in set(leaves) and scope else key


def attribute(node: Node, name: str, default: Any = None) -> Any:
    """Returns an attribute of a node as a Python value."""
    value = node.attr(name)
    if value is None:
        return default
    kind = value.WhichOneof("value")
    if kind == "list":
        return list(value.list.i) or list(value.list.f) or [item.decode() for item in value.list.s]
    if kind == "s":
        return value.s.decode("utf-8", "replace")
    return getattr(value, kind) if kind in ("i", "f", "b", "type") else default
