"""Axes, layouts and sizes of the batch norms of a graph, as far as its static shapes tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn.graph import ops
from tf1bn.graph.site import Site

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

_LAID_OUT = (
    "Conv2D",
    "DepthwiseConv2dNative",
    "MaxPool",
    "AvgPool",
    "BiasAdd",
    "Conv2DBackpropInput",
    "FusedBatchNormV3",
)
_BETWEEN = ("Relu", "Relu6", "Elu", "LeakyRelu", "Identity", "Sigmoid", "Tanh")
_BY_FORMAT = {"NHWC": (0, 1, 2), "NCHW": (0, 2, 3), "NDHWC": (0, 1, 2, 3), "NCDHW": (0, 2, 3, 4)}


def reduced(model: GraphModel, site: Site) -> frozenset[int] | None:
    """The axes that a site takes its moments over, or None when the graph does not say."""
    item = site.normalizers[0]
    if item.fused:
        return frozenset(_BY_FORMAT.get(item.data_format, ())) or None
    for number, _ in sorted(site.mean_moments):
        if model.nodes[number].op in ops.REDUCE:
            axes = model.flow.reduced_axes(number)
            return frozenset(axes) if axes is not None else None
        for other in site.normalizers:
            if other.node.id == number:
                return frozenset(_BY_FORMAT.get(other.data_format, ())) or None
    return None


def values_per_channel(model: GraphModel, site: Site) -> int | None:
    """How many values a batch moment is taken over, where the static shape says so."""
    axes = reduced(model, site)
    shape = model.flow.shape(_moment_input(model, site))
    if axes is None or shape is None or not shape or max(axes) >= len(shape):
        return None
    count = 1
    for axis in axes:
        size = shape[axis]
        if size is None:
            return None
        count *= size
    return count


def layout_before(model: GraphModel, site: Site) -> tuple[str, str]:
    """The data_format and the name of the layer that feeds a site, or two empty strings."""
    tensor = model.flow.strip(site.x)
    for _ in range(4):
        node = model.nodes[tensor[0]]
        if node.op in _LAID_OUT:
            value = node.attr("data_format")
            layout = value.s.decode() if value is not None and value.s else "NHWC"
            return (
                (layout, node.name) if layout in ("NHWC", "NCHW") and model.flow.rank(tensor) in (4, None) else ("", "")
            )
        if node.op not in _BETWEEN or not node.inputs:
            break
        tensor = model.flow.strip(node.inputs[0])
    return "", ""


def _moment_input(model: GraphModel, site: Site) -> tuple[int, int]:
    """The tensor that the mean is taken of; for a fused op its input."""
    for number, _ in sorted(site.mean_moments):
        if model.nodes[number].op in ops.REDUCE:
            return model.nodes[number].inputs[0]
    return site.x
