"""Puts the body of a called function in the place of its call: a branch of `If`, or a plain call."""

from __future__ import annotations

import re
from typing import Any

from tf1bn.export.draft import CONTROL, Draft, Ref, parse, spell
from tf1bn.graph import loading

CHOOSERS = ("If", "StatelessIf", "Case", "StatelessCase")
PLAIN = ("PartitionedCall", "StatefulPartitionedCall")
_SLOT = re.compile(r"^(.*):([^:]+):(\d+)$")


def branch(call: Any, value: Any) -> tuple[str, Any]:
    """Returns name and function of the branch that a call takes when its first input has a value."""
    if call.op in ("If", "StatelessIf"):
        key = "then_branch" if value else "else_branch"
        return key, call.attr[key].func
    branches = call.attr["branches"].list.func
    # As TensorFlow does: an index that is out of range takes the last branch.
    which = int(value) if 0 <= int(value) < len(branches) else len(branches) - 1
    return f"branch{which}", branches[which]


def called(draft: Draft, call: Any) -> Any:
    """Returns the function of a plain call, or None for any other op."""
    if call.op in PLAIN:
        return call.attr["f"].func
    return loading.proto_class("NameAttrList")(name=call.op, attr=call.attr) if call.op in draft.functions else None


def inline(draft: Draft, call: Any, key: str, func: Any) -> list[Ref]:
    """Adds the nodes of a function's body to the draft, fed with the call's inputs; returns what the body returns.

    The nodes are named as :mod:`tf1bn.graph.nodes` names them: ``call/branch/name``. The call itself stays.
    """
    function = draft.functions[func.name]
    given = [ref for ref in map(parse, call.input) if ref[1] != CONTROL][int(call.op in CHOOSERS) :]
    reader = _Reader(draft, function, f"{call.name}/{key}/", given)
    for inner in function.node_def:
        node = draft.add(inner, reader.prefix)
        inputs = [spell(reader.read(text)) for text in node.input]
        node.ClearField("input")
        node.input.extend(inputs)
        for value in node.attr.values():
            # A generic function has holes in its attributes, which each call fills.
            if value.placeholder:
                value.CopyFrom(func.attr[value.placeholder])
    return [reader.read(function.ret[arg.name]) for arg in function.signature.output_arg]


class _Reader:
    """Reads input strings of one function's body as tensors of the outer graph."""

    def __init__(self, draft: Draft, function: Any, prefix: str, given: list[Ref]) -> None:
        self.prefix = prefix
        self._draft = draft
        self._nodes = {node.name: node for node in function.node_def}
        self._given = {arg.name: ref for arg, ref in zip(function.signature.input_arg, given, strict=True)}

    def read(self, text: str) -> Ref:
        if text.startswith("^"):
            name = text[1:]
            return (self._given[name][0] if name in self._given else self.prefix + name), CONTROL
        if text in self._given:
            return self._given[text]
        match = _SLOT.match(text)
        if match is None:
            name, output = parse(text)
            return self.prefix + name, output
        return self.prefix + match[1], self._place(self._nodes[match[1]], match[2]) + int(match[3])

    def _place(self, node: Any, slot: str) -> int:
        """Counts the outputs of a node before those of a named one."""
        before = 0
        for arg in self._draft.signature(node.op).output_arg:
            if arg.name == slot:
                return before
            before += _width(node, arg)
        raise AssertionError(f"the {node.op} {node.name!r} returns no {slot!r}")


def _width(node: Any, arg: Any) -> int:
    if arg.number_attr:
        return int(node.attr[arg.number_attr].i)
    return len(node.attr[arg.type_list_attr].list.type) if arg.type_list_attr else 1
