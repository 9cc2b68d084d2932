"""In which order the features of a flat tensor stand: channel by channel, or position by position.

Images are channels last in most TensorFlow 1 graphs and channels first elsewhere. Where a stack of maps is flattened,
or a vector becomes a stack of maps, the features of every layer around are in another order there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, cast

from tf1bn.convert.reader import Reader, attribute
from tf1bn.graph import ops
from tf1bn.graph.flow import Flow
from tf1bn.graph.nodes import Node, Tensor, in_gradient

ELEMENTWISE = {
    "Identity", "IdentityN", "Cast", "StopGradient", "CheckNumerics", "PlaceholderWithDefault", "Snapshot",
    "Relu", "Relu6", "Elu", "Selu", "LeakyRelu", "Softplus", "Softsign", "Sigmoid", "Tanh", "Exp", "Log", "Abs", "Sqrt",
    "Rsqrt", "Square", "Neg", "Maximum", "Minimum", "Mul", "Add", "AddV2", "AddN", "Sub", "RealDiv", "Div", "BiasAdd",
    "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx", "BatchNormWithGlobalNormalization",
    "Switch", "RefSwitch", "Merge", "RefMerge", "Select", "SelectV2", "EnsureShape", "PreventGradient", "_Arg", "Enter",
    "Exit", "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxArgs", "SquaredDifference", "ClipByValue", "Pow", "MulNoNan",
}  # fmt: skip
_FORMATTED = (
    "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2", "MaxPool", "AvgPool",
    "MaxPool3D", "AvgPool3D", "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "_FusedBatchNormEx",
    "FractionalMaxPool", "LRN", "SpaceToDepth", "DepthToSpace", "MaxPoolV2", "ResizeBilinear", "ResizeNearestNeighbor",
)  # fmt: skip
_KEEPS_LAYOUT = {"Pad", "PadV2", "MirrorPad", "ConcatV2", "Mean", "Max", "BatchToSpaceND", "SpaceToBatchND", "Slice"}
_FAR = 4000


class Order(NamedTuple):
    """How features came from maps, or become maps: so many channels at each position; 0 channels where unknown.

    Attributes:
      where: the op that flattens, or shapes.
    """

    channels: int
    channels_last: bool | None
    where: str


def layout(flow: Flow, tensor: Tensor) -> str:
    """Returns what the axes of a tensor of maps are, such as ``NHWC``; empty where the graph does not say."""
    return _layout_before(flow, tensor) or _layout_after(flow, tensor)


def _default(node: Node) -> str:
    stated = str(attribute(node, "data_format", ""))
    return stated.replace("_VECT_C", "") or ("NDHWC" if "3D" in node.op else "NHWC")


def _layout_before(flow: Flow, tensor: Tensor) -> str:
    moves: list[Callable[[str], str]] = []
    seen: set[Tensor] = set()
    while tensor not in seen and len(seen) < _FAR:
        seen.add(tensor)
        node = flow.nodes[tensor[0]]
        if node.op in _FORMATTED:
            found = _default(node)
            for move in reversed(moves):
                found = move(found)
            return found
        if tensor[0] in flow.bodies:  # what a branch returns; all branches of a layer give the same axes
            returns = flow.bodies[tensor[0]][-1].returns
            if tensor[1] >= len(returns):
                return ""
            tensor = returns[tensor[1]]
            continue
        if node.op in ("Transpose", "Squeeze", "ExpandDims"):
            moved = _move(flow, node)
            if moved is None:
                return ""
            moves.append(moved)
            tensor = node.inputs[0]
            continue
        if node.op not in ELEMENTWISE and node.op not in _KEEPS_LAYOUT:
            return ""
        rank = flow.rank(tensor)
        same = [item for item in node.inputs if rank is None or flow.rank(item) in (rank, None)]
        if not same:
            return ""
        tensor = same[0]
    return ""


def _move(flow: Flow, node: Node) -> Callable[[str], str] | None:
    """Returns what an op that moves axes does to the letters of its input; None where the graph does not say."""
    if node.op == "Squeeze":
        gone = {int(axis) for axis in attribute(node, "squeeze_dims") or attribute(node, "axis") or ()}
        if not gone:
            return None
        return lambda text: "".join(letter for at, letter in enumerate(text) if at not in {g % len(text) for g in gone})
    value = flow.constant(node.inputs[1])
    if value is None:
        return None
    axes = tuple(int(axis) for axis in value.reshape(-1))
    if node.op == "ExpandDims":
        at = axes[0]
        return lambda text: text[: at % (len(text) + 1)] + "1" + text[at % (len(text) + 1) :]
    return lambda text: "".join(text[axis] for axis in axes) if len(axes) == len(text) else ""


def _layout_after(flow: Flow, tensor: Tensor) -> str:
    todo, seen = [tensor], {tensor}
    rank = flow.rank(tensor)
    while todo and len(seen) < _FAR:
        number, output = todo.pop(0)
        for user, position, which in flow.users[number]:
            node = flow.nodes[user]
            if which != output or in_gradient(node.name) or position < 0:
                continue
            takes = 2 if "BackpropInput" in node.op else 0
            if node.op in _FORMATTED and position == takes:
                return _default(node)
            if node.op == "Transpose" and position == 0:
                axes = flow.constant(node.inputs[1])
                later = _layout_after(flow, (user, 0)) if axes is not None and len(seen) < 100 else ""
                if axes is not None and len(later) == axes.size:
                    found = [""] * axes.size
                    for at, axis in enumerate(axes.reshape(-1)):
                        found[int(axis)] = later[at]
                    return "".join(found)
            same = flow.rank((user, 0)) in (rank, None)
            if (node.op in ELEMENTWISE or node.op in _KEEPS_LAYOUT) and same and (user, 0) not in seen:
                seen.add((user, 0))
                todo.append((user, 0))
    return ""


def incoming(reader: Reader, tensor: Tensor) -> Order | None:
    """Returns how the features of a flat tensor came from maps; None where they did not.

    A reshape that leaves one position only, as after global pooling, orders nothing.
    """
    flow, seen, todo = reader.flow, {tensor}, [tensor]
    while todo and len(seen) < _FAR:
        current = todo.pop()
        node = flow.nodes[current[0]]
        steps: list[Tensor] = []
        if node.op in ("Reshape", "Squeeze", "ExpandDims"):
            before, after = flow.shape(node.inputs[0]), flow.shape(current)
            if _flattens(before, after):
                return _order(flow, node.inputs[0], node.name)
            steps = node.inputs[:1] if _same_features(before, after) else []
        elif current[0] in flow.bodies:  # what a branch returns
            steps = [body.returns[current[1]] for body in flow.bodies[current[0]] if current[1] < len(body.returns)]
        elif node.op in ELEMENTWISE:
            steps = node.inputs[1:] if node.op in ("Select", "SelectV2") else list(node.inputs)
        for step in steps:
            if step not in seen and reader.flow.rank(step) != 0:
                seen.add(step)
                todo.append(step)
    return None


def outgoing(reader: Reader, tensor: Tensor) -> Order | None:
    """Returns how the features of a flat tensor become maps further on; None where they do not."""
    flow, seen, todo = reader.flow, {tensor}, [tensor]
    while todo and len(seen) < _FAR:
        number, output = todo.pop(0)
        for user, position, which in flow.users[number]:
            node = flow.nodes[user]
            if which != output or in_gradient(node.name):
                continue
            result = (user, 0) if position >= 0 else (user, ~position)
            if position < 0:  # what a branch returns comes out of its call
                pass
            elif node.op in ("Reshape", "Squeeze", "ExpandDims") and position == 0:
                before, after = flow.shape((number, output)), flow.shape(result)
                if _flattens(after, before):
                    return _order(flow, result, node.name)
                if not _same_features(before, after):
                    continue
            elif node.op not in ELEMENTWISE:
                continue
            if node.op in ops.SWITCHES and (user, 1) not in seen:
                seen.add((user, 1))
                todo.append((user, 1))
            if result not in seen:
                seen.add(result)
                todo.append(result)
    return None


Sizes = tuple[int | None, ...] | None


def _flattens(maps: Sizes, flat: Sizes) -> bool:
    """Whether a reshape makes features of maps that have more than one position; rows of a sequence are none."""
    if maps is None or flat is None or len(maps) < 3 or len(flat) != 2:
        return False
    inner, size = maps[1:], flat[1]
    if _known(inner):
        return size in (None, math.prod(cast(tuple[int, ...], inner))) and sum(one != 1 for one in inner) > 1
    return size is None or size != maps[-1]


def _known(sizes: tuple[int | None, ...]) -> bool:
    return all(size is not None for size in sizes)


def _same_features(before: Sizes, after: Sizes) -> bool:
    """Whether a reshape adds or takes away axes of size 1 only."""
    if before is None or after is None:
        return False
    return [size for size in before[1:] if size != 1] == [size for size in after[1:] if size != 1]


def _order(flow: Flow, maps: Tensor, where: str) -> Order:
    shape, axes = flow.shape(maps) or (), layout(flow, maps)
    if len(axes) != len(shape) or "C" not in axes:
        return Order(1 if shape and shape[-1] == 1 else 0, None, where)  # one channel stands in one order only
    last = axes.endswith("C")
    return Order(shape[axes.index("C")] or 0, last, where)
