"""Makes a train op wait for the updates that nothing runs: the repair of BN001 to BN005, BN008 and BN012."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.audit import own, unreached
from tf1bn.graph import rewriting, stand_ins
from tf1bn.graph.kinds import UPDATE_OPS
from tf1bn.graph.model import GraphModel
from tf1bn.graph.once import once
from tf1bn.graph.switches import FLAG, Gate
from tf1bn.graph.training import TrainOp

_SAFE = (
    *(unreached.NEVER, unreached.SUBSET, unreached.LOSS, unreached.GATE, unreached.KERAS, unreached.PRIVATE),
    unreached.BRANCH,
)


class Update(NamedTuple):
    """An update that is repaired.

    Attributes:
      writer: the number of the op.
      variable: the name of the average that it moves.
      still: whether it stood still before; else the train step stood still with it.
      gates: the conditions that it runs under, at top level.
    """

    writer: int
    variable: str
    still: bool
    gates: frozenset[Gate]


def attach(model: GraphModel, new: Any) -> tuple[list[str], list[Update]]:
    """Makes the train op wait for the updates that nothing runs, and only for what it can wait for.

    Args:
      model: the graph.
      new: a copy of its MetaGraphDef, which is changed.

    Returns:
      The changes in words, and the updates.

    Raises:
      RepairError: there is nothing to do, or it is not safe.
    """
    stalling, lost = _stalling(model), _lost(model)
    if not stalling and not lost:
        raise errors.RepairError(errors.explain("nothing to repair: the train op reaches every update"))
    train = _train_op(model)
    _require_same_mode(model, train, () if stalling else lost)
    root = model.nodes[train.roots[0]].name
    users = _waiting_for(new)
    editor = stand_ins.Editor(model, new.graph_def)
    changes, waiting = [], []
    for group in _by_place(model, stalling):
        name = editor.add([update.writer for update in group])
        changes.append(_replace(model, new, users, group, name))
    for group in _by_place(model, lost):
        held = _entries(model, group)
        if held or not _inside(model, group[0].writer):
            names = held or [model.nodes[update.writer].name for update in group]
            changes += [f"attached {name} to {root}" for name in names]
        else:
            names = [editor.add([update.writer for update in group])]
            _enter(model, new, group, names[0])
            told = ", ".join(model.nodes[update.writer].name for update in group)
            changes.append(f"attached {names[0]}, which stands for {told}, to {root}")
        waiting += names
    rewriting.add_controls(next(node for node in new.graph_def.node if node.name == root), waiting)
    return changes, [*stalling, *lost]


def _lost(model: GraphModel) -> list[Update]:
    """The updates that nothing runs.

    Raises:
      RepairError: one of them cannot be attached safely.
    """
    misses = unreached.misses(model)
    for miss in misses:
        if miss.cause not in _SAFE:
            raise errors.RepairError(
                errors.explain(
                    f"the update of {miss.variable.name!r} cannot be attached safely",
                    got=miss.cause,
                    expected="an update that exists, runs outside of loops and is not gathered elsewhere",
                    fix=f"Repair the program instead, as the audit of this graph says.{own.advice(model, miss.site)}",
                )
            )
    return [_update(model, miss.writer.node.id, miss.variable.name, True) for miss in misses]


def _stalling(model: GraphModel) -> list[Update]:
    """The updates in a branch that the train op waits for, and is skipped with."""
    pairs = [pair for site in model.sites for pair in model.updates(site)]
    found = {writer.node.id: variable.name for variable, writer in pairs if unreached.stalled(model, writer.node.id)}
    return [_update(model, number, name, False) for number, name in sorted(found.items())]


def _update(model: GraphModel, number: int, variable: str, still: bool) -> Update:
    return Update(number, variable, still, stand_ins.gates(model, number))


def _train_op(model: GraphModel) -> TrainOp:
    """The one train op.

    Raises:
      RepairError: there are several, or the only one is in a function.
    """
    found = [item for item in model.train_ops if item.applies]
    if len(found) != 1 or len(found[0].roots) != 1:
        names = [item.name for item in found]
        raise errors.RepairError(
            errors.explain("there are several train ops", got=names, fix="Name one with --train_op.")
        )
    if model.nodes[found[0].roots[0]].call >= 0:
        raise errors.RepairError(
            errors.explain(
                f"the train op {found[0].name!r} is in a function body", fix="Name what the program runs: --train_op."
            )
        )
    return found[0]


def _require_same_mode(model: GraphModel, train: TrainOp, updates: Sequence[Update]) -> None:
    """Checks that updates which run with the train op do not run where a caller turns the training off.

    Raises:
      RepairError: gradients are applied under a flag, and an update is not.
    """
    gates = {gate for number in train.applies for gate in model.gates(number)}
    flags = sorted(gate for gate in gates if model.switches.kind(gate[0]) == FLAG)
    writers = {w.node.id: w for site in model.sites for _, w in model.updates(site)}
    for update in updates:
        if flags and not model.switched(writers[update.writer]):
            flag, name = (model.nodes[number].name for number in (flags[0][0][0], update.writer))
            raise errors.RepairError(
                errors.explain(
                    f"the train op {train.name!r} applies gradients only where {flag!r} says so; the update {name!r} "
                    "would run with it always",
                    fix="Build the update, or what the layer's training switch reads, under that flag as well.",
                )
            )


def _by_place(model: GraphModel, updates: Sequence[Update]) -> list[list[Update]]:
    """Updates that run together, in groups; none of them waits for the train op.

    Raises:
      RepairError: one does.
    """
    groups: dict[Any, list[Update]] = {}
    behind = model.flow.downstream(model.train_ops[0].roots[:1])
    for update in updates:
        if update.still and behind[update.writer]:
            name = model.nodes[update.writer].name
            raise errors.RepairError(errors.explain(f"the update {name!r} waits for the train op"))
        groups.setdefault(stand_ins.place(model, update.writer), []).append(update)
    return list(groups.values())


def _inside(model: GraphModel, number: int) -> bool:
    where = stand_ins.place(model, number)
    return where.call >= 0 or bool(where.conditions)


def _entries(model: GraphModel, group: Sequence[Update]) -> list[str]:
    """The entries of UPDATE_OPS that run all updates of a group and that the train op can wait for; none else."""
    entries = _usable(model)
    if not all(update.writer in entries for update in group):
        return []
    return list(dict.fromkeys(model.nodes[entries[update.writer]].name for update in group))


@once
def _usable(model: GraphModel) -> dict[int, int]:
    """Returns op -> the first entry of UPDATE_OPS that runs it, of those that the train op can wait for."""
    found: dict[int, int] = {}
    for entry in model.update_ops:
        if not _inside(model, entry):
            for number in model.runners.gathered(entry):
                found.setdefault(number, entry)
    return found


def _waiting_for(meta: Any) -> dict[str, list[Any]]:
    """Returns control input -> the nodes that have it."""
    found: dict[str, list[Any]] = {}
    for node in meta.graph_def.node:
        for text in node.input:
            if text.startswith("^"):
                found.setdefault(text, []).append(node)
    return found


def _replace(model: GraphModel, new: Any, users: Mapping[str, list[Any]], group: Sequence[Update], name: str) -> str:
    """Has everything that waits for an op of the group wait for its stand-in; returns the change in words."""
    names = [model.nodes[update.writer].name for update in group]
    texts = {f"^{item}" for item in names}
    found = {node.name: node for text in texts for node in users.get(text, ())}
    for node in found.values():
        node.input[:] = [*(text for text in node.input if text not in texts), f"^{name}"]
    _enter(model, new, group, name)
    return f"{len(found)} ops wait for {name}, which stands for {', '.join(names)}, instead of these"


def _enter(model: GraphModel, new: Any, group: Sequence[Update], name: str) -> None:
    """Has the stand-in in UPDATE_OPS where the ops of a branch were."""
    numbers = {update.writer for update in group}
    held = [n for n in model.update_ops if n in numbers]
    if not held and not any(unreached.foreign(model, model.nodes[number]) for number in numbers):
        return
    names = {model.nodes[number].name for number in held}
    entries = new.collection_def[UPDATE_OPS].node_list.value
    entries[:] = [*(entry for entry in entries if entry.split(":")[0] not in names), name]
