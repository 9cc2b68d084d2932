"""Which axes are kept, which are reduced, and the shapes that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors

MIN_RANK, MAX_RANK = 2, 5


class Axes(NamedTuple):
    """The geometry of one batch norm.

    Attributes:
      rank: rank of the input, 2 to 5.
      kept: the channel axes, non-negative and sorted.
      reduced: all other axes.
      parameter_shape: shape of gamma, beta and the averages: ``[C]`` for one channel axis; for several the
        input's rank, with 1 at each reduced axis, as tf.layers has it.
      broadcast_shape: the shape in which parameters broadcast against the input.
      values_per_channel: product of the reduced dimensions, None where one is unknown.
    """

    rank: int
    kept: tuple[int, ...]
    reduced: tuple[int, ...]
    parameter_shape: tuple[int, ...]
    broadcast_shape: tuple[int, ...]
    values_per_channel: int | None


def resolve(dims: Sequence[int | None] | None, axis: int | Sequence[int]) -> Axes:
    """Returns the geometry for an input of static shape ``dims`` normalised per entry of ``axis``.

    Args:
      dims: static dimensions, None for an unknown one; None for an unknown rank.
      axis: the channel axis or axes, negative counts from the end.

    Raises:
      ShapeError: unknown rank, rank outside 2 to 5, or unknown or zero channel dimension.
      ArgumentError: ``axis`` outside the rank, given twice, or nothing left to reduce.
      ArgumentTypeError: ``axis`` is not an integer or a list of integers.
    """
    rank = _rank(dims)
    kept = _kept(axis, rank)
    for k in kept:
        _channel(dims, k)
    reduced = tuple(i for i in range(rank) if i not in kept)
    sizes = [dims[i] for i in reduced]
    broadcast_shape = tuple(dims[i] if i in kept else 1 for i in range(rank))
    return Axes(
        rank=rank,
        kept=kept,
        reduced=reduced,
        parameter_shape=(dims[kept[0]],) if len(kept) == 1 else broadcast_shape,
        broadcast_shape=broadcast_shape,
        values_per_channel=None if None in sizes else math.prod(sizes),
    )


def _rank(dims: Sequence[int | None] | None) -> int:
    if dims is None:
        raise errors.ShapeError(
            errors.explain(
                "the rank of `inputs` is unknown",
                expected=f"a known rank from {MIN_RANK} to {MAX_RANK}",
                fix="Give the tensor a static shape, for example tf.ensure_shape(x, [None, 28, 28, 32]).",
            )
        )
    if not MIN_RANK <= len(dims) <= MAX_RANK:
        raise errors.ShapeError(
            errors.explain(
                "`inputs` has a rank that batch normalization does not take",
                got=len(dims),
                expected=f"{MIN_RANK} to {MAX_RANK}",
                fix="Reshape to [batch, ..., channels].",
            )
        )
    return len(dims)


def _kept(axis: int | Sequence[int], rank: int) -> tuple[int, ...]:
    if not isinstance(axis, (list, tuple)):
        return (_axis(axis, rank),)
    kept = tuple(sorted(_axis(a, rank) for a in axis))
    if not kept or len(set(kept)) < len(kept) or len(kept) == rank:
        raise errors.ArgumentError(
            errors.explain(
                "`axis` must name each channel axis once and leave one to average over",
                got=axis,
                expected=f"1 to {rank - 1} different axes",
            )
        )
    return kept


def _axis(axis: Any, rank: int) -> int:
    if isinstance(axis, (bool, np.bool_)) or not isinstance(axis, (int, np.integer)):
        raise errors.ArgumentTypeError(errors.explain("`axis` must be an integer or a list of integers", got=axis))
    if not -rank <= axis < rank:
        raise errors.ArgumentError(
            errors.explain("`axis` is outside the input's rank", got=int(axis), expected=f"{-rank} to {rank - 1}")
        )
    return int(axis) % rank


def _channel(dims: Sequence[int | None], axis: int) -> None:
    if not dims[axis]:
        raise errors.ShapeError(
            errors.explain(
                f"the channel dimension (axis {axis}) of `inputs` is {'unknown' if dims[axis] is None else 'zero'}",
                expected="a positive static size, since gamma, beta and the averages have that shape",
                fix="Set it with tf.ensure_shape, or pass the axis that holds the channels.",
            )
        )
