"""What a writer must offer, and how tensors are dealt out to files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tf1bn import errors
from tf1bn.convert.target import Read, Target

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


def contiguous(value: np.ndarray) -> np.ndarray:
    """Returns an array whose bytes stand in the order of its axes. Trick: large ones are copied in cache-sized tiles.

    A plain copy of a transposed matrix walks through memory in strides of a row, and waits for it most of the time.
    """
    if value.flags.c_contiguous or value.ndim < 2 or value.nbytes < 1 << 20:
        return np.ascontiguousarray(value)
    return _tiled(value)


def _tiled(value: np.ndarray, tile: int = 64) -> np.ndarray:
    result = np.empty(value.shape, value.dtype)
    fast = int(
        np.argmin([abs(step) if size > 1 else np.inf for step, size in zip(value.strides, value.shape, strict=True)])
    )
    last = value.ndim - 1
    if fast == last:
        np.copyto(result, value)
        return result
    index: list[Any] = [slice(None)] * value.ndim
    for start in range(0, value.shape[fast], tile):
        index[fast] = slice(start, start + tile)
        for begin in range(0, value.shape[last], 4 * tile):
            index[last] = slice(begin, begin + 4 * tile)
            result[tuple(index)] = value[tuple(index)]
    return result
