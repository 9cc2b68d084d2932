"""Under which conditions each node runs: branches of conditionals and bodies of loops, of both control flows."""

from __future__ import annotations

import functools
from collections.abc import Container

from tf1bn.graph import ops
from tf1bn.graph.edges import Edges
from tf1bn.graph.nodes import Node

Context = frozenset
"""The conditions under which a node runs: `("cond", predicate, branch)` and `("loop", which, level)` items."""


class Contexts(Edges):
    """The edges of a flat graph with the context of each node."""

    @functools.cached_property
    def contexts(self) -> list[Context]:
        """For each node the branches and loops that it runs in; see Context."""
        return self.contexts_without(frozenset())

    def contexts_without(self, skipped: Container[int]) -> list[Context]:
        """As `contexts`, with some ops that run always, so that what waits for them is in no branch because of that."""
        found: list[Context] = [Context()] * len(self.nodes)
        if not self.bodies and not any(op in self.by_op for op in (*ops.SWITCHES, *ops.ENTERS)):
            return found
        changed, touched = self._changed_by_branches(), bytearray(len(self.nodes))
        for number in self.order:
            if number in skipped:
                continue
            if changed[number]:
                found[number] = self._context(self.nodes[number], found)
            elif touched[number]:
                node = self.nodes[number]
                inherited = {found[source] for source in (*(source for source, _ in node.inputs), *node.controls)}
                found[number] = inherited.pop() if len(inherited) == 1 else Context().union(*inherited)
            if found[number]:
                for child in self.children[number]:
                    touched[child] = 1
        return found

    def _changed_by_branches(self) -> bytearray:
        """Marks the nodes whose context is not just that of what they need: of most graphs these are few."""
        marks = bytearray(len(self.nodes))
        for op in (*ops.ENTERS, *ops.EXITS, *ops.MERGES):
            for number in self.by_op.get(op, ()):
                marks[number] = 1
        for op in (*ops.SWITCHES, *ops.NEXTS):
            for number in self.by_op.get(op, ()):
                for child in self.children[number]:
                    marks[child] = 1
        for node in self.nodes if self.bodies else ():
            if node.call >= 0:
                marks[node.id] = 1
        return marks

    def data_context(self, number: int) -> Context:
        """The context that a node has from its data inputs alone."""
        result: Context = Context()
        for source, output in self.nodes[number].inputs:
            result |= self.edge(source, output, self.contexts)
        return result

    def _context(self, node: Node, found: list[Context]) -> Context:
        controls = Context().union(*(found[source] for source in node.controls))
        given = [tensor for tensor in node.inputs if self.nodes[tensor[0]].op not in ops.NEXTS]
        edges = [self.edge(*tensor, found) for tensor in given]
        if node.op in ops.MERGES and edges:
            return controls | Context.intersection(*edges)
        result = controls.union(*edges)
        if node.call >= 0:
            result |= found[node.call] | self._branch(self.nodes[node.call], node.branch)
        if node.op in ops.ENTERS:
            level = sum(1 for item in result if item[0] == "loop")
            frame = node.attr("frame_name")
            result |= {("loop", frame.s if frame is not None else b"", level)}
        elif node.op in ops.EXITS:
            level = max((item[2] for item in result if item[0] == "loop"), default=-1)
            result = Context(item for item in result if item[0] != "loop" or item[2] != level)
        return result

    def edge(self, source: int, output: int, found: list[Context]) -> Context:
        """The context that a use of an output has."""
        node = self.nodes[source]
        if node.op not in ops.SWITCHES or len(node.inputs) < 2:
            return found[source]
        predicate = self.strip(node.inputs[1])
        if self.nodes[predicate[0]].op == "LoopCond":
            return found[source]
        return found[source] | {("cond", predicate, output)}

    def _branch(self, call: Node, branch: str) -> Context:
        if call.op in ("If", "StatelessIf", "Case", "StatelessCase") and call.inputs:
            which = int(branch == "then_branch") if call.op.endswith("If") else branch
            return Context({("cond", self.strip(call.inputs[0]), which)})
        if call.op in ("While", "StatelessWhile"):
            return Context({("loop", call.id, call.name.count("/body/"))})
        return Context()
