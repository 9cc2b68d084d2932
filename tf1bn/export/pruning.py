"""Cuts a graph down to what its outputs are computed from.

Control edges are cut, and with them updates of averages, assertions and summaries, except those that say in which loop
or in which branch of a remaining conditional an op runs.
"""

from __future__ import annotations

import collections
from typing import Any

from tf1bn.export.draft import Draft, Ref, parse
from tf1bn.graph import ops
from tf1bn.graph.variables import VARIABLE_OPS

_PIVOTS = (*ops.SWITCHES, *ops.ENTERS)
_FLOW = (*ops.SWITCHES, *ops.MERGES, *ops.ENTERS, *ops.EXITS, *ops.NEXTS)
_PRINTS = ("Print",)


def prune(draft: Draft, outputs: list[Ref]) -> dict[str, int]:
    """Drops what the outputs do not need; returns how many ops of each type ran by a cut control edge alone."""
    before = draft.needed(name for name, _ in outputs)
    for name in before:
        node = draft.nodes[name]
        kept = [text for text in node.input if not text.startswith("^") or _places(draft, parse(text)[0])]
        node.ClearField("input")
        node.input.extend(kept)
        if node.op in _PRINTS:
            _silence(draft, name)
    after = draft.needed(name for name, _ in outputs)
    cut = collections.Counter(draft.nodes[name].op for name in before - after)
    draft.keep(after)
    return dict(cut)


def _places(draft: Draft, name: str) -> bool:
    """Whether waiting for an op means to run in its loop or branch."""
    node = draft.nodes[name]
    # Under control flow v1 what pins an op to its branch is an Identity of a Switch.
    while node.op == "Identity":
        node = draft.nodes[parse(node.input[0])[0]]
    if node.op in ops.MERGES:
        # Constants in a loop wait for its Merge; behind the Merge of a conditional everything runs anyhow.
        return any(draft.nodes[parse(text)[0]].op in ops.NEXTS for text in node.input)
    return node.op in _PIVOTS


def _silence(draft: Draft, name: str) -> None:
    """Makes a `Print` an Identity of what it hands on."""
    node = draft.nodes[name]
    draft.make(name, "Identity", [parse(node.input[0])], T=node.attr["T"].type)


def shorten(draft: Draft, outputs: list[Ref]) -> dict[Ref, Ref]:
    """Leaves one op that reads each variable, as nothing writes between two reads any more, and no mere Identity.

    What waits for a place in a loop or branch stays, as do an output and what passes on a branch or a loop's variable.

    Returns:
      the tensors that are gone, and the one that each was.
    """
    wanted = {name for name, _ in outputs}
    first: dict[str, str] = {}
    moved: dict[Ref, Ref] = {}
    pivots = {parse(text)[0] for node in draft.nodes.values() for text in node.input if text.startswith("^")}
    # Outputs first, so that of several reads theirs is the one that stays.
    for name in sorted(draft.order(), key=lambda name: name not in wanted):
        node = draft.nodes[name]
        if len(node.input) != 1 or name in pivots:
            continue
        source = parse(node.input[0])
        if _reads(draft, node):
            kept = first.setdefault(source[0], name)
            if kept != name and name not in wanted:
                moved[name, 0] = (kept, 0)
        elif node.op == "Identity" and draft.nodes[source[0]].op not in _FLOW and name not in wanted:
            moved[name, 0] = source
    moved = {ref: _last(moved, ref) for ref in moved}
    draft.redirect(moved, {})
    draft.keep(draft.needed(wanted))
    return moved


def _last(moved: dict[Ref, Ref], ref: Ref) -> Ref:
    while ref in moved:
        ref = moved[ref]
    return ref


def _reads(draft: Draft, node: Any) -> bool:
    """Whether an op reads a variable; an Identity of a reference variable does."""
    source = draft.nodes[parse(node.input[0])[0]]
    reads = "ReadVariableOp" if source.op == "VarHandleOp" else "Identity"
    return source.op in VARIABLE_OPS and node.op == reads


def name_outputs(draft: Draft, wanted: list[Ref], found: list[Ref]) -> list[Ref]:
    """Gives outputs that have moved to another op their old names back, by an Identity; returns where they are."""
    named = []
    for old, new in zip(wanted, found, strict=True):
        if old == new:
            named.append(new)
            continue
        name = draft.free_name(old[0] if old[1] == 0 else f"{old[0]}_{old[1]}")
        draft.make(name, "Identity", [new], T=draft.dtype(new))
        named.append((name, 0))
    return named
