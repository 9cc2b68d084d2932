"""What a graph saves and restores, by the names in it; no Saver object is needed."""

from __future__ import annotations

import dataclasses

from tf1bn.graph import consts
from tf1bn.graph.flow import Flow
from tf1bn.graph.nodes import Node
from tf1bn.graph.variables import Variable, Variables

_SAVES = {"SaveV2": 1, "SaveSlices": 1, "Save": 1}
_RESTORES = {"RestoreV2": 1, "RestoreSlice": 1, "Restore": 1}


@dataclasses.dataclass
class SaveOp:
    """One op that writes a checkpoint."""

    node: Node
    names: tuple[str, ...]


@dataclasses.dataclass
class RestoreOp:
    """One op that reads a checkpoint, and which key goes into which variable.

    Attributes:
      with_saver: whether the same Saver also saves; an `init_from_checkpoint` has only this half.
    """

    node: Node
    names: tuple[str, ...]
    targets: dict[str, Variable]
    with_saver: bool


def find(flow: Flow, variables: Variables) -> tuple[list[SaveOp], list[RestoreOp]]:
    """Returns the save and restore ops of a graph."""
    saves = [SaveOp(node, _names(flow, node)) for node in flow.nodes if node.op in _SAVES]
    scopes = {_scope(item.node) for item in saves}
    restores = []
    targets = _targets(flow, variables)
    for node in flow.nodes:
        if node.op in _RESTORES:
            names = _names(flow, node)
            pairs = {names[out]: var for out, var in targets.get(node.id, []) if out < len(names)}
            restores.append(RestoreOp(node, names, pairs, _scope(node) in scopes))
    return saves, restores


def _names(flow: Flow, node: Node) -> tuple[str, ...]:
    if len(node.inputs) < 2:
        return ()
    source = flow.nodes[flow.strip(node.inputs[1])[0]]
    value = source.attr("value") if source.op == "Const" else None
    return consts.strings(value.tensor) if value is not None else ()


def _scope(node: Node) -> str:
    return node.name.rsplit("/", 1)[0] if "/" in node.name else ""


def _targets(flow: Flow, variables: Variables) -> dict[int, list[tuple[int, Variable]]]:
    """Returns for each restore op the (output, variable) pairs that it feeds."""
    found: dict[int, list[tuple[int, Variable]]] = {}
    for variable in variables.by_node.values():
        for writer in variable.writers:
            for number, output in writer.sources:
                if flow.nodes[number].op in _RESTORES:
                    found.setdefault(number, []).append((output, variable))
    return found
