"""Edits of a GraphDef: the steps that a repair is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tf1bn import errors
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Tensor
from tf1bn.graph.site import Normalizer, Site
from tf1bn.graph.variables import Variable

_SUFFIX = "audit_read"


def add_controls(node: Any, names: Iterable[str]) -> None:
    """Makes a node wait for others."""
    there = set(node.input)
    node.input.extend(text for text in dict.fromkeys(f"^{name}" for name in names) if text not in there)


def read_averages(model: GraphModel, graph_def: Any, sites: Iterable[Site]) -> list[str]:
    """Makes the normalisers of sites read their averages; returns the changes in words.

    Raises:
      RepairError: a site is inside a function, or its shapes do not allow it.
    """
    readers = Readers(graph_def)
    return [change for site in sites for change in _read_averages(model, readers, site)]


def _read_averages(model: GraphModel, readers: Readers, site: Site) -> Iterator[str]:
    mean, variance = readers.of(site.mean[0]), readers.of(site.variance[0])
    for item in site.normalizers:
        if item.node.call >= 0:
            raise errors.RepairError(
                errors.explain(
                    f"the batch norm {site.scope!r} is inside a function body, {item.node.name!r}",
                    expected="a batch norm at top level, or in a branch of Switch and Merge ops",
                    fix="Build the inference graph with training=False instead: its variables have the same names.",
                )
            )
        if item.fused:
            node = readers.nodes[item.node.name]
            node.attr["is_training"].b = False
            node.input[3], node.input[4] = mean, variance
        else:
            _redirect(model, readers, item, site, mean, variance)
        yield f"{item.node.name} reads {site.mean[0].name} and {site.variance[0].name}"


class Readers:
    """The ops of a graph that read its variables; one is added where there is none.

    Args:
      graph_def: what ops are added to.

    Attributes:
      nodes: its nodes by name.
    """

    def __init__(self, graph_def: Any) -> None:
        self.nodes: dict[str, Any] = {}
        self._graph_def = graph_def
        self._found: dict[tuple[str, str], str] = {}
        for node in graph_def.node:
            self.nodes[node.name] = node
            if node.op in ("ReadVariableOp", "Identity") and len(node.input) == 1:
                self._found.setdefault((node.op, node.input[0]), node.name)

    def of(self, variable: Variable) -> str:
        """Returns the name of an op that reads a variable of the graph."""
        op = "ReadVariableOp" if variable.node.op == "VarHandleOp" else "Identity"
        if (op, variable.name) not in self._found:
            node = self.add(f"{variable.name}/{_SUFFIX}")
            node.op = op
            node.input.append(variable.name)
            node.attr["dtype" if op == "ReadVariableOp" else "T"].type = variable.node.attr("dtype").type
            self._found[op, variable.name] = node.name
        return self._found[op, variable.name]

    def add(self, name: str, like: Any = None) -> Any:
        """Adds an op, a copy of another one where that is given, and returns its NodeDef."""
        node = self._graph_def.node.add()
        if like is not None:
            node.CopyFrom(like)
        node.name = name
        self.nodes[name] = node
        return node


def _redirect(model: GraphModel, readers: Readers, item: Normalizer, site: Site, mean: str, variance: str) -> None:
    """Replaces the batch moments in the arithmetic of one spelled-out normaliser."""
    for tensor, reader, owner in ((item.mean, mean, site.mean[0]), (item.variance, variance, site.variance[0])):
        shape = model.flow.shape(tensor)
        if shape is not None and owner.shape is not None and len(shape) != len(owner.shape):
            raise errors.RepairError(
                errors.explain(
                    f"the moments of {site.scope!r} and its averages differ in rank",
                    got=shape,
                    expected=str(owner.shape),
                )
            )
        users = _users_in_normaliser(model, item, tensor)
        shared = _copy_shared(model, readers, item, tensor, users)
        moved = {tensor: reader} | {(number, 0): name for number, name in shared.items()}
        for number in users:
            node = readers.nodes[shared.get(number, model.nodes[number].name)]
            for position, source in enumerate(model.nodes[number].inputs):
                if source in moved:
                    node.input[position] = moved[source]


def _users_in_normaliser(model: GraphModel, item: Normalizer, tensor: Tensor) -> list[int]:
    """The ops that a moment, and what is made of it, reach on the way to the output; not those by way of the variance.

    Raises:
      RepairError: there is none.
    """
    # What is before the input of the layer is before its moments, too, and may be all of the network.
    before, todo = {item.output[0]}, [item.output[0]]
    while todo:
        for source in model.nodes[todo.pop()].inputs:
            if source not in (tensor, item.variance) and source[0] not in before:
                before.add(source[0])
                todo += [source[0]] if source != item.x else []
    found: set[int] = set()
    near = [tensor]
    moments = model.flow.feeds([item.variance[0]], up_to=item.x[0])
    while near:
        number, output = near.pop()
        for user, _, index in model.flow.users[number]:
            if index == output and user in before and user not in found:
                found.add(user)
                near += [(user, 0)] if moments[user] else []
    if not found:
        raise errors.RepairError(errors.explain(f"the arithmetic around {item.node.name!r} is not understood"))
    return sorted(found)


def _copy_shared(
    model: GraphModel, readers: Readers, item: Normalizer, tensor: Tensor, users: list[int]
) -> dict[int, str]:
    """Copies the users that the moments are computed with as well, such as `x - mean`; returns the copies' names."""
    moments = model.flow.feeds([item.variance[0]], up_to=item.x[0])
    copies = {}
    for number in users:
        if moments[number] and number != tensor[0]:
            name = model.nodes[number].name
            copies[number] = f"{name}/{_SUFFIX}"
            readers.add(copies[number], readers.nodes[name])
    return copies
