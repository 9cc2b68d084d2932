"""Numbers go from their file to their place in the target piece by piece, turned while they are in the cache.

What a large tensor needs beside its place is then a piece, not a second tensor. It is for tensors whose steps only
move axes: nearly all large ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tf1bn.checkpoint import crc32c
from tf1bn.convert.source import Source, Stretch
from tf1bn.convert.steps import ChannelsFirst, Reshape, Shape, Step, Transpose
from tf1bn.convert.target import Target

_PIECE = 1 << 20
_RANGE = 32 << 20
_RUN = 128
"""Fewest numbers that are written one behind the other, where there are as many: eight lines of the cache."""


class Axis(NamedTuple):
    """An axis, or a part of one: its size, and how far apart its numbers stand in the source, in numbers."""

    size: int
    stride: int


class Pour(NamedTuple):
    """The work of one tensor.

    Attributes:
      stretch: where its bytes are.
      jobs: those that give checksums, in the order of their ranges, then others.
      ranges: how many give checksums.
    """

    stretch: Stretch
    jobs: tuple[Callable[[], tuple[int, int]], ...]
    ranges: int

    def check(self, results: Sequence[tuple[int, int]]) -> None:
        """Refuses bytes whose checksum is wrong.

        Raises:
          CheckpointDamagedError: as said.
        """
        crc = 0
        for part, size in results[: self.ranges]:
            crc = crc32c.joined(crc, part, size)
        self.stretch.check(crc)


def pour(target: Target, source: Source, place: np.ndarray) -> Pour | None:
    """Returns the work that fills a place with the numbers of a target; None where its steps do more than move axes.

    Args:
      target: its tensor.
      source: where its numbers are.
      place: an array of its shape and type, whose numbers stand one behind the other.
    """
    if len(target.parts) != 1 or target.parts[0].cut is not None or not place.size:
        return None
    part = target.parts[0]
    stretch = source.stretch(part.source.key)
    axes = moved(part.source.shape, part.steps)
    if stretch is None or axes is None:
        return None
    if len(axes) <= 1:
        return _straight(stretch, place)
    (width, near), (rows, far), *rest = axes
    if near != 1 or far != width:
        return None
    turn = _Turn(stretch, place.reshape(width, -1), rows, tuple(rest))
    return turn.in_line() if not rest else turn.apart()


def moved(shape: Shape, steps: Sequence[Step]) -> list[Axis] | None:
    """Returns the axes of a target in its order, each with its stride in the source; None where steps do more.

    Axes of one number are left out, and neighbours that stand in the source as they stand here are one.
    """
    sizes = [*shape]
    axes = [[Axis(size, math.prod(sizes[at + 1 :]))] for at, size in enumerate(sizes)]
    for step in steps:
        if isinstance(step, Transpose):
            axes = [axes[at] for at in step.axes]
        elif isinstance(step, ChannelsFirst) and len(axes[step.axis]) == 1:
            ((size, stride),) = axes[step.axis]
            axes[step.axis] = [Axis(step.channels, stride), Axis(size // step.channels, stride * step.channels)]
        elif isinstance(step, Reshape):
            cut = _regrouped([axis for group in axes for axis in group], step.after)
            if cut is None:
                return None
            axes = cut
        else:
            return None
    found: list[Axis] = []
    for axis in (axis for group in axes for axis in group if axis.size != 1):
        if found and found[-1].stride == axis.size * axis.stride:
            axis = Axis(found.pop().size * axis.size, axis.stride)
        found.append(axis)
    return found


def _regrouped(axes: list[Axis], shape: Shape) -> list[list[Axis]] | None:
    """Returns axes as those of another shape, cut where it cuts them; None where they do not fall into place."""
    left = [axis for axis in axes if axis.size != 1]
    found: list[list[Axis]] = []
    for size in shape:
        group: list[Axis] = []
        while size > 1:
            if not left:
                return None
            first = left.pop(0)
            if first.size > size:
                if first.size % size:
                    return None
                inner = first.size // size
                left.insert(0, Axis(inner, first.stride))
                first = Axis(size, first.stride * inner)
            if size % first.size:
                return None
            size //= first.size
            group.append(first)
        found.append(group or [Axis(1, 1)])
    return None if left else found


def _straight(stretch: Stretch, place: np.ndarray) -> Pour:
    """Returns the work for numbers that stand as they are."""
    content = place.reshape(-1).view(np.uint8)

    def work(start: int, stop: int) -> tuple[int, int]:
        if stop - start <= _PIECE:
            stretch.into(start, content[start:stop])
            return crc32c.value(content[start:stop].data), stop - start
        running = crc32c.Running()
        for at in range(start, stop, _PIECE):
            piece = content[at : min(at + _PIECE, stop)]
            stretch.into(at, piece)
            running.add(piece.data)
        return running.value(), stop - start

    jobs = tuple(_bound(work, *span) for span in _spans(content.size, _RANGE))
    return Pour(stretch, jobs, len(jobs))


def _bound(work: Callable[[int, int], tuple[int, int]], start: int, stop: int) -> Callable[[], tuple[int, int]]:
    return lambda: work(start, stop)


def _spans(size: int, step: int) -> Iterator[tuple[int, int]]:
    for start in range(0, size, step):
        yield start, min(start + step, size)


class _Turn:
    """A tensor whose last axis in the source is the first in the target.

    Args:
      stretch: where its bytes are.
      place: of the target, as a matrix of ``width`` rows.
      rows: the size of its second axis, whose numbers stand ``width`` apart in the source.
      rest: further axes.
    """

    def __init__(self, stretch: Stretch, place: np.ndarray, rows: int, rest: tuple[Axis, ...]) -> None:
        self._stretch, self._place, self._rows, self._rest = stretch, place, rows, rest
        self._bytes = len(place) * place.itemsize  # of one row of the source
        inner = math.prod(axis.size for axis in rest)
        run = max(_RUN, _PIECE // self._bytes)
        self._step = 2 * max(1, run // (2 * inner))  # an even number of rows is a whole number of words

    def in_line(self) -> Pour:
        """Returns the work where nothing else is moved: each piece is read once, checked and turned."""
        jobs = tuple(_bound(self._line, *span) for span in self._ranges())
        return Pour(self._stretch, jobs, len(jobs))

    def _ranges(self) -> Iterator[tuple[int, int]]:
        step = -(-max(1, _RANGE // self._bytes) // self._step) * self._step
        return _spans(self._rows, step)

    def _line(self, start: int, stop: int) -> tuple[int, int]:
        running = crc32c.Running()
        buffer = np.empty((self._step, len(self._place)), self._place.dtype)
        for at in range(start, stop, self._step):
            piece = buffer[: min(self._step, stop - at)]
            content = piece.reshape(-1).view(np.uint8)
            for first, last in _spans(content.size, _PIECE):
                self._stretch.into(at * self._bytes + first, content[first:last])
                running.add(content[first:last].data)  # while it is in the cache
            self._place[:, at : at + len(piece)] = piece.T
        return running.value(), (stop - start) * self._bytes

    def apart(self) -> Pour:
        """Returns the work where a stretch of the target comes from several places: checked and turned apart."""
        size = self._stretch.entry.size
        checks = tuple(_bound(self._checksum, *span) for span in _spans(size, _RANGE))
        inner = math.prod(axis.size for axis in self._rest)
        step = -(-max(1, _RANGE // (self._bytes * inner)) // self._step) * self._step
        jobs = tuple(_bound(self._gathered, *span) for span in _spans(self._rows, step))
        return Pour(self._stretch, checks + jobs, len(checks))

    def _checksum(self, start: int, stop: int) -> tuple[int, int]:
        running = crc32c.Running()
        buffer = np.empty(_PIECE, np.uint8)
        for at in range(start, stop, _PIECE):
            piece = buffer[: min(_PIECE, stop - at)]
            self._stretch.into(at, piece)
            running.add(piece.data)
        return running.value(), stop - start

    def _gathered(self, start: int, stop: int) -> tuple[int, int]:
        """Fills some rows: those of each place of the other axes are read, and turned together."""
        itemsize = self._place.itemsize
        places = [
            sum(at * axis.stride for at, axis in zip(index, self._rest, strict=True)) * itemsize
            for index in itertools.product(*(range(axis.size) for axis in self._rest))
        ]
        buffer = np.empty((len(places), self._step, len(self._place)), self._place.dtype)
        for at in range(start, stop, self._step):
            count = min(self._step, stop - at)
            for number, place in enumerate(places):
                self._stretch.into(place + at * self._bytes, buffer[number, :count])
            rows = np.ascontiguousarray(buffer[:, :count].swapaxes(0, 1)).reshape(-1, len(self._place))
            self._place[:, at * len(places) : (at + count) * len(places)] = rows.T
        return 0, 0
