"""In which order the features of a flat tensor stand: channel by channel, or position by position.

Images are channels last in most TensorFlow 1 graphs and channels first elsewhere. Where a stack of maps is flattened,
or a vector becomes a stack of maps, the features of every layer around are in another order there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
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
_RESHAPES = ("Reshape", "Squeeze", "ExpandDims")
_MIXES = {
    "ConcatV2", "Concat", "Slice", "StridedSlice", "Split", "SplitV", "Pack", "Unpack", "Tile", "Gather", "GatherV2",
    "Pad", "PadV2", "MirrorPad", "ReverseV2", "Transpose",
}  # fmt: skip
"""Ops that join features, cut them, or move them."""

_STEPS = ("TensorArrayReadV3", "TensorListGetItem")
_LISTS = {"TensorArrayScatterV3": 2, "TensorListFromTensor": 0}
_FAR = 4000
_NEAR = 60
Sizes = tuple[int | None, ...] | None


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


def order(reader: Reader, tensor: Tensor, size: int | None = None) -> Order | None:
    """Returns how the features of a flat tensor came from maps, or become maps; None where they do neither.

    What is added to features, or multiplied with them, has their order; so all tensors that elementwise ops connect
    are looked at. A reshape that leaves one position only, as after global pooling, orders nothing.

    Args:
      reader: has the graph.
      tensor: of shape ``[n, features]``.
      size: how many features there are, where its static shape does not say.
    """
    walk = _Walk(reader.flow, size or _width(reader.flow.shape(tensor)))
    found = walk.all(tensor)
    known = {(item.channels, item.channels_last) for item in found}
    if len(known) > 1:
        ordering = [item for item in found if item.channels_last is not False and item.channels != 1]
        return ordering[0]._replace(channels=0, channels_last=None) if ordering else found[0]
    return found[0] if found else None


class _Walk:
    """Goes from a flat tensor to all that have its features in its order."""

    def __init__(self, flow: Flow, size: int | None) -> None:
        self._flow, self._size = flow, size

    def all(self, tensor: Tensor) -> list[Order]:
        """Returns every order that the graph states, and one that is unknown where features are mixed."""
        seen, todo, found = {tensor}, [tensor], []
        while todo and len(seen) < _FAR:
            current = todo.pop()
            for step in [*self._up(current), *self._down(current)]:
                if isinstance(step, Order):
                    found.append(step)
                elif step not in seen and self._fits(step):
                    seen.add(step)
                    todo.append(step)
        return found

    def _fits(self, tensor: Tensor) -> bool:
        """Whether a tensor may have these features: it has one axis of their size, beside the batch."""
        shape = self._flow.shape(tensor)
        if shape is None:
            return True
        inner = [size for size in shape[1:] if size != 1] if len(shape) > 1 else list(shape)
        return len(inner) == 1 and (inner[0] is None or self._size is None or inner[0] == self._size)

    def _sizes(self, tensor: Tensor) -> Sizes:
        """Returns a static shape, with the number of features where only that is open."""
        shape = self._flow.shape(tensor)
        return (shape[0], self._size) if shape is not None and len(shape) == 2 and shape[1] is None else shape

    def _up(self, tensor: Tensor) -> Iterator[Tensor | Order]:
        flow, node = self._flow, self._flow.nodes[tensor[0]]
        if node.op in _RESHAPES:
            before, after = self._sizes(node.inputs[0]), self._sizes(tensor)
            if _flattens(before, after):
                yield _order(flow, node.inputs[0], node.name)
            elif _same_features(before, after):
                yield node.inputs[0]
            elif self._from_maps(node.inputs[0], before, after):
                yield Order(0, None, node.name)
        elif tensor[0] in flow.bodies:  # what a branch returns
            yield from (body.returns[tensor[1]] for body in flow.bodies[tensor[0]] if tensor[1] < len(body.returns))
        elif node.op in ELEMENTWISE:
            yield from node.inputs[1:] if node.op in ("Select", "SelectV2") else node.inputs
        elif node.op in _STEPS:
            sequence = self._listed(tensor)
            if sequence is not None and self._in_rows(sequence):
                yield Order(0, None, node.name)
        elif node.op in _MIXES and any(self._mixed(item) for item in node.inputs):
            yield Order(0, None, node.name)

    def _from_maps(self, tensor: Tensor, before: Sizes, after: Sizes) -> bool:
        """Whether a reshape puts several positions of maps into one row, or mixes what was flattened before."""
        if before and after and before[-1] == after[-1] and before[-1] is not None:
            return self._in_rows(tensor)  # what was a row stays one
        maps = before is not None and len(before) > 2 and layout(self._flow, tensor).endswith("C")
        return maps or self._ordered(tensor)

    def _in_rows(self, tensor: Tensor) -> bool:
        """Whether the last axis of a sequence holds several positions of maps."""
        flow = self._flow
        for _ in range(_NEAR):
            node = flow.nodes[tensor[0]]
            if node.op in _RESHAPES:
                before, after = flow.shape(node.inputs[0]), flow.shape(tensor)
                if not before or not after or before[-1] != after[-1]:
                    return bool(before) and len(before or ()) > 2 and layout(flow, node.inputs[0]).endswith("C")
                tensor = node.inputs[0]
            elif node.op in ELEMENTWISE or node.op == "Transpose":
                rank = flow.rank(tensor)
                same = [item for item in node.inputs if flow.rank(item) == rank]
                if not same:
                    return False
                tensor = same[0]
            else:
                return False
        return False

    def _listed(self, tensor: Tensor) -> Tensor | None:
        """Returns the sequence whose steps a loop takes one by one."""
        todo, seen = [tensor[0]], {tensor[0]}
        while todo and len(seen) < _NEAR:
            node = self._flow.nodes[todo.pop(0)]
            if node.op in _LISTS:
                return node.inputs[_LISTS[node.op]]
            fresh = [number for number, _ in node.inputs if number not in seen]
            seen.update(fresh)
            todo += fresh
        return None

    def _mixed(self, tensor: Tensor) -> bool:
        """Whether what an op joins, cuts or moves has an order of features that is another one elsewhere."""
        return self._in_rows(tensor) if (self._flow.rank(tensor) or 2) > 2 else self._ordered(tensor)

    def _ordered(self, tensor: Tensor) -> bool:
        """Whether features that are mixed further on have an order that is another one elsewhere."""
        flow, seen, todo = self._flow, {tensor}, [tensor]
        while todo and len(seen) < _FAR:
            current = todo.pop()
            node = flow.nodes[current[0]]
            if node.op in _RESHAPES and _flattens(flow.shape(node.inputs[0]), flow.shape(current)):
                found = _order(flow, node.inputs[0], node.name)
                if found.channels != 1 and found.channels_last is not False:
                    return True
                continue
            steps = node.inputs if node.op in ELEMENTWISE or node.op in _MIXES or node.op in _RESHAPES else []
            rows = [step for step in steps if (flow.rank(step) or 2) == 2]  # maps have their own axis of channels
            fresh = [step for step in rows if step not in seen]
            seen.update(fresh)
            todo += fresh
        return False

    def _down(self, tensor: Tensor) -> Iterator[Tensor | Order]:
        flow = self._flow
        for user, position, which in flow.users[tensor[0]]:
            node = flow.nodes[user]
            if which != tensor[1] or in_gradient(node.name):
                continue
            result = (user, 0) if position >= 0 else (user, ~position)
            if position < 0:  # what a branch returns comes out of its call
                yield result
            elif node.op in _RESHAPES and position == 0:
                before, after = self._sizes(tensor), self._sizes(result)
                if _flattens(after, before):
                    yield _order(flow, result, node.name)
                elif _same_features(before, after):
                    yield result
            elif node.op in ELEMENTWISE:
                yield result
                if node.op in ops.SWITCHES:
                    yield user, 1
            elif node.op in _MIXES and self._shaped(result):
                yield Order(0, None, node.name)

    def _shaped(self, tensor: Tensor) -> bool:
        """Whether features that were mixed become maps further on."""
        flow, seen, todo = self._flow, {tensor}, [tensor]
        while todo and len(seen) < _FAR:
            number, output = todo.pop()
            for user, position, which in flow.users[number]:
                node = flow.nodes[user]
                if which != output or position < 0 or in_gradient(node.name):
                    continue
                before, after = flow.shape((number, output)), flow.shape((user, 0))
                if node.op in _RESHAPES and position == 0 and _flattens(after, before):
                    return True
                on = node.op in ELEMENTWISE or node.op in _MIXES
                if on and (user, 0) not in seen and (flow.rank((user, 0)) or 2) == 2:
                    seen.add((user, 0))
                    todo.append((user, 0))
        return False


def _width(shape: Sizes) -> int | None:
    return shape[-1] if shape else None


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
    one, two = ([size for size in sizes[1:] if size != 1] for sizes in (before, after))
    return one == two and (None not in one or len(one) == 1)


def _order(flow: Flow, maps: Tensor, where: str) -> Order:
    shape, axes = flow.shape(maps) or (), layout(flow, maps)
    if len(axes) != len(shape) or "C" not in axes:
        return Order(1 if shape and shape[-1] == 1 else 0, None, where)  # one channel stands in one order only
    last = axes.endswith("C")
    return Order(shape[axes.index("C")] or 0, last, where)
