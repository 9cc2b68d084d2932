"""What is done to the numbers of a tensor on the way: each step is data, keeps every bit, and can be undone."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tf1bn.checkpoint import conversions, dtypes

Shape = tuple[int, ...]


class Transpose(NamedTuple):
    """Axes change places."""

    axes: tuple[int, ...]

    def apply(self, value: np.ndarray) -> np.ndarray:
        return value.transpose(self.axes)

    def undo(self, value: np.ndarray) -> np.ndarray:
        return value.transpose(np.argsort(self.axes))

    def shape(self, shape: Shape) -> Shape:
        return tuple(shape[axis] for axis in self.axes)

    def text(self) -> str:
        return f"transpose {list(self.axes)}"


class Reshape(NamedTuple):
    """The same numbers in the same order under another shape."""

    before: Shape
    after: Shape

    def apply(self, value: np.ndarray) -> np.ndarray:
        return value.reshape(self.after)

    def undo(self, value: np.ndarray) -> np.ndarray:
        return value.reshape(self.before)

    def shape(self, shape: Shape) -> Shape:
        return self.after

    def text(self) -> str:
        return f"reshape {list(self.after)}"


class ChannelsFirst(NamedTuple):
    """Features that were flattened position by position are put channel by channel.

    Attributes:
      axis: of the features.
      channels: how many channels each position has.
    """

    axis: int
    channels: int

    def _swap(self, value: np.ndarray, first: int) -> np.ndarray:
        shape = value.shape
        cut = (*shape[: self.axis], first, shape[self.axis] // first, *shape[self.axis + 1 :])
        return np.ascontiguousarray(value).reshape(cut).swapaxes(self.axis, self.axis + 1).reshape(shape)

    def apply(self, value: np.ndarray) -> np.ndarray:
        return self._swap(value, value.shape[self.axis] // self.channels)

    def undo(self, value: np.ndarray) -> np.ndarray:
        return self._swap(value, self.channels)

    def shape(self, shape: Shape) -> Shape:
        return shape

    def text(self) -> str:
        return f"axis {self.axis} from position x {self.channels} channels to {self.channels} channels x position"


class Dealt(NamedTuple):
    """Rows that stand part by part, dealt out to the parts in turn, are put one behind the other."""

    parts: int

    def _rows(self, count: int) -> np.ndarray:
        """Returns for each place in the source which row stands there."""
        return np.concatenate([np.arange(part, count, self.parts) for part in range(self.parts)])

    def apply(self, value: np.ndarray) -> np.ndarray:
        result = np.empty_like(value)
        result[self._rows(len(value))] = value
        return result

    def undo(self, value: np.ndarray) -> np.ndarray:
        return np.asarray(value[self._rows(len(value))])

    def shape(self, shape: Shape) -> Shape:
        return shape

    def text(self) -> str:
        return f"rows of {self.parts} parts in turn"


class Blocks(NamedTuple):
    """An axis is cut into equal blocks, which change places: ``order[i]`` is the block that comes i-th."""

    axis: int
    order: tuple[int, ...]

    def _take(self, value: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
        parts = np.split(value, len(order), axis=self.axis)
        return np.concatenate([parts[at] for at in order], axis=self.axis)

    def apply(self, value: np.ndarray) -> np.ndarray:
        return self._take(value, self.order)

    def undo(self, value: np.ndarray) -> np.ndarray:
        return self._take(value, tuple(int(at) for at in np.argsort(self.order)))

    def shape(self, shape: Shape) -> Shape:
        return shape

    def text(self) -> str:
        return f"blocks {list(self.order)} of axis {self.axis}"


class Add(NamedTuple):
    """A number is added to one block of a vector; the only step that may round."""

    block: int
    blocks: int
    amount: float

    def _shifted(self, value: np.ndarray, amount: float) -> np.ndarray:
        size = len(value) // self.blocks
        result = value.copy()
        result[self.block * size : (self.block + 1) * size] += value.dtype.type(amount)
        return result

    def apply(self, value: np.ndarray) -> np.ndarray:
        return self._shifted(value, self.amount)

    def undo(self, value: np.ndarray) -> np.ndarray:
        return self._shifted(value, -self.amount)

    def shape(self, shape: Shape) -> Shape:
        return shape

    def text(self) -> str:
        return f"add {self.amount:g} to block {self.block}"


class Decode(NamedTuple):
    """A statistic that is stored in another form, such as its inverse, becomes the statistic itself."""

    form: str
    dtype: str

    def apply(self, value: np.ndarray, companion: np.ndarray | None = None) -> np.ndarray:
        return self._through(conversions.chain(self.form, "identity"), value, companion)

    def undo(self, value: np.ndarray, companion: np.ndarray | None = None) -> np.ndarray:
        return self._through(conversions.chain("identity", self.form), value, companion)

    def _through(self, chain: tuple[str, ...], value: np.ndarray, companion: np.ndarray | None) -> np.ndarray:
        dtype = dtypes.of_name(self.dtype)
        second = None if companion is None else companion.reshape(-1).astype(np.float64)
        return dtypes.from_floats(conversions.apply(chain, dtypes.as_floats(value, dtype), second), dtype)

    def shape(self, shape: Shape) -> Shape:
        return shape

    def text(self) -> str:
        return f"from {self.form}"


Step = Transpose | Reshape | ChannelsFirst | Dealt | Blocks | Add | Decode


def flat(shape: Shape) -> tuple[Step, ...]:
    """Returns the step that makes a vector of a tensor, if it is none yet."""
    return () if len(shape) == 1 else (Reshape(shape, (math.prod(shape),)),)
