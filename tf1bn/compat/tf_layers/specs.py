"""``tf.layers.InputSpec``: what a layer asks of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


class InputSpec:
    """Rank, dtype and sizes that an input must have; None where anything goes.

    Attributes:
      dtype: the dtype, as given.
      shape: all sizes, None for an unknown one.
      ndim: the rank; that of ``shape`` where there is one.
      max_ndim, min_ndim: bounds of the rank.
      axes: size by axis; a negative axis counts from the end.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
    ) -> None:
        self.dtype, self.shape = dtype, shape
        self.ndim = ndim if shape is None else len(shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        bound = self.ndim if self.ndim is not None else self.max_ndim
        beyond = [axis for axis in self.axes if bound is not None and axis >= bound]
        if beyond:
            raise errors.ArgumentError(
                errors.explain("`axes` names an axis that the rank does not have", got=beyond[0]), where="InputSpec"
            )

    def __repr__(self) -> str:
        held = [f"{name}={value}" for name, value in vars(self).items() if value not in (None, {})]
        return f"InputSpec({', '.join(held)})"

    def require(self, x: Any) -> None:
        """Refuses a tensor that does not fit.

        Raises:
          ShapeError: rank or sizes differ.
          ArgumentError: the dtype differs.
        """
        shape = tf.TensorShape(x.shape)
        if self.dtype is not None and tf.as_dtype(self.dtype) != x.dtype.base_dtype:
            raise errors.ArgumentError(
                errors.explain("`inputs` have another dtype", got=x.dtype.name, expected=str(self.dtype))
            )
        if shape.rank is not None and self.ndim not in (None, shape.rank):
            raise errors.ShapeError(errors.explain(f"`inputs` must have rank {self.ndim}", got=str(shape)))
        if shape.rank is not None and not (self._fits_rank(shape.rank) and self._fits_sizes(shape.as_list())):
            raise errors.ShapeError(errors.explain("`inputs` do not fit", got=str(shape), expected=repr(self)))

    def _fits_rank(self, rank: int) -> bool:
        below = self.max_ndim is None or rank <= self.max_ndim
        return below and (self.min_ndim is None or rank >= self.min_ndim)

    def _fits_sizes(self, dims: list[int | None]) -> bool:
        wanted = dict(self.axes)
        if self.shape is not None:
            wanted.update(enumerate(tf.TensorShape(self.shape).as_list()))
        for axis, size in wanted.items():
            if not -len(dims) <= axis < len(dims):
                return False
            if size is not None and dims[axis] not in (size, None):
                return False
        return True
