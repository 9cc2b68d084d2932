"""Finds batch norm that is spelled out in arithmetic: `(x - mean) / sqrt(variance + epsilon) * gamma + beta`.

The anchor is the inverse root of `variance + small constant`. From there the factor is followed forward
through its multiplications. Two spellings exist: the mean is subtracted from x before the multiplication, or
`mean * factor` is subtracted afterwards; both are found whatever the order of gamma.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, cast

import numpy as np

from tf1bn.graph import ops
from tf1bn.graph.flow import Flow
from tf1bn.graph.nodes import Node, Tensor, in_gradient
from tf1bn.graph.variables import Variables

_ADDS = ("Add", "AddV2")
_THROUGH = {
    "Identity",
    "Reshape",
    "Cast",
    "ExpandDims",
    "Squeeze",
    "BroadcastTo",
    "Tile",
    "Switch",
    "Merge",
    "Enter",
    "Reciprocal",
    "Inv",
    "_Arg",
    "Neg",
}
_Found = tuple[int, Tensor, Tensor]
# Between the root and the last product lie a switch, a cast, reshapes and gamma; further off is another layer.
_MAX_HOPS = 10
# A larger constant under a root belongs to another formula.
_MAX_EPSILON = 0.11


class Pattern(NamedTuple):
    """One spelled-out normaliser; `subtracted` is the Sub or Add that ends it."""

    anchor: Node
    x: Tensor
    mean: Tensor
    variance: Tensor
    gamma: Tensor | None
    beta: Tensor | None
    epsilon: float
    output: Tensor


@dataclasses.dataclass
class _Walk:
    """What was met on the way forward from the factor."""

    products: list[tuple[int, Tensor, int]] = dataclasses.field(default_factory=list)
    adds: list[tuple[int, Tensor]] = dataclasses.field(default_factory=list)
    means: set[Tensor] = dataclasses.field(default_factory=set)
    betas: list[Tensor] = dataclasses.field(default_factory=list)
    fused: bool = False


def find(flow: Flow, variables: Variables) -> list[Pattern]:
    """Returns every spelled-out batch norm of the graph, in graph order."""
    finder = _Finder(flow, variables)
    found = (finder.match(node) for node in flow.of_ops(("Rsqrt", "Sqrt", "Pow").__contains__) if node.inputs)
    return [pattern for pattern in found if pattern is not None]


class _Finder:
    def __init__(self, flow: Flow, variables: Variables) -> None:
        self.flow = flow
        self.variables = variables

    def match(self, node: Node) -> Pattern | None:
        if in_gradient(node.name):
            return None
        # Written as a power by hand, and by converters.
        if node.op == "Pow" and self.flow.scalar(node.inputs[1]) not in (0.5, -0.5):
            return None
        split = self._variance_and_epsilon(node.inputs[0])
        if split is None or not self._statistic(split[0]):
            return None
        walk = _Walk()
        self._forward((node.id, 0), None, 0, walk, set())
        return self._build(node, split[0], split[1], walk)

    def _variance_and_epsilon(self, tensor: Tensor) -> tuple[Tensor, float] | None:
        node = self.flow.nodes[self.flow.strip(tensor)[0]]
        if node.op not in _ADDS or len(node.inputs) != 2:
            return None
        # Addition has no order, and programs write it both ways.
        for variance, epsilon in (node.inputs, node.inputs[::-1]):
            value = self.flow.scalar(epsilon)
            if value is not None and 0 < value < _MAX_EPSILON:
                return variance, value
        return None

    def _statistic(self, tensor: Tensor) -> bool:
        """Whether a value is a variable, a batch moment, or (in a frozen graph) a constant vector."""
        for source in self.flow.sources(tensor):
            if source[0] in self.variables.by_node or self.flow.is_batch_moment(source):
                return True
            node = self.flow.nodes[source[0]]
            shape = self.flow.shape(source) if node.op == "Const" else None
            if shape and int(np.prod([size or 1 for size in shape])) > 1:
                return True
        return False

    def _forward(self, tensor: Tensor, last: Tensor | None, hops: int, walk: _Walk, seen: set[Tensor]) -> None:
        """Follows the factor; `last` is what it was last multiplied with."""
        if hops > _MAX_HOPS or tensor in seen:
            return
        seen.add(tensor)
        for number, position, output in self.flow.users[tensor[0]]:
            if output != tensor[1]:
                continue
            node = self.flow.nodes[number]
            if in_gradient(node.name):
                continue
            # A value that a body returns goes on as an output of its call.
            if position < 0:
                self._forward((number, ~position), last, hops + 1, walk, seen)
            elif node.op == "Mul" or (node.op in ("RealDiv", "Div") and position == 1):
                partner = node.inputs[1 - position]
                walk.products.append((number, partner, hops))
                self._forward((number, 0), partner, hops + 1, walk, seen)
            elif node.op in _ADDS or node.op == "Sub" or node.op == "BiasAdd":
                self._summed(node, position, last, walk)
            elif node.op in ops.FUSED and position > 0:
                walk.fused = True
            elif node.op in _THROUGH:
                if node.op == "Neg" and last is not None:
                    walk.means.add(last)
                # The second output of any other of these is no value: that of Merge is an index.
                outputs = (0, 1) if node.op == "Switch" else (0,)
                for out in outputs:
                    self._forward((number, out), last, hops + 1, walk, seen)

    def _summed(self, node: Node, position: int, last: Tensor | None, walk: _Walk) -> None:
        if node.op == "Sub" and position == 1:
            if last is not None:
                walk.means.add(last)
            walk.betas.append(node.inputs[0])
            return
        walk.adds.append((node.id, node.inputs[1 - position]))

    def _build(self, anchor: Node, variance: Tensor, epsilon: float, walk: _Walk) -> Pattern | None:
        centred, late = self._centred(walk), self._late(walk)
        # A factor that a fused op takes in as its gamma is a part of that batch norm.
        if walk.fused or (centred is None and late is None):
            return None
        # A rough mean is subtracted first and the rest later, for precision: x is behind the first, the mean the
        # second.
        shifted = centred is not None and late is not None and self._is_pure(late[2])
        product, x, mean = cast(_Found, late if centred is None or shifted else centred)
        if shifted and centred is not None:
            x = centred[1]
        if not self._statistic(mean):
            return None
        gamma = self._parameter([partner for _, partner, _ in walk.products if partner not in (x, mean)])
        adds = [(number, partner) for number, partner in walk.adds if self._of_parameters(partner)]
        shifts = [*walk.betas, *(partner for _, partner in adds)]
        beta = self._parameter([part for shift in shifts for part in self._addends(shift)])
        if self._is_standardisation(x, [mean, variance], [gamma, beta]):
            return None
        # The last of them: where both a correction and beta are added, the output is behind both.
        output = (adds[-1][0], 0) if adds else (product, 0)
        return Pattern(anchor, x, mean, variance, gamma, beta, epsilon, output)

    def _is_standardisation(self, x: Tensor, statistics: list[Tensor], affine: list[Tensor | None]) -> bool:
        """Whether constants of the program scale inputs: freezing makes constants of gamma and beta, too."""
        if not all(self._is_constant(tensor) for tensor in statistics):
            return False
        given = [tensor for tensor in affine if tensor is not None]
        fed = self.flow.nodes[min(self.flow.origins(x))[0]].op.startswith("Placeholder")
        return not all(map(self._is_constant, given)) or (not given and fed)

    def _is_constant(self, tensor: Tensor) -> bool:
        return all(self.flow.nodes[number].op == "Const" for number, _ in self.flow.sources(tensor))

    def _of_parameters(self, tensor: Tensor) -> bool:
        """Whether a value is made of parameters and moments alone: what is added else is another branch's output."""
        return all(
            source[0] in self.variables.by_node
            or self.flow.nodes[source[0]].op in ("Const", "Fill")
            or self.flow.is_batch_moment(source)
            for source in self.flow.sources(tensor)
        )

    def _is_pure(self, tensor: Tensor) -> bool:
        """Whether a value is made of batch moments of something already centred, and of nothing else."""
        sources = self.flow.sources(tensor)
        moments = [source for source in sources if self.flow.is_batch_moment(source)]
        return bool(moments) and all(
            source in moments
            or source[0] in self.variables.by_node
            or self.flow.nodes[source[0]].op in ("Const", "FloorDiv")  # a quotient of sizes is a count of values
            for source in sources
        )

    def _centred(self, walk: _Walk) -> tuple[int, Tensor, Tensor] | None:
        """The spelling with `x - mean` as a factor."""
        for number, partner, _ in walk.products:
            node = self.flow.nodes[self.flow.strip(partner)[0]]
            if node.op == "Mul" and len(node.inputs) == 2:
                inner = [self.flow.nodes[self.flow.strip(item)[0]] for item in node.inputs]
                node = next((item for item in inner if item.op == "Sub"), node)
            if node.op == "Sub" and len(node.inputs) == 2 and self._statistic(node.inputs[1]):
                # Where the rounding of the mean is subtracted a second time, the input is behind both.
                before = self.flow.nodes[self.flow.strip(node.inputs[0])[0]]
                if before.op == "Sub" and len(before.inputs) == 2 and self._statistic(before.inputs[1]):
                    node = before
                return number, node.inputs[0], node.inputs[1]
            if node.op in (*_ADDS, "BiasAdd") and len(node.inputs) == 2:
                negated = self.flow.nodes[self._unshaped(node.inputs[1])[0]]
                if negated.op == "Neg" and self._statistic(negated.inputs[0]):
                    return number, node.inputs[0], negated.inputs[0]
        return None

    def _unshaped(self, tensor: Tensor) -> Tensor:
        """Follows a statistic back through what repeats or reshapes it, as a view of several rows as one does."""
        tensor = self.flow.strip(tensor)
        for _ in range(_MAX_HOPS):
            node = self.flow.nodes[tensor[0]]
            if node.op not in ("Reshape", "BroadcastTo", "Tile"):
                break
            tensor = self.flow.strip(node.inputs[0])
        return tensor

    def _late(self, walk: _Walk) -> tuple[int, Tensor, Tensor] | None:
        """The spelling with `beta - mean * factor`; a negated mean as a factor counts too."""
        for _, partner, _ in walk.products:
            node = self.flow.nodes[self.flow.strip(partner)[0]]
            if node.op == "Neg":
                walk.means.add(partner)
        # Sorted, as a set has another order in each run.
        for mean in sorted(walk.means):
            if not self._statistic(mean):
                continue
            reduced = self._reduced(mean)
            for number, partner, _ in walk.products:
                if partner != mean and (not self._is_parameter(partner) or self.flow.origins(partner) in reduced):
                    inner = self.flow.nodes[self.flow.strip(mean)[0]]
                    return number, partner, inner.inputs[0] if inner.op == "Neg" else mean
        return None

    def _reduced(self, mean: Tensor) -> set[frozenset[Tensor]]:
        """The origins of what a mean is the batch moment of: a constant or a variable may be, as well as gamma."""
        moments = filter(self.flow.is_batch_moment, self.flow.sources(mean))
        return {self.flow.origins(self.flow.nodes[number].inputs[0]) for number, _ in moments}

    def _is_parameter(self, tensor: Tensor) -> bool:
        return all(
            number in self.variables.by_node or self.flow.nodes[number].op in ("Const", "Fill")
            for number, _ in self.flow.origins(tensor)
        )

    def _addends(self, tensor: Tensor, hops: int = 0) -> list[Tensor]:
        """What is summed: batch renormalization adds its correction to beta."""
        node = self.flow.nodes[self.flow.strip(tensor)[0]]
        if node.op not in _ADDS or hops > 2:
            return [tensor]
        return [tensor, *(part for item in node.inputs for part in self._addends(item, hops + 1))]

    def _parameter(self, candidates: list[Tensor]) -> Tensor | None:
        for tensor in candidates:
            shape = self.flow.shape(tensor)
            if self._is_parameter(tensor) and shape != ():
                return tensor
        return None
