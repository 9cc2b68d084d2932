"""Ops in other words: what a reader lacks is spelled with what it has. Each gives the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.export.draft import Draft, Ref
from tf1bn.export.runtimes.runtime import inputs


def hand_on(draft: Draft, node: Any) -> None:
    """An op that hands on its input as it is, as `EnsureShape` and `StopGradient` do."""
    draft.make(node.name, "Identity", inputs(node)[:1], T=node.attr["T"].type)


PASSING = dict.fromkeys(("CheckNumerics", "EnsureShape", "PreventGradient", "Snapshot", "StopGradient"), hand_on)
"""What only states, checks or stops, and computes nothing."""


def negative(draft: Draft, node: Any) -> None:
    """-x is x * -1."""
    _make(draft, node.name, "Mul", [inputs(node)[0], _number(draft, node, -1.0)], node)


def difference(draft: Draft, node: Any) -> None:
    """c - x is x * -1 + c, where c is a constant; x - c stays as it is."""
    first, second = inputs(node)
    if _constant(draft, first) and not _constant(draft, second):
        turned = _make(draft, draft.free_name(f"{node.name}/negative"), "Mul", [second, _number(draft, node, -1)], node)
        _make(draft, node.name, "Add", [turned, first], node)


def squared_difference(draft: Draft, node: Any) -> None:
    """(x - y) ** 2, with a constant always as the second."""
    first, second = inputs(node)
    if _constant(draft, first):
        first, second = second, first
    between = _make(draft, draft.free_name(f"{node.name}/difference"), "Sub", [first, second], node)
    _make(draft, node.name, "Square", [between], node)


def reciprocal_root(draft: Draft, node: Any) -> None:
    """1 / sqrt(x) in two steps."""
    root = _make(draft, draft.free_name(f"{node.name}/root"), "Sqrt", inputs(node), node)
    _make(draft, node.name, "Reciprocal", [root], node)


def padded(draft: Draft, node: Any) -> None:
    """A padding with zeros has an op of its own."""
    x, sizes, value = inputs(node)
    if _constant(draft, value) and not np.any(tf.make_ndarray(draft.nodes[value[0]].attr["value"].tensor)):
        made = draft.make(node.name, "Pad", [x, sizes], T=node.attr["T"].type)
        made.attr["Tpaddings"].type = node.attr["Tpaddings"].type


def _make(draft: Draft, name: str, op: str, given: list[Ref], like: Any) -> Ref:
    draft.make(name, op, given, T=int(like.attr["T"].type))
    return name, 0


def _number(draft: Draft, node: Any, value: float) -> Ref:
    name = draft.free_name(f"{node.name}/factor")
    dtype = int(node.attr["T"].type)
    draft.constant(name, np.asarray(value, tf.as_dtype(dtype).as_numpy_dtype), dtype)
    return name, 0


def _constant(draft: Draft, ref: Ref) -> bool:
    return bool(draft.nodes[ref[0]].op == "Const")
