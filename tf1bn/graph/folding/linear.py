"""The layers that batch norm folds into: convolutions and matrix products, and where their kernels come from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from tf1bn.graph.folding.constants import PASSING, Constants
from tf1bn.graph.nodes import Node, Tensor
from tf1bn.graph.variables import VARIABLE_OPS, Variable

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

DEPTHWISE = "DepthwiseConv2dNative"
TRANSPOSED = ("Conv2DBackpropInput", "Conv3DBackpropInputV2")
# op -> (input that is x, input that is the kernel, axis of the kernel that holds the output channels)
_LAYERS = {
    "Conv2D": (0, 1, 3),
    "Conv3D": (0, 1, 4),
    DEPTHWISE: (0, 1, 2),
    "Conv2DBackpropInput": (2, 1, 2),
    "Conv3DBackpropInputV2": (2, 1, 3),
    "MatMul": (0, 1, 1),
    "BatchMatMul": (0, 1, 1),
    "BatchMatMulV2": (0, 1, 1),
    "BatchMatMulV3": (0, 1, 1),
}
HARMLESS = ("VarIsInitializedOp", "IsVariableInitialized", "SaveV2", "Save", "SaveSlices")
_RESHAPING = ("Reshape", "ExpandDims", "Squeeze", "Transpose")

View = tuple[int | None, ...]
"""The last axes of a tensor: the sizes of those that number the channels (row-major), None for the others."""


@dataclasses.dataclass(frozen=True, eq=False)
class Linear:
    """A convolution or matrix product as `y = kernel (x)`.

    Attributes:
      node: the op.
      x: its input.
      kernel: the tensor that it takes as its kernel.
      axis: the axis of the kernel that holds the output channels.
      rank: of the output; None when the op leaves it open.
      channels_first: whether axis 1 holds the channels.
    """

    node: Node
    x: Tensor
    kernel: Tensor
    axis: int
    rank: int | None
    channels_first: bool

    def view(self, channels: int) -> View:
        """Returns the channel axes of the output."""
        return (channels, *[None] * (self.rank - 2)) if self.channels_first and self.rank else (channels,)

    def channels(self, kernel: np.ndarray) -> int:
        """Returns the number of output channels."""
        return kernel.shape[2] * kernel.shape[3] if self.node.op == DEPTHWISE else kernel.shape[self.axis]

    def scaled(self, kernel: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Returns the kernel with each output channel multiplied by its number."""
        if self.node.op == DEPTHWISE:
            return kernel * scale.reshape(kernel.shape[2:])
        shape = [1] * kernel.ndim
        shape[self.axis] = -1
        return kernel * scale.reshape(shape)

    def inputs(self, kernel: np.ndarray) -> int:
        """Returns how many input channels one group of the kernel takes."""
        return kernel.shape[2] if self.node.op == DEPTHWISE else kernel.shape[self._inner(kernel)]

    def scaled_inputs(self, kernel: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Returns the kernel with each input channel multiplied by its number."""
        return kernel * self._spread(kernel, scale)

    def summed(self, kernel: np.ndarray, shift: np.ndarray) -> np.ndarray:
        """Returns what a constant input, one number per input channel, gives at each output channel."""
        product = kernel * self._spread(kernel, shift)
        if self.node.op == DEPTHWISE:
            return product.sum(axis=(0, 1)).ravel()
        return product.sum(axis=tuple(axis for axis in range(kernel.ndim) if axis != self.axis))

    def _inner(self, kernel: np.ndarray) -> int:
        return 1 - self.axis if kernel.ndim == 2 else self.axis - 1

    def _spread(self, kernel: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Returns one number per input channel where the kernel multiplies that channel, group by group."""
        if self.node.op == DEPTHWISE:
            return values.reshape((-1, 1))
        if kernel.ndim == 2:
            return values.reshape((1, -1) if self.axis == 0 else (-1, 1))
        inner, outer = kernel.shape[-2:]
        groups = values.size // inner
        return np.repeat(values.reshape(groups, inner).T, outer // groups, axis=1)


def linear(node: Node) -> Linear | None:
    """Returns a node as a linear layer, or None."""
    if node.op not in _LAYERS:
        return None
    x, kernel, axis = _LAYERS[node.op]
    rank: int | None = {"Conv3D": 5, "Conv3DBackpropInputV2": 5, "MatMul": 2}.get(node.op, 4)
    if node.op.endswith("MatMul") or node.op.startswith("BatchMatMul"):
        rank = 2 if node.op == "MatMul" else None
        flipped = node.attr("transpose_b") if node.op == "MatMul" else node.attr("adj_y")
        axis = 0 if flipped is not None and flipped.b else 1
    layout = node.attr("data_format")
    first = layout is not None and layout.s.startswith(b"NC")
    return Linear(node, node.inputs[x], node.inputs[kernel], axis, rank, first)


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel:
    """Where a parameter is kept: its variable or Const, and the ops between, the one nearest to the layer first."""

    leaf: Node
    variable: Variable | None
    path: tuple[Node, ...]

    def stored(self, value: np.ndarray, constants: Constants) -> np.ndarray:
        """Returns a value, as the layer takes it, in the shape in which the leaf keeps it."""
        for node in self.path:
            before = constants.get(node.inputs[0])
            assert before is not None
            if node.op == "Transpose":
                perm = constants.get(node.inputs[1])
                assert perm is not None
                value = np.transpose(value, np.argsort(np.ravel(perm)))
            else:
                value = np.reshape(value, before.shape)
        return value


def kernel_of(model: GraphModel, tensor: Tensor) -> Kernel | str:
    """Returns where a kernel or bias is kept, or why that is not known."""
    path: list[Node] = []
    while True:
        node = model.nodes[tensor[0]]
        if node.op in VARIABLE_OPS or node.op == "Const":
            return Kernel(node, model.variables.by_node.get(node.id), tuple(path))
        if node.op in ("ConcatV2", "Concat") and any(model.variables.of(item) is not None for item in node.inputs):
            return f"its kernel is a partitioned variable, joined by {node.name!r}"
        if node.op not in PASSING and node.op not in _RESHAPING:
            return f"its kernel is computed by the {node.op} {node.name!r}"
        path.append(node)
        tensor = node.inputs[0]


def other_users(model: GraphModel, leaf: Node, layer: int) -> list[Node]:
    """Returns what uses a parameter besides one layer, the reads, the Saver and the initializer."""
    found, seen, todo = [], {leaf.id}, [leaf.id]
    while todo:
        for number, position, _ in model.flow.users[todo.pop()]:
            user = model.nodes[number]
            written = user.op.startswith("Assign") and position == 0
            if number == layer or number in seen or written or user.op in HARMLESS:
                continue
            seen.add(number)
            if user.op in PASSING or user.op in _RESHAPING:
                todo.append(number)
            else:
                found.append(user)
    return found


def moved_by(variable: Variable) -> Node | None:
    """Returns an op that moves a variable while the program runs, or None."""
    return next((item.node for item in variable.writers if item.kind not in ("init", "restore", "load")), None)
