"""Edits of a GraphDef: the steps that a repair is made of."""

from __future__ import annotations

from typing import Any

from tf1bn import errors
from tf1bn.graph.model import GraphModel
from tf1bn.graph.nodes import Tensor
from tf1bn.graph.site import Normalizer, Site
from tf1bn.graph.variables import Variable

_SUFFIX = "audit_read"


def add_control(node: Any, name: str) -> None:
    """Makes a node wait for another."""
    text = f"^{name}"
    if text not in node.input:
        node.input.append(text)


def read_averages(model: GraphModel, graph_def: Any, site: Site) -> list[str]:
    """Makes the normalisers of a site read their averages; returns the changes in words.

    Raises:
      RepairError: the site is inside a function, or its shapes do not allow it.
    """
    nodes = {node.name: node for node in graph_def.node}
    mean, variance = reader(graph_def, nodes, site.mean[0]), reader(graph_def, nodes, site.variance[0])
    changes = []
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
            node = nodes[item.node.name]
            node.attr["is_training"].b = False
            node.input[3], node.input[4] = mean, variance
        else:
            _redirect(model, graph_def, nodes, item, site, mean, variance)
        changes.append(f"{item.node.name} reads {site.mean[0].name} and {site.variance[0].name}")
    return changes


def reader(graph_def: Any, nodes: dict[str, Any], variable: Variable) -> str:
    """Returns the name of an op that reads a variable, which is added when there is none.

    Args:
      graph_def: what an op is added to.
      nodes: its nodes by name; an added one is entered.
      variable: a variable of it.
    """
    resource = variable.node.op == "VarHandleOp"
    for node in nodes.values():
        if node.op == ("ReadVariableOp" if resource else "Identity") and list(node.input) == [variable.name]:
            return node.name
    node = graph_def.node.add()
    node.name, node.op = f"{variable.name}/{_SUFFIX}", "ReadVariableOp" if resource else "Identity"
    node.input.append(variable.name)
    node.attr["dtype" if resource else "T"].type = variable.node.attr("dtype").type
    nodes[node.name] = node
    return node.name


def _redirect(
    model: GraphModel,
    graph_def: Any,
    nodes: dict[str, Any],
    item: Normalizer,
    site: Site,
    mean: str,
    variance: str,
) -> None:
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
        shared = _copy_shared(model, graph_def, nodes, item, tensor, users)
        moved = {tensor: reader} | {(number, 0): name for number, name in shared.items()}
        for number in users:
            node = nodes[shared.get(number, model.nodes[number].name)]
            for position, source in enumerate(model.nodes[number].inputs):
                if source in moved:
                    node.input[position] = moved[source]


def _users_in_normaliser(model: GraphModel, item: Normalizer, tensor: Tensor) -> list[int]:
    """The ops that a moment, and what is made of it, reach on the way to the output; not those by way of the variance.

    Raises:
      RepairError: there is none.
    """
    before, todo = {item.output[0]}, [item.output[0]]
    while todo:
        for source in model.nodes[todo.pop()].inputs:
            if source not in (tensor, item.variance) and source[0] not in before:
                before.add(source[0])
                todo.append(source[0])
    found: set[int] = set()
    near = [tensor]
    moments = model.flow.feeds([item.variance[0]])
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
    model: GraphModel, graph_def: Any, nodes: dict[str, Any], item: Normalizer, tensor: Tensor, users: list[int]
) -> dict[int, str]:
    """Copies the users that the moments are computed with as well, such as `x - mean`; returns the copies' names."""
    moments = model.flow.feeds([item.variance[0]])
    copies = {}
    for number in users:
        if moments[number] and number != tensor[0]:
            copy = graph_def.node.add()
            copy.CopyFrom(nodes[model.nodes[number].name])
            copy.name = copies[number] = f"{copy.name}/{_SUFFIX}"
            nodes[copy.name] = copy
    return copies
