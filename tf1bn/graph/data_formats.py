"""Op types that name the order of their dimensions, and what changes in a node when that order does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

LAST = {"NCHW": "NHWC", "NCDHW": "NDHWC"}
"""Channels-first formats -> the channels-last format of the same rank."""


class Formatted(NamedTuple):
    """How one op type depends on its `data_format`.

    Attributes:
      inputs: positions of inputs whose dimensions have that order.
      vectors: positions of inputs that hold one number for each dimension, such as a shape.
      output: the name of the first output where it has that order; empty for an op without such an output.
      cpu: whether TensorFlow runs it channels first on a CPU without oneDNN.
    """

    inputs: tuple[int, ...]
    vectors: tuple[int, ...] = ()
    output: str = "output"
    cpu: bool = False


FORMATTED = {
    "AvgPool": Formatted((0,)),
    "AvgPool3D": Formatted((0,)),
    "AvgPool3DGrad": Formatted((1,), (0,)),
    "AvgPoolGrad": Formatted((1,), (0,)),
    "BiasAdd": Formatted((0,), cpu=True),
    "BiasAddGrad": Formatted((0,), output="", cpu=True),
    "Conv2D": Formatted((0,)),
    "Conv2DBackpropFilter": Formatted((0, 2), output=""),
    "Conv2DBackpropInput": Formatted((2,), (0,)),
    "Conv3D": Formatted((0,)),
    "Conv3DBackpropFilterV2": Formatted((0, 2), output=""),
    "Conv3DBackpropInputV2": Formatted((2,), (0,)),
    "DepthToSpace": Formatted((0,)),
    "DepthwiseConv2dNative": Formatted((0,)),
    "DepthwiseConv2dNativeBackpropFilter": Formatted((0, 2), output=""),
    "DepthwiseConv2dNativeBackpropInput": Formatted((2,), (0,)),
    "FusedBatchNorm": Formatted((0,), output="y", cpu=True),
    "FusedBatchNormV2": Formatted((0,), output="y", cpu=True),
    "FusedBatchNormV3": Formatted((0,), output="y", cpu=True),
    "MaxPool": Formatted((0,)),
    "MaxPool3D": Formatted((0,)),
    "MaxPool3DGrad": Formatted((0, 1, 2)),
    "MaxPoolGrad": Formatted((0, 1, 2)),
    "MaxPoolV2": Formatted((0,), (1, 2)),
    "SpaceToDepth": Formatted((0,)),
}

_PER_DIMENSION = ("strides", "dilations", "ksize")


def channels_first(node: Any) -> str:
    """Returns the channels-first format that a node names, or the empty string."""
    value = node.attr["data_format"].s.decode() if "data_format" in node.attr else ""
    return value if value in LAST and node.op in FORMATTED else ""


def to_last(rank: int) -> list[int]:
    """Returns the order in which the dimensions of a channels-first tensor are channels last."""
    return [0, *range(2, rank), 1]


def to_first(rank: int) -> list[int]:
    """Returns the order in which the dimensions of a channels-last tensor are channels first."""
    return [0, rank - 1, *range(1, rank - 1)]


def make_last(node: Any) -> int:
    """Makes a channels-first node channels last, all but its inputs; returns the rank of what it works on."""
    given = channels_first(node)
    rank = len(given)
    node.attr["data_format"].s = LAST[given].encode()
    for key in _PER_DIMENSION:
        if len(node.attr[key].list.i) == rank if key in node.attr else False:
            _reorder(node.attr[key].list.i, [[axis] for axis in to_last(rank)])
    if "explicit_paddings" in node.attr and node.attr["explicit_paddings"].list.i:
        _reorder(node.attr["explicit_paddings"].list.i, [[2 * axis, 2 * axis + 1] for axis in to_last(rank)])
    return rank


def _reorder(numbers: Any, places: Sequence[Sequence[int]]) -> None:
    ordered = [numbers[place] for group in places for place in group]
    del numbers[:]
    numbers.extend(ordered)
