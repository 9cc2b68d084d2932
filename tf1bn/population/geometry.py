"""Over which axes the moments of one call are taken."""

from __future__ import annotations

from collections.abc import Sequence

from tf1bn import errors
from tf1bn.core import axes as axes_lib
from tf1bn.core.axes import Axes
from tf1bn.graph import ops
from tf1bn.graph.model import GraphModel
from tf1bn.population.targets import Call


def resolve(
    model: GraphModel,
    call: Call,
    dims: Sequence[int | None] | None,
    mean_dims: Sequence[int | None] | None,
    width: int | None,
) -> Axes:
    """Returns the geometry of a call.

    The channel axis is what the record of the layer, the format of the fused op, or the axes of its own moments say;
    where there is none of these, the axis along which its averages are broadcast.

    Args:
      dims: static shape of the input, None for an unknown rank.
      mean_dims: static shape of the mean that the arithmetic subtracts, None where unknown.
      width: number of channels.

    Raises:
      ShapeError: the rank is unknown, outside 2 to 5, or the averages do not fit.
    """
    if dims is None:
        return axes_lib.resolve(None, -1)
    kept = _kept(model, call, len(dims), mean_dims)
    # Averages have a static width where the input may have lost its own.
    filled = [width if size is None and [place] == kept else size for place, size in enumerate(dims)]
    axes = axes_lib.resolve(filled, kept)
    channels = 1
    for place in axes.kept:
        channels *= int(filled[place] or 0)
    if width is not None and channels != width:
        raise errors.ShapeError(
            errors.explain("its averages do not fit its input", got=width, expected=f"{channels} channels of {dims}")
        )
    return axes


def _kept(model: GraphModel, call: Call, rank: int, mean_dims: Sequence[int | None] | None) -> list[int]:
    if call.record is not None:
        return list(call.record["axis"])
    if call.normalizer.data_format:
        return [call.normalizer.data_format.index("C")] if rank > 2 else [rank - 1]
    for number, _ in sorted(call.site.moments):
        node = model.nodes[number]
        reduced = model.flow.reduced_axes(number) if node.op in ops.REDUCE else None
        # Only a moment of the input itself: one of a reshaped input counts other axes.
        if reduced and model.flow.strip(node.inputs[0]) == model.flow.strip(call.x):
            return [place for place in range(rank) if place not in {axis % rank for axis in reduced}]
    if mean_dims is not None and len(mean_dims) == rank:
        return [place for place, size in enumerate(mean_dims) if size != 1] or [rank - 1]
    return [rank - 1]
