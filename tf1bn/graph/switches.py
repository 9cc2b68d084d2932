"""What a condition of a graph depends on, and so who turns it.

Branches look alike, and mean different things: the training switch of a layer, its guard against an empty batch, a
branch that the data choose, a program's own `step % 10 == 0`. They are told apart by what feeds them: a flag that
a caller sets, a counter, values, sizes alone, or nothing but constants.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tf1bn.graph import ops
from tf1bn.graph.flow import Flow
from tf1bn.graph.nodes import Tensor
from tf1bn.graph.variables import Variable, Variables

FLAG, STEP, DATA, GUARD, CONSTANT = "flag", "step", "data", "guard", "constant"
"""Kinds of conditions: set by the caller; by a counter; by values; by sizes alone; by nothing."""

Gate = tuple[Tensor, Any]
"""A condition and the branch of it: 1 where it holds, 0 where it does not."""

_ORDER = (FLAG, STEP, DATA, GUARD, CONSTANT)
_SIZES = {"Size", "Shape", "ShapeN", "Rank"}
_LOGIC = {
    *("LogicalAnd", "LogicalOr", "LogicalNot", "Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual"),
    *("Cast", "Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "FloorDiv", "FloorMod", "Mod", "Minimum", "Maximum"),
    *("Select", "SelectV2", "Pack", "Squeeze", "ExpandDims", "All", "Any", "IsFinite", "IsNan", "Abs", "Neg", "Not"),
}
# The other inputs of these are places, axes and sizes, which decide nothing.
_FIRST = {"StridedSlice", "GatherV2", "Gather", "Reshape", "Prod", "Sum", "Mean", "Max", "Min", "Slice", "All", "Any"}
_PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
# Numbers of types in a graph file.
_BOOL, _STRING = 10, 7
_MOST = 500


class Switches:
    """Answers what conditions are, for one graph."""

    def __init__(self, flow: Flow, variables: Variables) -> None:
        self.flow = flow
        self.variables = variables
        self._kinds: dict[Tensor, str] = {}

    def kind(self, predicate: Tensor) -> str:
        """What decides a condition: FLAG before STEP before DATA before GUARD, where several do."""
        if predicate not in self._kinds:
            found = {self._leaf(tensor) for tensor in self._leaves(predicate)}
            self._kinds[predicate] = next((kind for kind in _ORDER if kind in found), CONSTANT)
        return self._kinds[predicate]

    def parts(self, gate: Gate) -> set[Gate]:
        """A condition with all that it implies: `a and b` holds only where both do."""
        found, todo = set(), [gate]
        while todo:
            tensor, branch = todo.pop()
            if (tensor, branch) in found:
                continue
            found.add((tensor, branch))
            node = self.flow.nodes[tensor[0]]
            if node.op == "LogicalNot" and branch in (0, 1):
                todo.append((self.flow.strip(node.inputs[0]), 1 - branch))
            # The other two cases leave open which side decided.
            elif (node.op, branch) in (("LogicalAnd", 1), ("LogicalOr", 0)):
                todo.extend((self.flow.strip(item), branch) for item in node.inputs)
        return found

    def gates(self, number: int) -> set[Gate]:
        """The conditions under which an op runs, and all that they imply."""
        own = [(item[1], item[2]) for item in self.flow.contexts[number] if item[0] == "cond"]
        return set().union(*map(self.parts, own)) if own else set()

    def chooser(self, number: int) -> Tensor | None:
        """The condition by which an op chooses between values, or None."""
        node = self.flow.nodes[number]
        if node.op in ("Select", "SelectV2", "If", "StatelessIf") and node.inputs:
            return self.flow.strip(node.inputs[0])
        if node.op in ops.MERGES:
            for source, output in node.inputs:
                for item in self.flow.edge(source, output, self.flow.contexts):
                    # A condition around the whole merge chooses nothing at this place.
                    if item[0] == "cond" and item not in self.flow.contexts[number]:
                        return item[1]
        return None

    def best(self, predicates: Any) -> Tensor | None:
        """Of several conditions the one that a caller is most likely meant to turn; the first of its kind."""
        found = list(dict.fromkeys(predicates))
        return min(found, key=lambda item: _ORDER.index(self.kind(item))) if found else None

    def default(self, predicate: Tensor) -> bool | None:
        """The value of a condition that nobody sets, where the graph states it."""
        # `not training` has the default of `training`, turned.
        gate = next((item for item in self.parts((predicate, 1)) if item[0] != predicate), (predicate, 1))
        for tensor, branch in ((predicate, 1), gate):
            node = self.flow.nodes[self.flow.strip(tensor)[0]]
            if node.op == "PlaceholderWithDefault":
                tensor = node.inputs[0]
            value = self.flow.constant(tensor)
            if value is not None and value.size == 1:
                return bool(np.ravel(value)[0]) == bool(branch)
        return None

    def _leaves(self, predicate: Tensor) -> set[Tensor]:
        """What a condition is computed from, through logic, comparisons and small arithmetic."""
        leaves: set[Tensor] = set()
        seen, todo = {predicate}, [predicate]
        while todo and len(seen) < _MOST:
            tensor = todo.pop()
            steps = self._above(tensor)
            if not steps:
                leaves.add(tensor)
            for step in steps:
                if step not in seen:
                    seen.add(step)
                    todo.append(step)
        return leaves

    def _above(self, tensor: Tensor) -> list[Tensor]:
        node = self.flow.nodes[tensor[0]]
        steps = self.flow.step(tensor)
        chosen = self.chooser(tensor[0]) if node.op in (*ops.MERGES, "If", "StatelessIf") else None
        if steps or chosen is not None:
            return [*steps, *([chosen] if chosen is not None else [])]
        if node.op in _FIRST:
            return node.inputs[:1]
        return list(node.inputs) if node.op in _LOGIC else []

    def _leaf(self, tensor: Tensor) -> str:
        node = self.flow.nodes[tensor[0]]
        if node.op == "Const":
            return CONSTANT
        if node.op in _SIZES:
            return GUARD
        if tensor[0] in self.variables.by_node:
            return self._of_variable(self.variables.by_node[tensor[0]])
        if node.op in _PLACEHOLDERS:
            dtype, shape = node.attr("dtype"), self.flow.shape(tensor)
            # Without a shape, a number may be a batch, but words and truths are said by a caller.
            worded = dtype is not None and dtype.type in (_BOOL, _STRING)
            return FLAG if shape == () or (worded and shape is None) else DATA
        return DATA

    def _of_variable(self, variable: Variable) -> str:
        """A scalar that a program sets is a flag, one that the graph counts up is a step."""
        if variable.shape not in ((), None) or variable.of_kind("apply"):
            return DATA
        counts = any(writer.node.op.startswith("AssignAdd") for writer in variable.writers)
        return STEP if counts or variable.name.endswith("global_step") else FLAG
