"""Where a value comes from and what it is computed from; batch moments, constants and shapes on the way.

Edges and order are in :mod:`edges`, branches and loops in :mod:`contexts`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tf1bn.graph import consts, ops
from tf1bn.graph.contexts import Contexts
from tf1bn.graph.edges import MAX_STEPS
from tf1bn.graph.nodes import Flat, Node, Tensor, in_gradient

Step = Callable[[Node, int], list[Tensor]]


def _first(node: Node, output: int) -> list[Tensor]:
    return node.inputs[:1] + ([node.carried] if node.carried is not None else [])


def _same_place(node: Node, output: int) -> list[Tensor]:
    return node.inputs[output : output + 1]


def _merged(node: Node, output: int) -> list[Tensor]:
    return list(node.inputs) if output == 0 else []  # the other output says which branch it was


def _either(node: Node, output: int) -> list[Tensor]:
    return node.inputs[1:3]


def _one(node: Node, output: int) -> list[Tensor]:
    return node.inputs[:1]


def _all(node: Node, output: int) -> list[Tensor]:
    return list(node.inputs)


HANDING: dict[str, Step] = {
    **dict.fromkeys((*ops.SAME, *ops.SHAPED, *ops.READS), _first),
    **dict.fromkeys(ops.MERGES, _merged),
    "IdentityN": _same_place,
    "Select": _either,
    "SelectV2": _either,
}
"""Op types through which a value comes unchanged, each with the inputs that an output comes from."""

COMPUTING: dict[str, Step] = {**dict.fromkeys(ops.ARITHMETIC, _all), **dict.fromkeys(ops.REDUCE, _one), **HANDING}
"""These, and those that compute it."""

_KEPT_ITEMS = 1_000_000
"""How many tensors and nodes the answers that are kept may hold together."""


class Flow(Contexts):
    """Edges of a flat graph and the questions that are asked of them."""

    def __init__(self, flat: Flat) -> None:
        super().__init__(flat)
        self._axes: dict[int, tuple[int, ...] | None] = {}
        self._traced: dict[tuple[Tensor, bool], tuple[frozenset[Tensor], frozenset[int]]] = {}
        self._traced_items = 0

    def origins(self, tensor: Tensor) -> frozenset[Tensor]:
        """Returns where a value comes from, through reads, reshapes, branches, loops and calls.

        A variable is returned as its own node. A value that depends on a branch has several origins.
        """
        return self._backward(tensor, arithmetic=False)[0]

    def sources(self, tensor: Tensor) -> frozenset[Tensor]:
        """As `origins`, and through arithmetic too, up to variables, batch moments and anything unknown."""
        return self._backward(tensor, arithmetic=True)[0]

    def traced(self, tensor: Tensor) -> tuple[frozenset[Tensor], frozenset[int]]:
        """Returns what `sources` and `computed` do."""
        return self._backward(tensor, arithmetic=True)

    def passed(self, tensor: Tensor) -> frozenset[int]:
        """Returns the nodes between a tensor and its origins."""
        return self._backward(tensor, arithmetic=False)[1]

    def computed(self, tensor: Tensor) -> frozenset[int]:
        """Returns the nodes between a tensor and its sources."""
        return self._backward(tensor, arithmetic=True)[1]

    def _backward(self, tensor: Tensor, *, arithmetic: bool) -> tuple[frozenset[Tensor], frozenset[int]]:
        """Where a value comes from, and what is between; several rules ask the same, so answers are kept."""
        key = (tensor, arithmetic)
        found = self._traced.get(key)
        if found is None:
            found = self._walk_back(tensor, arithmetic)
            if self._traced_items > _KEPT_ITEMS:
                self._traced.clear()
                self._traced_items = 0
            self._traced[key] = found
            self._traced_items += len(found[0]) + len(found[1])
        return found

    def _walk_back(self, tensor: Tensor, arithmetic: bool) -> tuple[frozenset[Tensor], frozenset[int]]:
        nodes, bodies = self.nodes, self.bodies
        passing = COMPUTING if arithmetic else HANDING
        leaves: set[Tensor] = set()
        seen = {tensor}
        todo = [tensor]
        while todo and len(seen) < MAX_STEPS:
            current = todo.pop()
            if nodes[current[0]].op not in passing and current[0] not in bodies:
                leaves.add(current)
                continue
            steps = None if arithmetic and self.is_batch_moment(current) else self.step(current, arithmetic)
            if not steps:
                leaves.add(current)
                continue
            for step in steps:
                if step not in seen:
                    seen.add(step)
                    todo.append(step)
        return frozenset(leaves), frozenset(number for number, _ in seen - leaves)

    def step(self, tensor: Tensor, arithmetic: bool = False) -> list[Tensor]:
        """What a value is handed on from, directly; with `arithmetic` also what it is computed from."""
        number, output = tensor
        node = self.nodes[number]
        if number in self.bodies:
            return self._returned(node, output)
        if node.op in HANDING:
            return HANDING[node.op](node, output)
        if not arithmetic or node.op not in COMPUTING or (node.op in ops.REDUCE and not self._reduces_moments(node)):
            return []
        return COMPUTING[node.op](node, output)

    def _returned(self, call: Node, output: int) -> list[Tensor]:
        """What the bodies of a call return there; a loop also hands on what it began with."""
        loop = call.op in ("While", "StatelessWhile")
        bodies = [body for body in self.bodies[call.id] if not (loop and body.branch == "cond")]
        found = [body.returns[output] for body in bodies if output < len(body.returns)]
        return found + (call.inputs[output : output + 1] if loop else [])

    def _reduces_moments(self, node: Node) -> bool:
        """Whether a reduction that is no batch moment may be a further step of one.

        Layer, group and instance norm reduce the activations of one example: what these are computed from, a bias
        say, is no statistic of theirs.
        """
        if self.reduced_axes(node.id) is None:
            return True
        tensor = node.inputs[0]
        for _ in range(MAX_STEPS):
            node = self.nodes[self.strip(tensor)[0]]
            if node.op not in ops.SHAPED or not node.inputs:
                break
            tensor = node.inputs[0]
        return node.op in ops.REDUCE or node.op in ops.FUSED

    def is_batch_moment(self, tensor: Tensor) -> bool:
        """Whether a tensor is a mean or sum over the batch axis, or a statistics output of a fused batch norm.

        The op that sums for the gradient of a bias counts where it is not in a gradient: it sums columns fast.
        """
        node = self.nodes[tensor[0]]
        if node.op in ops.FUSED:
            return tensor[1] in (1, 2)
        if node.op not in ops.REDUCE or (node.op == "BiasAddGrad" and in_gradient(node.name)):
            return False
        axes = self.reduced_axes(tensor[0])
        return axes is not None and 0 in axes

    def reduced_axes(self, number: int) -> tuple[int, ...] | None:
        """The constant axes of a reduction, counted from the front where the rank is known."""
        if number not in self._axes:
            self._axes[number] = self._reduced_axes(self.nodes[number])
        return self._axes[number]

    def _reduced_axes(self, node: Node) -> tuple[int, ...] | None:
        if node.op == "BiasAddGrad":
            return self._all_but_channels(node)
        if len(node.inputs) < 2:
            return None
        value = self.constant(node.inputs[1])
        if value is None:
            return None
        axes = tuple(int(axis) for axis in np.ravel(value))
        rank = self.rank(node.inputs[0])
        return tuple(axis % rank for axis in axes) if rank else axes

    def _all_but_channels(self, node: Node) -> tuple[int, ...]:
        """The axes that the gradient of a bias sums over."""
        layout, rank = node.attr("data_format"), self.rank(node.inputs[0]) or 2
        channels = 1 if layout is not None and layout.s == b"NCHW" else rank - 1
        return tuple(axis for axis in range(rank) if axis != channels)

    def constant(self, tensor: Tensor) -> np.ndarray | None:
        """Returns the value of a tensor that is a Const, or None."""
        node = self.nodes[self.strip(tensor)[0]]
        value = node.attr("value") if node.op == "Const" else None
        return consts.tensor_value(value.tensor) if value is not None else None

    def scalar(self, tensor: Tensor) -> float | None:
        """Returns the value of a constant of one element; `1 - c` of a constant c counts as constant."""
        value = self.constant(tensor)
        if value is not None:
            return float(np.ravel(value)[0]) if value.size == 1 else None
        node = self.nodes[self.strip(tensor)[0]]
        if node.op in ("Sub", "Cast") and node.inputs:
            parts = [part for part in map(self.constant, node.inputs) if part is not None and part.size == 1]
            if len(parts) == len(node.inputs):
                numbers = [float(np.ravel(part)[0]) for part in parts]
                return numbers[0] - numbers[1] if node.op == "Sub" else numbers[0]
        return None

    def shape(self, tensor: Tensor) -> tuple[int | None, ...] | None:
        """Returns the static shape of a tensor where the graph states it."""
        tensor = self.strip(tensor)
        node = self.nodes[tensor[0]]
        stated = node.attr("_output_shapes")
        if stated is not None and tensor[1] < len(stated.list.shape):
            return consts.shape_of(stated.list.shape[tensor[1]])
        if node.op == "Const":
            value = node.attr("value")
            return consts.shape_of(value.tensor.tensor_shape) if value is not None else None
        own = node.attr("shape")
        if own is not None and node.op != "_Arg":
            return consts.shape_of(own.shape)
        return None

    def rank(self, tensor: Tensor) -> int | None:
        """Returns the static rank of a tensor, or None."""
        shape = self.shape(tensor)
        return None if shape is None else len(shape)
