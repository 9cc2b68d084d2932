"""What is fixed in an inference graph: values computed from variables and constants alone, in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tf1bn.graph import consts
from tf1bn.graph.nodes import Node, Tensor

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

PASSING = frozenset(
    {"Identity", "ReadVariableOp", "StopGradient", "Snapshot", "EnsureShape", "CheckNumerics", "PreventGradient"}
)
"""Ops that hand on the value of their first input."""

_WIDE = ("float16", "float32", "float64")
# Below the depth at which Python ends a recursion.
_MAX_DEPTH = 300
_SUMS = ("Add", "AddV2", "BiasAdd", "Sub")
_REACHED = (*sorted(PASSING), "Reshape", "ExpandDims", "Squeeze")
_FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "Neg": np.negative,
    "Sqrt": np.sqrt,
    "Rsqrt": lambda x: 1 / np.sqrt(x),
    "Square": np.square,
    "Reciprocal": lambda x: 1 / x,
    "Inv": lambda x: 1 / x,
    "Add": np.add,
    "AddV2": np.add,
    "BiasAdd": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "RealDiv": np.divide,
    "Div": np.divide,
    "Pow": np.power,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
    "SquaredDifference": lambda x, y: np.square(x - y),
    "OnesLike": np.ones_like,
    "ZerosLike": np.zeros_like,
    "Fill": lambda shape, value: np.full(tuple(int(size) for size in shape), value),
    "Reshape": lambda x, shape: np.reshape(x, tuple(int(size) for size in shape)),
    "ExpandDims": lambda x, axis: np.expand_dims(x, int(axis)),
    "Transpose": lambda x, perm: np.transpose(x, [int(axis) for axis in perm]),
}


class Constants:
    """Evaluates the parameters of a graph.

    Args:
      model: the graph.
      values: the value of each variable by the name of its op. None for questions about the structure alone:
        every variable then counts as ones of its shape.
    """

    def __init__(self, model: GraphModel, values: Mapping[str, Any] | None = None) -> None:
        self.model = model
        self.values = values
        self._known: dict[Tensor, np.ndarray | None] = {}

    def get(self, tensor: Tensor) -> np.ndarray | None:
        """Returns the value of a tensor, floats as float64; None when it depends on anything else."""
        return self._get(tensor, 0)

    def terms(self, tensor: Tensor) -> np.ndarray | None:
        """Returns the sum of the sizes of a value's summands, to which its rounding errors are relative."""
        value = self.get(tensor)
        if value is None or value.dtype.kind != "f":
            return value
        node = self.model.nodes[tensor[0]]
        parts = [self.terms(source) for source in node.inputs] if node.op in (*_SUMS, "Mul", *_REACHED) else []
        if node.op in _REACHED and parts and parts[0] is not None:
            return np.broadcast_to(parts[0].reshape(value.shape), value.shape)
        if len(parts) == 2 and parts[0] is not None and parts[1] is not None:
            return parts[0] * parts[1] if node.op == "Mul" else parts[0] + parts[1]
        return np.abs(value)

    def _get(self, tensor: Tensor, depth: int) -> np.ndarray | None:
        if tensor not in self._known:
            # Known as nothing while it is looked at, so that a circle ends.
            self._known[tensor] = None
            with np.errstate(all="ignore"):
                self._known[tensor] = self._evaluate(tensor, depth)
        return self._known[tensor]

    def _evaluate(self, tensor: Tensor, depth: int) -> np.ndarray | None:
        node = self.model.nodes[tensor[0]]
        # All ops of the table have one output; what a loop carries is another value each round.
        if tensor[1] or depth > _MAX_DEPTH or node.carried is not None:
            return None
        if node.id in self.model.variables.by_node:
            return self._variable(node)
        if node.op == "Const":
            stated = node.attr("value")
            return _wide(consts.tensor_value(stated.tensor)) if stated is not None else None
        if node.op in PASSING:
            return self._get(node.inputs[0], depth + 1)
        if node.op not in _FUNCTIONS and node.op not in ("Cast", "Squeeze"):
            return None
        inputs = []
        for source in node.inputs:
            value = self._get(source, depth + 1)
            if value is None:
                return None
            inputs.append(value)
        try:
            return self._apply(node, inputs)
        # Shapes that do not fit are a fault of the graph, which fails when it runs; here it is just not known.
        except (ValueError, TypeError, IndexError):
            return None

    def _apply(self, node: Node, inputs: list[np.ndarray]) -> np.ndarray | None:
        if node.op == "Cast":
            target = node.attr("DstT")
            # A cast to float16 or to whole numbers changes values, and float64 would hide it.
            return inputs[0] if consts.dtype_name(target.type) in _WIDE[1:] and inputs[0].dtype.kind == "f" else None
        if node.op == "Squeeze":
            return np.squeeze(inputs[0], tuple(squeezed(node)) or None)
        return np.asarray(_FUNCTIONS[node.op](*inputs))

    def _variable(self, node: Node) -> np.ndarray | None:
        variable = self.model.variables.by_node[node.id]
        if self.values is not None:
            return _wide(self.values.get(variable.name))
        known = variable.dtype in _WIDE and variable.shape is not None and None not in variable.shape
        return np.ones(variable.shape) if known else None  # type: ignore[arg-type]


def squeezed(node: Node) -> list[int]:
    """Returns the axes that a Squeeze names; none when it takes all of size 1."""
    stated = node.attr("squeeze_dims")
    return list(stated.list.i) if stated is not None else []


def _wide(value: Any) -> np.ndarray | None:
    if value is None:
        return None
    array = np.asarray(value)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
