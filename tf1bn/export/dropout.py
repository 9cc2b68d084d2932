"""Takes out dropout that keeps everything: a mask of uniform random numbers that is 1 whatever is drawn.

Each value is bounded by interval arithmetic from `RandomUniform` in [0, 1) on. With `keep_prob` bound to 1,
`floor(keep_prob + uniform)` lies in [1, 2) before the floor and `uniform >= rate` compares with 0, so both masks are
known without knowing their shape. Other masks stay, and are refused later for being random.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from tf1bn.export.draft import CONTROL, Draft, Ref, parse, spell
from tf1bn.graph import consts

_ADDS = ("Add", "AddV2")
_SAME = ("Identity", "Reshape", "StopGradient")


class _Range(NamedTuple):
    """All elements are >= low and <= high, or < high where it is open."""

    low: float
    high: float
    open: bool = False

    @property
    def value(self) -> float | None:
        """The value of all elements, where there is only one."""
        return self.low if self.low == self.high else None


def remove_idle(draft: Draft) -> list[str]:
    """Takes idle masks out of the graph; returns the names of the ops that multiplied with or chose by one."""
    ranges: dict[Ref, _Range] = {}
    random: set[Ref] = set()
    changed = []
    for name in draft.order():
        node = draft.nodes[name]
        inputs = [ref for ref in map(parse, node.input) if ref[1] != CONTROL]
        found = _range(node, [ranges.get(ref) for ref in inputs])
        if found is not None:
            ranges[name, 0] = found
        # A mask of the program that is 1 everywhere is no dropout, and stays.
        if node.op == "RandomUniform" or any(ref in random for ref in inputs):
            random.add((name, 0))
        kept = _kept(node, inputs, ranges, random)
        if kept is not None:
            _pass_on(node, kept)
            # What goes on is the input alone, and no random number is in it.
            random.discard((name, 0))
            changed.append(name)
    return changed


def _range(node: Any, inputs: list[_Range | None]) -> _Range | None:
    if node.op == "RandomUniform":
        return _Range(0.0, 1.0, True)
    if node.op == "Const":
        value = consts.tensor_value(node.attr["value"].tensor)
        real = value is not None and value.size == 1 and value.dtype.kind in "fi"
        return _Range(float(value.item()), float(value.item())) if real and value is not None else None
    if not inputs or inputs[0] is None:
        return None
    a = inputs[0]
    if node.op in _SAME or node.op == "Cast":
        return a
    # floor(x) of x < 2 is at most 1: the open end is what makes the mask known.
    if node.op == "Floor":
        return _Range(math.floor(a.low), math.ceil(a.high) - 1 if a.open else math.floor(a.high))
    b = inputs[1] if len(inputs) > 1 else None
    if b is None:
        return None
    if node.op in _ADDS:
        return _Range(a.low + b.low, a.high + b.high, a.open or b.open)
    if node.op == "Sub" and not b.open:
        return _Range(a.low - b.high, a.high - b.low, a.open)
    if node.op == "Mul" and b.value is not None and b.value > 0:
        return _Range(a.low * b.value, a.high * b.value, a.open)
    if node.op == "GreaterEqual" and a.low >= b.high:
        return _Range(1.0, 1.0)
    return None


def _kept(node: Any, inputs: list[Ref], ranges: dict[Ref, _Range], random: set[Ref]) -> Ref | None:
    """Returns the input that a masking op hands on unchanged, or None."""

    def idle(ref: Ref) -> bool:
        return ref in random and ref in ranges and ranges[ref].value == 1.0

    if node.op in ("Select", "SelectV2") and idle(inputs[0]):
        return inputs[1]
    if node.op == "Mul" and idle(inputs[1]):
        return inputs[0]
    if node.op == "Mul" and idle(inputs[0]):
        return inputs[1]
    return None


def _pass_on(node: Any, ref: Ref) -> None:
    """Makes a node an Identity of one of its inputs."""
    dtype = node.attr["T"].type
    node.op = "Identity"
    node.ClearField("input")
    node.ClearField("attr")
    node.input.append(spell(ref))
    node.attr["T"].type = dtype
