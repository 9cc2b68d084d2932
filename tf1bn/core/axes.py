"""Which axes are kept, which are reduced, and the shapes that follow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf1bn import errors

MIN_RANK, MAX_RANK = 2, 5


class Axes(NamedTuple):
    """The geometry of one batch norm.

    Attributes:
      rank: rank of the input, 2 to 5.
      kept: the channel axes, non-negative and sorted.
      reduced: all other axes.
      parameter_shape: shape of gamma, beta and the averages.
      broadcast_shape: ``parameter_shape`` with 1 at each reduced axis.
      values_per_channel: product of the reduced dimensions, None where one is unknown.
    """

    rank: int
    kept: tuple[int, ...]
    reduced: tuple[int, ...]
    parameter_shape: tuple[int, ...]
    broadcast_shape: tuple[int, ...]
    values_per_channel: int | None

    @property
    def trailing(self) -> bool:
        """Whether parameters broadcast against the input without a reshape."""
        return self.kept == tuple(range(self.rank - len(self.kept), self.rank))


def resolve(dims: Sequence[int | None] | None, axis: int) -> Axes:
    """Returns the geometry for an input of static shape ``dims`` normalised per entry of ``axis``.

    Args:
      dims: static dimensions, None for an unknown one; None for an unknown rank.
      axis: the channel axis, negative counts from the end.

    Raises:
      ShapeError: unknown rank, rank outside 2 to 5, or unknown or zero channel dimension.
      ArgumentError: ``axis`` outside the rank.
      ArgumentTypeError: ``axis`` is not an integer.
    """
    rank = _rank(dims)
    kept = (_axis(axis, rank),)
    for k in kept:
        _channel(dims, k)
    reduced = tuple(i for i in range(rank) if i not in kept)
    sizes = [dims[i] for i in reduced]
    return Axes(
        rank=rank,
        kept=kept,
        reduced=reduced,
        parameter_shape=tuple(dims[k] for k in kept),
        broadcast_shape=tuple(dims[i] if i in kept else 1 for i in range(rank)),
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


def _axis(axis: int, rank: int) -> int:
    if isinstance(axis, (bool, np.bool_)) or not isinstance(axis, (int, np.integer)):
        raise errors.ArgumentTypeError(errors.explain("`axis` must be an integer", got=axis))
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
