"""Bilinear resizing of image stacks in NumPy."""

from __future__ import annotations

import numpy as np

from tf1bn import errors
from tf1bn.datasets import counts


def bilinear(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes every image by linear interpolation between pixel centres, corner on corner.

    Output row ``i`` of ``height`` lies at ``i * (H - 1) / (height - 1)`` on the input rows ``0 .. H - 1``. With
    ``low`` the whole part of that place and ``f`` the rest,

        output[i] = (1 - f) * input[low] + f * input[low + 1]

    and columns go the same way, so ``output = rows @ image @ columns.T`` with two fixed matrices whose rows are
    non-negative and sum to 1. Hence the four corners keep their values, a constant image stays constant, a
    linear ramp stays a linear ramp between the same two ends, and no value leaves the range of the input.
    An output axis of length 1 takes the first pixel.

    Shapes:
      images ``[..., H, W]`` of any real dtype -> float32 ``[..., height, width]``. The sums are made in float64.

    Args:
      images: at least two dimensions; H and W at least 1.
      height: rows of the output, at least 1.
      width: columns of the output, at least 1.

    Raises:
      ShapeError: ``images`` has no rows or columns to interpolate.
      ArgumentTypeError: ``height`` or ``width`` is not an integer.
      ArgumentError: ``height`` or ``width`` is less than 1.

    Example:
      >>> bilinear(np.array([[0, 2], [4, 6]]), 3, 3)
      array([[0., 1., 2.],
             [2., 3., 4.],
             [4., 5., 6.]], dtype=float32)
    """
    with errors.located("resize.bilinear"):
        if images.ndim < 2 or 0 in images.shape[-2:]:
            raise errors.ShapeError(
                errors.explain("`images` has no pixels", got=images.shape, expected="[..., H, W] with H, W >= 1")
            )
        rows = _weights(images.shape[-2], counts.whole("height", height, minimum=1))
        columns = _weights(images.shape[-1], counts.whole("width", width, minimum=1))
        resized: np.ndarray = rows @ images @ columns.T
        return resized.astype(np.float32)


def _weights(size: int, wanted: int) -> np.ndarray:
    """Returns the interpolation matrix ``[wanted, size]``; places are kept as exact fractions until the end."""
    step = max(wanted - 1, 1)
    low, rest = np.divmod(np.arange(wanted) * (size - 1), step)
    high = np.minimum(low + 1, size - 1)
    weights = np.zeros((wanted, size))
    index = np.arange(wanted)
    weights[index, low] += 1 - rest / step
    weights[index, high] += rest / step
    return weights
