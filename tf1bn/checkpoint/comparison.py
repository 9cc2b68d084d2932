"""Compares two checkpoints: names, types, shapes, and every value, a piece at a time."""

from __future__ import annotations

import itertools
import os
import types
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf1bn import errors, progress
from tf1bn.checkpoint import dtypes, object_graph, slots
from tf1bn.checkpoint.bundle import Bundle
from tf1bn.checkpoint.source import Checkpoint, open_checkpoint


class Difference(NamedTuple):
    """One tensor that differs.

    Attributes:
      name: of the tensor.
      what: ``dtype``, ``shape`` or ``value``.
      text: for people.
      largest: largest absolute difference of numbers; infinite where one side alone is NaN.
      place: where it is, in the flattened tensor.
      elements: how many of them differ by more than the tolerance.
    """

    name: str
    what: str
    text: str
    largest: float = 0.0
    place: int = 0
    elements: int = 0


class Comparison(NamedTuple):
    """What :func:`compare` found.

    Attributes:
      first, second: prefixes.
      same: how many tensors agree.
      only_first, only_second: names that the other one lacks.
      differences: of tensors that both have.
      owners: name of a slot or average among those that are listed -> variable that it belongs to, also where the
        optimizer was built in a scope of its own.
    """

    first: str
    second: str
    same: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    differences: tuple[Difference, ...]
    owners: Mapping[str, str] = types.MappingProxyType({})

    @property
    def equal(self) -> bool:
        """Whether both hold the same tensors with the same values."""
        return not (self.only_first or self.only_second or self.differences)


def compare(first: str | os.PathLike[str], second: str | os.PathLike[str], *, tolerance: float = 0.0) -> Comparison:
    """Compares two checkpoints of either format, tensor by tensor, with bounded memory.

    Args:
      first, second: prefixes.
      tolerance: largest absolute difference of numbers that counts as none. 0 compares bits, so that a NaN equals
        itself.

    Returns:
      a :class:`Comparison`.

    Raises:
      ArgumentError: the tolerance is negative.
      CheckpointError: one of them cannot be read, or its bytes do not agree with their checksums.
    """
    with errors.located("compare", first=os.fspath(first), second=os.fspath(second)):
        if not tolerance >= 0.0:
            raise errors.ArgumentError(errors.explain("impossible tolerance", got=tolerance, expected="0 or more"))
        with open_checkpoint(first) as one, open_checkpoint(second) as two:
            shared = [name for name in one.tensors if name in two.tensors]
            found = _differences(one, two, shared, tolerance)
            only_first = tuple(name for name in one.tensors if name not in two.tensors)
            only_second = tuple(name for name in two.tensors if name not in one.tensors)
            listed = {*only_first, *only_second, *(difference.name for difference in found)}
            return Comparison(
                one.prefix,
                two.prefix,
                len(shared) - len(found),
                only_first,
                only_second,
                tuple(found),
                _owners(one, listed) | _owners(two, listed) if listed else {},
            )


def _differences(one: Checkpoint, two: Checkpoint, shared: Sequence[str], tolerance: float) -> list[Difference]:
    sizes = [one.tensors[name].size_bytes for name in shared]
    found = []
    with progress.stage("comparing", sum(sizes), progress.BYTES) as done:
        for name, end in zip(shared, itertools.accumulate(sizes), strict=True):
            difference = _compare(one, two, name, tolerance, done)
            if difference is not None:
                found.append(difference)
            done.reach(end)
    return found


def _owners(opened: Checkpoint, listed: Container[str]) -> dict[str, str]:
    names = object_graph.variable_names(opened)
    return {name: slot.owner for name, slot in slots.owners(opened.tensors, names).items() if name in listed}


def _compare(
    one: Checkpoint, two: Checkpoint, name: str, tolerance: float, done: progress.Progress
) -> Difference | None:
    ours, theirs = one.tensors[name], two.tensors[name]
    if ours.dtype != theirs.dtype:
        return Difference(name, "dtype", f"{ours.dtype.name} and {theirs.dtype.name}")
    if ours.shape != theirs.shape:
        return Difference(name, "shape", f"{list(ours.shape)} and {list(theirs.shape)}")
    # Checksums are checked before anything is said: a damaged file must not pass for a different one.
    if not ours.dtype.numpy:
        for opened in (one, two):
            if isinstance(opened, Bundle):
                for entry in opened.pieces_of(name):
                    opened.verify_entry(name, entry)
        return _compare_objects(one, two, name)
    pairs = done.through(_pairs(one, two, name), lambda pair: pair[0].nbytes)
    return _compare_numbers(name, ours.dtype, pairs, tolerance)


def _compare_objects(one: Checkpoint, two: Checkpoint, name: str) -> Difference | None:
    if one.tensors[name].dtype.number != dtypes.STRING:
        raw = [
            b"".join(b"".join(opened.chunks(entry)) for entry in opened.pieces_of(name))
            for opened in (one, two)
            if isinstance(opened, Bundle)
        ]
        return None if len(raw) == 2 and raw[0] == raw[1] else Difference(name, "value", "the encoded bytes differ")
    unequal = np.flatnonzero(one.read(name).reshape(-1) != two.read(name).reshape(-1))
    if not unequal.size:
        return None
    at = int(unequal[0])
    return Difference(name, "value", f"{unequal.size} strings differ, the first at {at}", 0.0, at, int(unequal.size))


def _pairs(one: Checkpoint, two: Checkpoint, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields pieces of both tensors that cover the same elements, and checks the checksums of both by the end."""
    # Pieces of other slices cover other elements, so both are put together first.
    if one.tensors[name].slices != two.tensors[name].slices:
        yield one.read(name).reshape(-1), two.read(name).reshape(-1)
        return
    ours, theirs = _values(one, name), _values(two, name)
    left, right = np.empty(0), np.empty(0)
    while True:
        left = next(ours, left[:0]) if not left.size else left
        right = next(theirs, right[:0]) if not right.size else right
        size = min(left.size, right.size)
        if not size:
            return
        yield left[:size], right[:size]
        left, right = left[size:], right[size:]


def _values(opened: Checkpoint, name: str) -> Iterator[np.ndarray]:
    if not isinstance(opened, Bundle):
        yield from opened.iter_values(name)
        return
    dtype = opened.tensors[name].dtype.numpy
    for entry in opened.pieces_of(name):
        for chunk in opened.checked(name, entry):
            yield np.frombuffer(chunk, dtype)


def _compare_numbers(
    name: str, dtype: dtypes.DType, pairs: Iterator[tuple[np.ndarray, np.ndarray]], tolerance: float
) -> Difference | None:
    count, largest, index = 0, -1.0, 0
    for start, (left, right) in _numbered(pairs):
        # Most pieces are equal, and this is the fastest way to see it.
        if left.tobytes() == right.tobytes():
            continue
        bits = np.flatnonzero(
            (left.view(np.uint8).reshape(left.size, -1) != right.view(np.uint8).reshape(left.size, -1)).any(axis=1)
        )
        gap = _gap(left[bits], right[bits], dtype)
        over = ~(gap <= tolerance) if tolerance else np.ones(gap.size, bool)
        if not over.any():
            continue
        count += int(over.sum())
        worst = int(np.argmax(np.where(np.isnan(gap), np.inf, gap)))
        value = float("inf") if np.isnan(gap[worst]) else float(gap[worst])
        if value > largest:
            largest, index = value, start + int(bits[worst])
    if not count:
        return None
    text = f"{count} elements differ, by at most {largest:.6g}, at {index}"
    return Difference(name, "value", text, largest, index, count)


def _numbered(pairs: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    # The start of a piece is known when the sizes of those before it are.
    ours, sizes = itertools.tee(pairs)
    starts = itertools.accumulate((left.size for left, _ in sizes), initial=0)
    return zip(starts, ours, strict=False)


def _gap(left: np.ndarray, right: np.ndarray, dtype: dtypes.DType) -> np.ndarray:
    with np.errstate(all="ignore"):
        if dtypes.is_float(dtype):
            return np.abs(dtypes.as_floats(left, dtype) - dtypes.as_floats(right, dtype))
        if left.dtype.kind == "c":
            return np.abs(left.astype(np.complex128) - right.astype(np.complex128))
        return np.abs(left.astype(np.float64) - right.astype(np.float64))


def as_json(found: Comparison) -> dict[str, Any]:
    """Returns a comparison as JSON values; a difference that is not finite is null."""
    rows = []
    for difference in found.differences:
        row = difference._asdict()
        rows.append(row | {"largest": row["largest"] if np.isfinite(row["largest"]) else None})
    return {
        "first": found.first,
        "second": found.second,
        "equal": found.equal,
        "same": found.same,
        "only_first": list(found.only_first),
        "only_second": list(found.only_second),
        "differences": rows,
        "owners": dict(found.owners),
    }


def as_text(found: Comparison) -> str:
    """Returns a comparison as lines for people."""

    def shown(name: str) -> str:
        return f"{name} (belongs to {found.owners[name]})" if name in found.owners else name

    lines = [f"only in {found.first}: {shown(name)}" for name in found.only_first]
    lines += [f"only in {found.second}: {shown(name)}" for name in found.only_second]
    lines += [f"{difference.what} of {shown(difference.name)}: {difference.text}" for difference in found.differences]
    lines.append(f"{found.same} tensors are the same" + ("" if found.equal else f", {len(lines)} are not"))
    return "\n".join(lines)
