"""What a writer must offer, and how tensors are dealt out to files."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import json
import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.convert.target import Read, Target

_SMALL = 1 << 20
_LARGE = 80 << 20
_THREADS = 2
_ROWS = 144

Write = Callable[[str, Sequence[Target], Read, Mapping[str, str]], None]


@dataclasses.dataclass(frozen=True)
class Writer:
    """One kind of file.

    Attributes:
      name: of the kind.
      write: writes one file: path, tensors, source, metadata.
      ending: what its files end with; more than one file only where ``index`` is.
      index: whether its readers know an index of several files.
    """

    name: str
    write: Write
    ending: str
    index: bool = True


def check(writer: Any) -> None:
    """Refuses what could not be used later.

    Raises:
      ArgumentTypeError: as said.
    """
    if not isinstance(writer, Writer) or not callable(writer.write):
        raise errors.ArgumentTypeError(errors.explain("not a writer", got=writer, expected="a Writer"))


def deal(targets: Sequence[Target], most: int) -> list[list[Target]]:
    """Returns tensors in groups of at most so many bytes, in their order; a larger tensor is a group alone."""
    groups: list[list[Target]] = [[]]
    size = 0
    for target in targets:
        if groups[-1] and size + target.nbytes > most:
            groups.append([])
            size = 0
        groups[-1].append(target)
        size += target.nbytes
    return groups


def shard_names(base: str, ending: str, count: int) -> list[str]:
    """Returns the names of files: one alone has the plain name."""
    stem = base.removesuffix(ending)
    if count == 1:
        return [base]
    return [f"{stem}-{number:05d}-of-{count:05d}{ending}" for number in range(1, count + 1)]


def write_index(path: str, groups: Sequence[Sequence[Target]], names: Sequence[str]) -> None:
    """Writes the index that says which file has which tensor."""
    places = {target.name: name for name, group in zip(names, groups, strict=True) for target in group}
    total = sum(target.nbytes for group in groups for target in group)
    with open(path, "x", encoding="utf-8") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": places}, file, indent=2)
        file.write("\n")


def values(targets: Sequence[Target], read: Read, *, held: bool = False) -> Iterator[tuple[Target, np.ndarray]]:
    """Yields tensors with their numbers in the order of their axes; the next ones are made while one is written.

    Reading, checking and turning run in NumPy, which lets other threads work meanwhile. A large tensor is made alone,
    so that memory does not grow by several of them.

    Args:
      targets: in their order.
      read: gives tensors of the source.
      held: whether the caller keeps all of them. Then they stand in one stretch of memory, which goes back to the
        system at once when they are dropped; the heap would keep it, and the next file would take as much again.
    """
    room = mmap.mmap(-1, sum(_slot(target) for target in targets) or 1) if held else None
    start = 0
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        waiting: collections.deque[tuple[Target, Any]] = collections.deque()
        for target in targets:
            while waiting and (len(waiting) == _THREADS or target.nbytes > _LARGE or waiting[0][0].nbytes > _LARGE):
                first, future = waiting.popleft()
                yield first, future.result()
            place = None if room is None else np.frombuffer(room, np.uint8, target.nbytes, start)
            start += _slot(target)
            waiting.append((target, pool.submit(_made, target, read, place)))
        for first, future in waiting:
            yield first, future.result()


def _slot(target: Target) -> int:
    """Returns the room of a tensor, such that the next one starts where any type may."""
    return -(-target.nbytes // 64) * 64


def _made(target: Target, read: Read, place: np.ndarray | None) -> np.ndarray:
    value = target.value(read)
    if place is None or not value.size:
        return contiguous(value)
    return contiguous(value, place.view(value.dtype).reshape(value.shape))


def contiguous(value: np.ndarray, result: np.ndarray | None = None) -> np.ndarray:
    """Returns an array whose bytes stand in the order of its axes, in the given place if there is one.

    Trick: a plain copy of a turned matrix walks through memory in strides of a row and waits for it most of the time.
    Here a few rows of the source are gathered, which are whole in memory, and turned while they are in the cache.
    """
    first = value.ndim > 1 and value.strides[0] == value.itemsize and not value.flags.c_contiguous
    if not first or value.nbytes < _SMALL:
        if result is None:
            return np.ascontiguousarray(value).reshape(value.shape)  # which else gives a number an axis
        np.copyto(result, value)
        return result
    result = np.empty(value.shape, value.dtype) if result is None else result
    size = value.shape[0]
    step = max(1, _ROWS // max(1, value[0, 0].size))
    for start in range(0, value.shape[1], step):
        rows = np.ascontiguousarray(np.moveaxis(value[:, start : start + step], 0, -1))
        result[:, start : start + step] = rows.reshape(-1, size).T.reshape(size, *rows.shape[:-1])
    return result
