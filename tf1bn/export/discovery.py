"""Finds the switches of a training graph: what decides whether its batch norms use the batch or their averages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.export import own
from tf1bn.export.draft import parse
from tf1bn.graph import ops
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Node, Tensor
from tf1bn.graph.site import BATCH, BOTH, MOVING, Site

_LOGIC = {
    *("LogicalNot", "LogicalAnd", "LogicalOr", "Cast", "Reshape", "Squeeze", "StopGradient", "Equal", "NotEqual"),
    *("Greater", "GreaterEqual", "Less", "LessEqual", "ReadVariableOp", *ops.SAME),
}
_BOOL = int(tf.bool.as_datatype_enum)


class Deciders:
    """The predicates of a model's batch norms.

    Args:
      model: the training graph.
      needed: names of the top-level ops that the outputs need.
      calls: recorded calls, which say what switches them.

    Attributes:
      by_normalizer: name of a normalising op -> the predicates that choose its statistics.
    """

    def __init__(self, model: GraphModel, needed: set[str], calls: Sequence[own.Call] = ()) -> None:
        self._model = model
        self.by_normalizer: dict[str, set[Tensor]] = {}
        sites = [site for site in model.sites if any(self._place(item.node) in needed for item in site.normalizers)]
        for site in sites:
            if site.mode == BOTH and site.predicate is not None:
                self._add(site, site.predicate)
        for call in calls:
            name, output = parse(call.switch)
            if name in model.flow.by_name:
                predicate = (model.flow.by_name[name], output)
                self.by_normalizer.setdefault(call.output[0], set()).add(predicate)
        # Two graphs of one layer in two branches share their variables, and the branches tell the switch.
        for first, second in _twins(sites):
            for kind, predicate, branch in self._conditions(first):
                if kind == "cond" and branch in (0, 1) and (kind, predicate, 1 - branch) in self._conditions(second):
                    self._add(first, predicate)
                    self._add(second, predicate)

    def switches(self, given: dict[str, Any], inputs: set[str]) -> dict[str, bool]:
        """Returns the leaves that decide, each turned off; what is given already, or fed, is left out.

        Raises:
          ExportError: a decider is not a bool placeholder, variable or constant.
        """
        found: dict[str, bool] = {}
        for name, predicates in self.by_normalizer.items():
            for predicate in sorted(predicates):
                for leaf in self.leaves(predicate, {*given, *inputs}):
                    self._check(leaf, name)
                    found[leaf.name] = False
        return found

    def leaves(self, predicate: Tensor, stop: set[str]) -> Iterator[Node]:
        """Yields the placeholders, variables and bool constants that a predicate is made of, and unknown ops."""
        seen, todo = {predicate[0]}, [predicate[0]]
        while todo:
            node = self._model.nodes[todo.pop()]
            if node.name in stop:
                continue
            if node.op in _LOGIC:
                fresh = self._deciding(node) - seen
                seen |= fresh
                todo.extend(sorted(fresh))
            # Numbers are what a flag is compared with.
            elif node.op != "Const" or _dtype(node) == _BOOL:
                yield node

    def _deciding(self, node: Node) -> set[int]:
        """Returns what a logical op depends on; a constant beside something else in an `and` is no switch."""
        inputs = {number for number, _ in node.inputs}
        rest = {number for number in inputs if self._model.nodes[number].op != "Const"}
        return rest if node.op == "LogicalAnd" and rest else inputs

    def _check(self, leaf: Node, name: str) -> None:
        plain = leaf.id in self._model.variables.by_node or leaf.op == "Const" or leaf.op.startswith("Placeholder")
        if not plain or _dtype(leaf) != _BOOL:
            raise errors.ExportError(
                errors.explain(
                    f"the batch norm at {name!r} is switched by the {leaf.op} {leaf.name!r}",
                    expected="a bool placeholder, variable or constant",
                    fix=f"Give the value that means inference: --switch={leaf.name}=VALUE.",
                )
            )

    def _add(self, site: Site, predicate: Tensor) -> None:
        for item in site.normalizers:
            self.by_normalizer.setdefault(item.node.name, set()).add(predicate)

    def _conditions(self, site: Site) -> set[Any]:
        return {condition for number in site.anchors for condition in self._model.flow.contexts[number]}

    def _place(self, node: Node) -> str:
        while node.call >= 0:
            node = self._model.nodes[node.call]
        return node.name


def _twins(sites: list[Site]) -> Iterator[tuple[Site, Site]]:
    """Yields pairs of sites that share a variable, the first with batch statistics and the second with averages."""
    by_variable: dict[str, list[Site]] = {}
    for site in sites:
        for variable in [*site.affine, *site.statistics]:
            by_variable.setdefault(variable.name, []).append(site)
    for group in by_variable.values():
        for first in group:
            for second in group:
                if first.mode == BATCH and second.mode == MOVING:
                    yield first, second


def _dtype(node: Node) -> int:
    attr = node.attr("dtype")
    return int(attr.type) if attr is not None else 0
