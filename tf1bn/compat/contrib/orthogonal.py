"""Initializers of kernels that keep the norm of what they convolve: tf.contrib.framework's ``convolutional_*``.

Xiao et al., 2018, Dynamical Isometry and a Mean Field Theory of CNNs: algorithm 1 for the three ``orthogonal_*``,
algorithm 2 for the delta. The norm is kept exactly where the borders are periodic.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


class _Isometry(abc.ABC):
    """What the initializers share: a gain, a seed, and the check of shapes."""

    ranks: tuple[int, ...] = ()

    def __init__(self, gain: float = 1.0, seed: int | None = None, dtype: Any = tf.float32) -> None:
        self.gain = gain
        self.seed = seed
        self.dtype = tf.as_dtype(dtype)
        if not self.dtype.is_floating:
            raise errors.ArgumentError(
                errors.explain("`dtype` must be floating point", got=self.dtype.name), where=type(self).__name__
            )
        self._draws = 0

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> tf.Tensor:
        """Returns a kernel of ``shape``: the window, then channels in and out."""
        sizes = [int(size) for size in shape]
        kind = self.dtype if dtype is None else tf.as_dtype(dtype)
        with errors.located(type(self).__name__, shape=sizes):
            self._check(sizes)
            return self._kernel(sizes, kind) * tf.cast(self.gain, kind)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**{name: getattr(self, name) for name in ("gain", "seed")}, "dtype": self.dtype.name}

    def _check(self, sizes: Sequence[int]) -> None:
        if len(sizes) not in self.ranks:
            raise errors.ShapeError(
                errors.explain(
                    "the rank of the kernel is not possible", got=len(sizes), expected=f"one of {self.ranks}"
                )
            )
        if sizes[-2] > sizes[-1]:
            raise errors.ShapeError(
                errors.explain("a kernel that keeps norms cannot have more channels in than out", got=sizes[-2:])
            )

    @abc.abstractmethod
    def _kernel(self, sizes: Sequence[int], dtype: tf.DType) -> tf.Tensor:
        """Returns a kernel of gain 1."""

    def _normal(self, sizes: Sequence[int], dtype: tf.DType) -> tf.Tensor:
        seed = None if self.seed is None else self.seed + self._draws
        self._draws += 1
        return tf.random_normal(sizes, dtype=dtype, seed=seed)

    def _rotation(self, size: int, dtype: tf.DType) -> tf.Tensor:
        """Returns an orthogonal matrix; the signs make all of them equally likely."""
        q, r = tf.linalg.qr(self._normal([size, size], dtype))
        return q * tf.sign(tf.linalg.diag_part(r))


class convolutional_delta_orthogonal(_Isometry):  # contrib's name
    """Makes kernels that are an orthogonal matrix in the middle of the window, and zero elsewhere."""

    ranks = (3, 4, 5)

    def _kernel(self, sizes: Sequence[int], dtype: tf.DType) -> tf.Tensor:
        middle = self._rotation(sizes[-1], dtype)[: sizes[-2]]
        place = [[(size - 1) // 2 for size in sizes[:-2]]]
        return tf.scatter_nd(place, middle[None], sizes)


class _Orthogonal(_Isometry):
    """A rotation, widened along each axis by pairs of a projection and its complement."""

    def _check(self, sizes: Sequence[int]) -> None:
        super()._check(sizes)
        if len(set(sizes[:-2])) > 1:
            raise errors.ShapeError(errors.explain("the window must have equal sides", got=sizes[:-2]))

    def _kernel(self, sizes: Sequence[int], dtype: tf.DType) -> tf.Tensor:
        axes = range(len(sizes) - 2)
        made = tf.reshape(self._rotation(sizes[-1], dtype)[: sizes[-2]], [*(1 for _ in axes), *sizes[-2:]])
        for _ in range(sizes[0] - 1):
            for axis in axes:
                made = self._widened(made, axis, dtype)
        return made

    def _widened(self, kernel: tf.Tensor, axis: int, dtype: tf.DType) -> tf.Tensor:
        """Returns the kernel convolved with [P, 1 - P] along an axis; P is a random symmetric projection."""
        size = kernel.shape.as_list()[-1]
        kept = self._rotation(size, dtype) * tf.cast(self._normal([size], dtype) > 0, dtype)
        projected = tf.tensordot(kernel, tf.matmul(kept, kept, transpose_b=True), 1)
        after = [[0, int(place == axis)] for place in range(kernel.shape.rank)]
        return tf.pad(projected, after) + tf.pad(kernel - projected, [pair[::-1] for pair in after])


class convolutional_orthogonal_1d(_Orthogonal):  # contrib's name
    """Makes kernels ``[size, in, out]`` that keep norms."""

    ranks = (3,)


class convolutional_orthogonal_2d(_Orthogonal):  # contrib's name
    """Makes kernels ``[size, size, in, out]`` that keep norms."""

    ranks = (4,)


class convolutional_orthogonal_3d(_Orthogonal):  # contrib's name
    """Makes kernels ``[size, size, size, in, out]`` that keep norms."""

    ranks = (5,)
