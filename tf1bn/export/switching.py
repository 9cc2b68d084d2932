"""Takes the branches that known switches take, and nothing else: what remains has no conditional on them.

A known value is followed through logic and arithmetic on scalars. `Switch` hands on its taken side and its other side
is dead; what needs something dead is dead; a `Merge` is whichever side is alive. A conditional of functions is the body
of its branch; a `Select` is its chosen input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.export import calls
from tf1bn.export.draft import CONTROL, Draft, Ref, parse, spell
from tf1bn.graph import consts, ops

_SAME = ("Identity", "StopGradient", "PreventGradient", "Snapshot", "Enter", "RefEnter", "Reshape", "Squeeze")
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Equal": np.equal,
    "NotEqual": np.not_equal,
    "Greater": np.greater,
    "GreaterEqual": np.greater_equal,
    "Less": np.less,
    "LessEqual": np.less_equal,
    "LogicalAnd": np.logical_and,
    "LogicalOr": np.logical_or,
    "Add": np.add,
    "AddV2": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
}
# One known side decides, whatever the other is.
_ABSORBING = {"LogicalAnd": False, "LogicalOr": True}


def bind(draft: Draft, switches: dict[str, Any]) -> None:
    """Puts a constant in the place of each switch: a placeholder, a variable, or any other op.

    Raises:
      ExportError: a switch is not in the graph, or cannot have that value.
    """
    for name, value in switches.items():
        node = draft.nodes[draft.find(name, "switch")[0]]
        number = draft.dtype((node.name, 0))
        dtype = tf.as_dtype(number)
        try:
            # A cast would take 0.5 for True without a word.
            fits = bool(np.all(np.asarray(value).astype(dtype.as_numpy_dtype) == value))
        except (TypeError, ValueError):
            fits = False
        if not fits:
            raise errors.ExportError(
                errors.explain(f"the switch {name!r} cannot have that value", got=value, expected=f"a {dtype.name}")
            )
        draft.constant(node.name, np.full(_shape(node), value, dtype.as_numpy_dtype), number)


def _shape(node: Any) -> tuple[int, ...]:
    shape = consts.shape_of(node.attr["shape"].shape) if "shape" in node.attr else ()
    return () if shape is None or None in shape else shape


def known(draft: Draft) -> dict[Ref, Any]:
    """Returns the scalars whose value is known, by tensor."""
    step = _Pass(draft.copy())
    step.run()
    return step.known


def resolve(draft: Draft, roots: list[Ref], others: dict[Ref, Ref] | None = None) -> list[Ref]:
    """Takes all known branches; returns where the roots are now.

    Args:
      draft: is changed.
      roots: tensors that must be there in the end.
      others: tensors that may be in a branch that is not taken; told where they are now, and left out if nowhere.

    Raises:
      ExportError: a root is in a branch that is not taken.
    """
    while True:
        step = _Pass(draft)
        step.run()
        moved = [step.target(ref) for ref in roots]
        for ref, new in zip(roots, moved, strict=True):
            if step.is_dead(new):
                raise errors.ExportError(
                    errors.explain(f"{spell(ref)!r} is computed only in a branch that the switch turns off")
                )
        others = others if others is not None else {}
        for ref, now in list(others.items()):
            others[ref] = step.target(now)
            if step.is_dead(others[ref]):
                del others[ref]
        step.apply()
        roots = moved
        if not step.inlined:
            return roots


class _Pass:
    """One walk over the graph, inputs first; bodies that are put in place are walked in the next pass."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.inlined: set[str] = set()
        self.moved: dict[Ref, Ref] = {}
        self.dead: set[Ref] = set()
        self.known: dict[Ref, np.ndarray] = {}

    def target(self, ref: Ref) -> Ref:
        while ref in self.moved:
            ref = self.moved[ref]
        return ref

    def is_dead(self, ref: Ref) -> bool:
        return ref in self.dead or (ref[0], CONTROL) in self.dead

    def run(self) -> None:
        for name in self.draft.order():
            node = self.draft.nodes[name]
            inputs = [self.target(ref) for ref in map(parse, node.input)]
            if node.op in ops.MERGES:
                self._merge(node, inputs)
            # A dead control input kills as well: so control flow v1 keeps an op in its branch.
            elif any(map(self.is_dead, inputs)):
                self.dead.add((name, CONTROL))
            else:
                self._visit(node, [ref for ref in inputs if ref[1] != CONTROL])

    def apply(self) -> None:
        """Rewrites all inputs; drops what is dead, and control edges to what is dead or has moved."""
        gone = self.inlined | {name for name, output in self.dead if output == CONTROL}
        self.draft.nodes = {name: node for name, node in self.draft.nodes.items() if name not in gone}
        for node in self.draft.nodes.values():
            refs = [self.target(ref) for ref in map(parse, node.input)]
            refs = [ref for ref in refs if ref[0] in self.draft.nodes]
            if node.op in ops.MERGES:
                refs = [ref for ref in refs if not self.is_dead(ref)]
                # The number of inputs is part of the op, and must follow.
                node.attr["N"].i = sum(output != CONTROL for _, output in refs)
            node.ClearField("input")
            node.input.extend(spell(ref) for ref in refs if ref[1] != CONTROL)
            node.input.extend(dict.fromkeys(spell(ref) for ref in refs if ref[1] == CONTROL))

    def _merge(self, node: Any, inputs: list[Ref]) -> None:
        live = [ref for ref in inputs if ref[1] != CONTROL and not self.is_dead(ref)]
        loop = any(self.draft.nodes[name].op in ops.NEXTS for name, _ in inputs)
        if (
            not live
            # A loop whose entry is dead is never entered, although its next round looks alive.
            or (loop and len(live) == 1)
            or any(output == CONTROL and self.is_dead((name, CONTROL)) for name, output in inputs)
        ):
            self.dead.add((node.name, CONTROL))
        elif len(live) == 1:
            self._alias(node.name, live[0])

    def _visit(self, node: Any, inputs: list[Ref]) -> None:
        if node.op in ops.SWITCHES and inputs[1] in self.known:
            taken = int(bool(self.known[inputs[1]]))
            self.moved[node.name, taken] = inputs[0]
            self.dead.add((node.name, 1 - taken))
            if inputs[0] in self.known:
                self.known[node.name, taken] = self.known[inputs[0]]
        elif node.op in ("Select", "SelectV2") and inputs[0] in self.known:
            self._alias(node.name, inputs[1 if self.known[inputs[0]] else 2])
        elif node.op in calls.CHOOSERS and inputs[0] in self.known:
            self._inline(node, *calls.branch(node, self.known[inputs[0]]))
        elif (func := calls.called(self.draft, node)) is not None:
            self._inline(node, "f", func)
        elif node.op == "IdentityN":
            self.moved.update({(node.name, output): ref for output, ref in enumerate(inputs)})
            self.known.update(
                {(node.name, out): self.known[ref] for out, ref in enumerate(inputs) if ref in self.known}
            )
        # A switch that was a variable is a constant now, and has no handle to read.
        elif node.op == "ReadVariableOp" and self.draft.nodes[inputs[0][0]].op == "Const":
            self._alias(node.name, inputs[0])
        else:
            value = self._value(node, inputs)
            # Larger ones are no switches, and to carry them along would take memory.
            if value is not None and value.size == 1:
                self.known[node.name, 0] = value.reshape(())

    def _alias(self, name: str, ref: Ref) -> None:
        self.moved[name, 0] = ref
        if ref in self.known:
            self.known[name, 0] = self.known[ref]

    def _inline(self, node: Any, key: str, func: Any) -> None:
        self.inlined.add(node.name)
        for output, ref in enumerate(calls.inline(self.draft, node, key, func)):
            self.moved[node.name, output] = ref

    def _value(self, node: Any, inputs: list[Ref]) -> np.ndarray | None:
        if node.op == "Const":
            return consts.tensor_value(node.attr["value"].tensor)
        values = [self.known.get(ref) for ref in inputs]
        if node.op in _ABSORBING and any(v is not None and bool(v) == _ABSORBING[node.op] for v in values):
            return np.asarray(_ABSORBING[node.op])
        if not values or values[0] is None:
            return None
        if node.op in _SAME:
            return values[0]
        if node.op == "LogicalNot":
            return np.logical_not(values[0])
        if node.op == "Cast":
            return values[0].astype(tf.as_dtype(node.attr["DstT"].type).as_numpy_dtype)
        if node.op in _BINARY and values[1] is not None:
            return np.asarray(_BINARY[node.op](values[0], values[1]))
        return None
