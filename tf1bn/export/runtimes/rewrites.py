"""Ops in other words: what a reader lacks is spelled with what it has. Each gives the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.export.draft import Draft, Ref
from tf1bn.export.runtimes.runtime import View, inputs


def hand_on(draft: Draft, node: Any, _: View) -> None:
    """An op that hands on its input as it is, as `EnsureShape` and `StopGradient` do."""
    draft.make(node.name, "Identity", inputs(node)[:1], T=node.attr["T"].type)


_WEIGHTED = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul")

PASSING = dict.fromkeys(("CheckNumerics", "EnsureShape", "PreventGradient", "Snapshot", "StopGradient"), hand_on)
"""What only states, checks or stops, and computes nothing."""


def negative(draft: Draft, node: Any, _: View) -> None:
    """-x is x * -1."""
    _make(draft, node.name, "Mul", [inputs(node)[0], _number(draft, node, -1.0)], node)


def total(draft: Draft, node: Any, view: View) -> None:
    """x + c is x * 1 + c where c has one value for each channel: some readers know a shift behind a scale only."""
    first, second = inputs(node)
    if _constant(draft, first):
        first, second = second, first
    if _per_channel(view, first, second) and not _scaled(draft, view, first, second):
        _shifted(draft, node, first, second, _ones(view, second))


def bias(draft: Draft, node: Any, view: View) -> None:
    """A bias likewise, where it is none of a layer with weights."""
    x, c = inputs(node)
    channels_first = node.attr["data_format"].s == b"NCHW"
    if draft.nodes[x[0]].op not in _WEIGHTED and not channels_first and _per_channel(view, x, c):
        _shifted(draft, node, x, c, _ones(view, c))


def difference(draft: Draft, node: Any, view: View) -> None:
    """c - x is x * -1 + c, where c is a constant; x - c is x * 1 + (-c), where c has one value for each channel."""
    first, second = inputs(node)
    if _constant(draft, first) and not _constant(draft, second):
        scale = -_ones(view, first) if _per_channel(view, second, first) else np.float64(-1.0)
        _shifted(draft, node, second, first, scale)
    elif _per_channel(view, first, second):
        name, value = draft.free_name(f"{node.name}/negative"), view.constant(second)
        assert value is not None
        draft.constant(name, -value, int(node.attr["T"].type))
        _shifted(draft, node, first, (name, 0), _ones(view, second))


def squared_difference(draft: Draft, node: Any, view: View) -> None:
    """(x - y) ** 2, with a constant always as the second."""
    first, second = inputs(node)
    if _constant(draft, first):
        first, second = second, first
    between = _make(draft, draft.free_name(f"{node.name}/difference"), "Sub", [first, second], node)
    difference(draft, draft.nodes[between[0]], view)
    _make(draft, node.name, "Square", [between], node)


def reciprocal_root(draft: Draft, node: Any, _: View) -> None:
    """1 / sqrt(x) in two steps."""
    root = _make(draft, draft.free_name(f"{node.name}/root"), "Sqrt", inputs(node), node)
    _make(draft, node.name, "Reciprocal", [root], node)


def padded(draft: Draft, node: Any, _: View) -> None:
    """A padding with zeros has an op of its own."""
    x, sizes, value = inputs(node)
    if _constant(draft, value) and not np.any(tf.make_ndarray(draft.nodes[value[0]].attr["value"].tensor)):
        made = draft.make(node.name, "Pad", [x, sizes], T=node.attr["T"].type)
        made.attr["Tpaddings"].type = node.attr["Tpaddings"].type


def _make(draft: Draft, name: str, op: str, given: list[Ref], like: Any) -> Ref:
    draft.make(name, op, given, T=int(like.attr["T"].type))
    return name, 0


def _shifted(draft: Draft, node: Any, x: Ref, c: Ref, scale: Any) -> None:
    """Makes of a node x * scale + c."""
    factor = _number(draft, node, scale)
    scaled = _make(draft, draft.free_name(f"{node.name}/scaled"), "Mul", [x, factor], node)
    _make(draft, node.name, "Add", [scaled, c], node)


def _number(draft: Draft, node: Any, value: Any) -> Ref:
    name = draft.free_name(f"{node.name}/factor")
    dtype = int(node.attr["T"].type)
    draft.constant(name, np.asarray(value, tf.as_dtype(dtype).as_numpy_dtype), dtype)
    return name, 0


def _constant(draft: Draft, ref: Ref) -> bool:
    return bool(draft.nodes[ref[0]].op == "Const")


def _per_channel(view: View, x: Ref, c: Ref) -> bool:
    """Whether c is a constant with one value for each channel of x, of which there are several."""
    value = view.constant(c)
    if value is None or value.size < 2 or value.shape[-1] != value.size or _constant(view.draft, x):
        return False
    shape = view.shape(x)
    return shape is not None and 1 < len(shape) >= value.ndim and shape[-1] == value.size


def _scaled(draft: Draft, view: View, x: Ref, c: Ref) -> bool:
    """Whether x is what was multiplied by a constant of as many values as c has."""
    value, factors = view.constant(c), [view.constant(ref) for ref in inputs(draft.nodes[x[0]])]
    sizes = [factor.size for factor in factors if factor is not None]
    return draft.nodes[x[0]].op == "Mul" and value is not None and value.size in sizes


def _ones(view: View, c: Ref) -> np.ndarray:
    value = view.constant(c)
    assert value is not None
    return np.ones(value.size)
