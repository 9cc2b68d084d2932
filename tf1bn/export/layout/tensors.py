"""What is known of a tensor while a graph is turned: its shape, and how the new graph holds it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from tf1bn.graph.data_formats import to_first, to_last

Shape = tuple[int | None, ...]


class Flat(NamedTuple):
    """A tensor whose last dimension holds an image in the order of channels last.

    Attributes:
      first: channels and then the sizes of the image, as the flattened dimension had them.
    """

    first: tuple[int, ...]

    def order(self) -> list[int]:
        """Returns, for each place of the new dimension, the place that it had in the old one."""
        channels, *image = self.first
        size = math.prod(image)
        return [channel * size + place for place in range(size) for channel in range(channels)]


def turned(shape: Sequence[int | None]) -> Shape:
    """Returns the shape with channels last."""
    return tuple(shape[axis] for axis in to_last(len(shape)))


def axis_last(axis: int, rank: int) -> int:
    """Returns where a dimension of a channels-first tensor is when channels are last."""
    return to_first(rank)[axis % rank]


class Unturned(Exception):
    """Raised by a rule that cannot turn an op; the text says why."""
