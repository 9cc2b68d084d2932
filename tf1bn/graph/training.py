"""Train ops: where an optimizer applies gradients, and the op that a program runs to make it happen."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tf1bn import errors
from tf1bn.graph.flow import Flow
from tf1bn.graph.nodes import in_gradient
from tf1bn.graph.variables import Variable, Variables, is_apply

# Above this, ends are the single writes of a step that nothing groups.
_MAX_SINKS = 32
_MAX_STEPS = 200


@dataclasses.dataclass
class TrainOp:
    """One op that a program would run to train.

    Attributes:
      name: its name.
      roots: the nodes that are run.
      applies: the optimizer applications it runs.
      weights: the variables that these write.
      reached: a mark for every node that runs with it.
    """

    name: str
    roots: tuple[int, ...]
    applies: tuple[int, ...]
    weights: list[Variable]
    reached: bytearray


def find(flow: Flow, variables: Variables, named: Sequence[str] = ()) -> list[TrainOp]:
    """Returns the train ops: those that were named, else the ends of the graph behind optimizer applications.

    Raises:
      UnknownNameError: a named op is not in the graph.
    """
    applies = applications(flow, variables)
    if named:
        return [_make(flow, variables, name, (number_of(flow, name),), applies) for name in named]
    sinks = _sinks(flow, [*applies, *_accumulations(flow, variables, applies)])
    groups: list[tuple[str, tuple[int, ...]]] = [(flow.nodes[number].name, (number,)) for number in sinks]
    if len(sinks) > _MAX_SINKS:
        groups = [(f"{flow.nodes[sinks[0]].name} and {len(sinks) - 1} more", tuple(sinks))]
    return [_make(flow, variables, name, roots, applies) for name, roots in groups]


def number_of(flow: Flow, name: str) -> int:
    """Returns the node that a name given by the user means.

    Raises:
      UnknownNameError: there is no such op; the text names the closest one.
    """
    op = name.lstrip("^").split(":")[0]
    if op not in flow.by_name:
        # To compare a name with all of a large graph takes long.
        close = errors.did_you_mean(op, flow.by_name) if len(flow.by_name) < 20_000 else ""
        raise errors.UnknownNameError(
            errors.explain(f"the graph has no op {name!r}", expected="the name of an op or tensor", fix=close.strip())
        )
    return flow.by_name[op]


def applications(flow: Flow, variables: Variables) -> list[int]:
    """Returns the ops that apply a gradient: an optimizer's own, else writes of a weight that use a gradient."""
    found = [node.id for node in flow.of_ops(is_apply)]
    if found:
        return found
    # A program without optimizer ops wrote `w.assign_sub(rate * gradient)`.
    manual = []
    for variable in variables.by_node.values():
        for writer in variable.writers:
            if writer.kind in ("init", "restore", "load") or any(flow.is_batch_moment(s) for s in writer.sources):
                continue
            if variable.trainable is not False and _uses_gradient(flow, writer.node.id):
                manual.append(writer.node.id)
    return sorted(manual)


def _uses_gradient(flow: Flow, number: int) -> bool:
    seen = {number}
    todo = [source for source, _ in flow.nodes[number].inputs[1:]]
    while todo and len(seen) < _MAX_STEPS:
        current = todo.pop(0)
        node = flow.nodes[current]
        if node.op.endswith("Grad") or in_gradient(node.name):
            return True
        if current not in seen:
            seen.add(current)
            todo.extend(source for source, _ in node.inputs)
    return False


def _accumulations(flow: Flow, variables: Variables, applies: list[int]) -> list[int]:
    """Returns the ops that add gradients to a variable from which an optimizer takes them later."""
    adding = {
        variable.node.id: [
            writer.node.id
            for writer in variable.of_kind("gradient")
            if writer.node.op in ("AssignAdd", "AssignAddVariableOp")
        ]
        for variable in variables.by_node.values()
    }
    if not any(adding.values()):
        return []  # to follow each gradient through all of the backward pass takes long
    sources = {source for number in applies for source in flow.sources(flow.nodes[number].inputs[-1])}
    return [number for variable in variables.among(sources) for number in adding[variable.node.id]]


def _sinks(flow: Flow, applies: list[int]) -> list[int]:
    """Returns the ends of the graph behind some ops; reads that only look at a weight afterwards are no train op."""
    marks = flow.downstream(applies)
    ends = [number for number, mark in enumerate(marks) if mark and not flow.children[number]]
    acting = [number for number in ends if flow.nodes[number].op not in ("ReadVariableOp", "Identity", "Const")]
    # A group comes first, as programs run what groups everything.
    return sorted(acting, key=lambda number: flow.nodes[number].op != "NoOp") or ends or list(applies)


def _make(flow: Flow, variables: Variables, name: str, roots: tuple[int, ...], applies: list[int]) -> TrainOp:
    reached = flow.reach(roots)
    own = tuple(number for number in applies if reached[number])
    weights = [variables.by_node.get(variables.target(flow.nodes[number].inputs[0])) for number in own]
    found = {item.name: item for item in weights if item is not None}
    return TrainOp(name, roots, own, list(found.values()), reached)
