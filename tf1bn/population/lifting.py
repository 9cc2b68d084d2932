"""Brings a tensor out of the branch of a conditional, so that it can be fetched whichever branch runs."""

from __future__ import annotations

from typing import Any

from tf1bn import errors
from tf1bn.graph import ops
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Node, Tensor

_REFUSED = {
    *ops.MERGES, *ops.ENTERS, *ops.EXITS, *ops.NEXTS, "If", "StatelessIf", "Case", "StatelessCase", "While",
    "StatelessWhile", "PartitionedCall", "StatefulPartitionedCall", "RandomUniform", "RandomStandardNormal", "TopKV2",
}  # fmt: skip


class Lifter:
    """Copies to the top of a graph what lies in a branch between a tensor and the branch's inputs.

    Args:
      model: of the graph.
      graph_def: of the graph; copies are added to it.
      prefix: name scope of the copies.
    """

    def __init__(self, model: GraphModel, graph_def: Any, prefix: str) -> None:
        self._flow = model.flow
        self._graph_def = graph_def
        self._prefix = prefix
        self._copies: dict[int, str] = {}

    def name(self, tensor: Tensor) -> str:
        """Returns the name of a tensor with the same value outside of any branch.

        Raises:
          PopulationError: it is computed in a loop, by a nested call, or at random.
        """
        number, output = self._flow.strip(tensor)
        node = self._flow.nodes[number]
        if node.call < 0 and not self._flow.contexts[number]:
            return f"{node.name}:{output}"
        if number not in self._copies:
            self._copies[number] = self._copy(node)
        return f"{self._copies[number]}:{output}"

    def free(self, number: int) -> bool:
        """Whether a node lies outside of any branch, loop or function."""
        return self._flow.nodes[number].call < 0 and not self._flow.contexts[number]

    def _copy(self, node: Node) -> str:
        loops = [item for item in self._flow.contexts[node.id] if item[0] == "loop"]
        # A copy of a random op would draw other numbers, and one of a call would need its function's inputs.
        if loops or node.proto is None or node.op in _REFUSED:
            place = "in a loop" if loops else "in a branch or function"
            raise errors.PopulationError(
                errors.explain(f"its input is computed {place}, by {node.name!r}", got=node.op)
            )
        inputs = [self.name(source) for source in node.inputs]
        copy = self._graph_def.node.add()
        copy.CopyFrom(node.proto)
        copy.name = f"{self._prefix}/{len(self._copies)}_{len(self._graph_def.node)}"
        del copy.input[:]
        copy.input.extend(inputs)
        # The op that it was colocated with may be in the branch, where nothing outside can be placed.
        if "_class" in copy.attr:
            del copy.attr["_class"]
        return copy.name
