"""Makes constants of what does not depend on the inputs: shapes that are known, and arithmetic on constants.

Readers of frozen graphs look for numbers in constants: the sizes of a transposed convolution, or the factor of a batch
norm. TensorFlow itself computes them, so each is the number that the graph had.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.export.draft import CONTROL, Draft, Ref, parse
from tf1bn.export.runtimes.runtime import View, inputs
from tf1bn.graph import ops, running

_ROUNDS = 20
"""A shape can be known only after another one is; networks chain a few."""

_LARGEST = 64 << 20
"""Bytes of one result; a larger one is cheaper to compute than to store."""

_FLOW = {*ops.SWITCHES, *ops.MERGES, *ops.ENTERS, *ops.EXITS, *ops.NEXTS, "LoopCond"}


def settle(draft: Draft, ends: list[Ref]) -> int:
    """Changes a draft without variables; returns how many ops became constants."""
    before = len(draft.nodes)
    for _ in range(_ROUNDS):
        changed = _known_shapes(draft) + _known_arithmetic(draft, {name for name, _ in ends})
        draft.keep(draft.needed(name for name, _ in ends) | _placeholders(draft))
        if not changed:
            break
    return before - len(draft.nodes)


def _placeholders(draft: Draft) -> set[str]:
    return {name for name, node in draft.nodes.items() if node.op == "Placeholder"}


def _known_shapes(draft: Draft) -> int:
    """Puts constants in the place of shapes, and of single sizes of shapes, that TensorFlow knows."""
    if not any(node.op in _ASKS for node in draft.nodes.values()):
        return 0
    view, found = View(draft), {}
    for name, node in draft.nodes.items():
        value = _ASKS[node.op](view, node) if node.op in _ASKS else None
        if value is not None:
            found[name] = value
    for name, value in found.items():
        number = draft.dtype((name, 0))
        draft.constant(name, np.asarray(value, tf.as_dtype(number).as_numpy_dtype), number)
    return len(found)


def _shape(view: View, node: Any) -> Any:
    shape = view.shape(parse(node.input[0]))
    return None if shape is None or None in shape else np.array(shape, np.int64)


def _size(view: View, node: Any) -> Any:
    shape = _shape(view, node)
    return None if shape is None else np.prod(shape, dtype=np.int64)


def _rank(view: View, node: Any) -> Any:
    shape = view.shape(parse(node.input[0]))
    return None if shape is None else len(shape)


def _part(view: View, node: Any) -> Any:
    """Returns one size of a shape of which others may be open, as `tf.shape(x)[1]` asks for it."""
    source = view.draft.nodes[parse(node.input[0])[0]]
    if source.op != "Shape" or node.attr["shrink_axis_mask"].i != 1 or node.attr["ellipsis_mask"].i:
        return None
    shape, begin = view.shape(parse(source.input[0])), view.constant(parse(node.input[1]))
    if shape is None or begin is None or begin.shape != (1,) or node.attr["new_axis_mask"].i:
        return None
    return shape[int(begin[0])]


_ASKS = {"Shape": _shape, "Size": _size, "Rank": _rank, "StridedSlice": _part}


def _known_arithmetic(draft: Draft, ends: set[str]) -> int:
    """Computes ops of constants; of a chain of them the last one is left, as a constant."""
    known: set[str] = set()
    for name in draft.order():
        node = draft.nodes[name]
        if node.op == "Const" or (node.input and _computable(draft, node) and {s for s, _ in _refs(node)} <= known):
            known.add(name)
    used = {source for name, node in draft.nodes.items() if name not in known for source, _ in _refs(node)}
    last = [n for n in draft.nodes if n in known and (n in used or n in ends) and draft.nodes[n].op != "Const"]
    if not last:
        return 0
    made = 0
    with tf.Graph().as_default() as graph, tf.Session(graph=graph, config=running.as_written()) as session:
        tf.import_graph_def(draft.graph_def(), name="")
        for name in last:
            value = session.run(f"{name}:0")
            if value.nbytes <= _LARGEST:
                draft.constant(name, value, draft.dtype((name, 0)))
                made += 1
    return made


def _refs(node: Any) -> list[Ref]:
    return [*inputs(node), *(parse(text) for text in node.input if parse(text)[1] == CONTROL)]


def _computable(draft: Draft, node: Any) -> bool:
    """Whether an op has one result, which its inputs alone decide."""
    signature = draft.signature(node.op)
    outputs = signature.output_arg
    single = len(outputs) == 1 and not outputs[0].number_attr and not outputs[0].type_list_attr
    return single and not signature.is_stateful and node.op not in _FLOW and node.op not in draft.functions
