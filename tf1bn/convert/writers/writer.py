"""What a writer must offer, and how tensors are dealt out to files."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import json
import mmap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.checkpoint import dtypes
from tf1bn.convert import pouring
from tf1bn.convert.source import Source
from tf1bn.convert.target import Target

_SMALL = 1 << 20
_LARGE = 32 << 20
_BATCH = 64 << 20
_THREADS = 2
_ROWS = 144

Write = Callable[[str, Sequence[Target], "Making", Mapping[str, str]], None]


@dataclasses.dataclass(frozen=True)
class Writer:
    """One kind of file.

    Attributes:
      name: of the kind.
      write: writes one file: path, tensors, what makes their numbers, metadata.
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


class Making:
    """Makes tensors of the target; what several files need one after the other is made once. A context manager.

    Reading, checking and turning run in NumPy, which lets other threads work meanwhile: a large tensor is made by
    several at once. Of what cannot be made in its place, only one large tensor at a time takes memory of its own.

    Args:
      source: has the numbers.
      made: told of the bytes of each tensor that is made.
    """

    def __init__(self, source: Source, made: Callable[[int], None] = lambda _: None) -> None:
        self._source, self._made = source, made
        self._room = mmap.mmap(-1, 1)
        self._pool = concurrent.futures.ThreadPoolExecutor(_THREADS)
        self._one = threading.Lock()

    def __enter__(self) -> Making:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def values(self, targets: Sequence[Target], *, held: bool = False) -> Iterator[tuple[Target, np.ndarray]]:
        """Yields tensors with their numbers in the order of their axes.

        They stand in memory that is used anew: by the next call where they are held, by the next tensors where not.
        New memory costs as much as a copy, and the heap would keep what the last file had while the next one is made.

        Args:
          targets: in their order.
          held: whether the caller keeps all of them until the next call.
        """
        groups = [targets] if held else deal(targets, _BATCH)
        self._make_room(max(sum(map(_slot, group)) for group in groups))
        for group in groups:
            yield from self._together(group)

    def _together(self, targets: Sequence[Target]) -> Iterator[tuple[Target, np.ndarray]]:
        start = 0
        waiting: list[tuple[Target, np.ndarray, list[Any], Any]] = []
        for target in targets:
            place = np.frombuffer(self._room, np.uint8, target.nbytes, start)
            place = place.view(np.dtype(dtypes.of_name(target.dtype).numpy)).reshape(target.shape)
            start += _slot(target)
            work = pouring.pour(target, self._source, place)
            jobs = work.jobs if work is not None else (_alone(target, self._source, place, self._one),)
            waiting.append((target, place, [self._pool.submit(job) for job in jobs], work))
        for target, place, futures, work in waiting:
            results = [future.result() for future in futures]
            if work is not None:
                work.check(results)
            self._made(target.nbytes)
            yield target, place

    def _make_room(self, size: int) -> None:
        if size <= len(self._room):
            return
        self._room = mmap.mmap(-1, 1)  # the old one goes before the new one comes
        self._room = mmap.mmap(-1, size)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with contextlib.suppress(OSError):  # a system may know the word and not the thing
                self._room.madvise(mmap.MADV_HUGEPAGE)


def _alone(target: Target, source: Source, place: np.ndarray, one: threading.Lock) -> Callable[[], None]:
    """Returns the work that makes a tensor in memory of its own and moves it to its place."""

    def work() -> None:
        with one if target.nbytes > _LARGE else contextlib.nullcontext():
            contiguous(target.value(source.read), place)

    return work


def _slot(target: Target) -> int:
    """Returns the room of a tensor, such that the next one starts where any type may."""
    return -(-target.nbytes // 64) * 64


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
