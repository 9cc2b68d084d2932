"""V1 checkpoints: one sorted table per file that holds names, shapes and all values.

Values sit inside blocks as messages. The file is mapped, so a value is a view of it, and it is decoded a piece
at a time: memory does not grow with tensors.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tf1bn import errors
from tf1bn.checkpoint import dtypes, ordered_code, protos, table, wire
from tf1bn.checkpoint.bundle import TensorInfo, open_file, slice_shape
from tf1bn.checkpoint.wire import damaged

_PIECE = 1 << 20
_BLOCK_LIMIT = (1 << 31) + (1 << 20)  # messages cannot pass 2 GiB
_FIXED = {4: None, 5: "<f4", 6: "<f8", 9: "<f4", 12: "<f8"}  # tensor_content, float, double, complex of either
_VARINTS = {7, 10, 11, 13, 16, 17}  # int, int64, bool, half, uint32, uint64
_STRING_FIELD = 8

Extents = tuple[ordered_code.Extent, ...]


class V1Checkpoint:
    """An open V1 checkpoint of one or more files.

    Args:
      prefix: as the user gave it, for messages.
      paths: the files.

    Attributes:
      prefix: as given.
      tensors: name -> :class:`TensorInfo`, sorted by name; slices when the tensor is partitioned.
      partitioned: names of the tensors that are stored in slices.

    Raises:
      CheckpointMissingError: a file cannot be opened.
      CheckpointDamagedError: a file is malformed, or is no checkpoint.
    """

    version = 1

    def __init__(self, prefix: str, paths: Sequence[str]) -> None:
        self.prefix = prefix
        self._tables: list[table.Table] = []
        self._full: dict[str, Extents] = {}
        found: dict[str, tuple[dtypes.DType, tuple[int, ...], list[Extents]]] = {}
        for path in paths:
            descriptor = open_file(path)
            try:
                # The map keeps the file open by itself.
                opened = table.Table(descriptor, _BLOCK_LIMIT, mapped=True)
            finally:
                os.close(descriptor)
            # The empty key, which sorts first, holds names, types and shapes of all tensors.
            head = opened.get(b"")
            if head is None:
                raise damaged(f"{path} has no list of tensors: not a V1 checkpoint")
            self._tables.append(opened)
            for name, dtype, shape, slices in _parse_meta(head):
                found.setdefault(name, (dtype, shape, []))[2].extend(slices)
        self.tensors: Mapping[str, TensorInfo] = {name: self._info(name, *found[name]) for name in sorted(found)}
        self.partitioned = tuple(name for name, info in self.tensors.items() if info.slices)

    def _info(self, name: str, dtype: dtypes.DType, shape: tuple[int, ...], slices: list[Extents]) -> TensorInfo:
        shapes = [slice_shape(shape, extents) for extents in slices]
        if sum(map(math.prod, shapes)) != math.prod(shape) or not slices:
            raise damaged(f"the slices of {name} leave a gap or overlap", got=slices, expected=f"{list(shape)}")
        # In this format every tensor is stored as slices, a whole one as a single slice of everything.
        if len(slices) == 1:
            self._full[name] = slices[0]
            return TensorInfo(name, dtype, shape)
        return TensorInfo(name, dtype, shape, tuple(slices))

    def __enter__(self) -> V1Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets the mapped files go."""
        self._tables.clear()

    def readable(self, name: str) -> bool:
        """Returns True: the values of a V1 checkpoint are in the files that list them."""
        return name in self.tensors

    def _message(self, name: str, extents: Extents) -> memoryview:
        """Returns the tensor message of one slice."""
        key = ordered_code.slice_key(name, extents)
        for opened in self._tables:
            value = opened.get(key)
            if value is not None:
                saved = _only(value, 2)
                return _only(saved, 3)
        raise damaged(f"the values of {name} are not in the file")

    def slice_values(self, name: str, extents: Extents = ()) -> Iterator[np.ndarray]:
        """Yields the elements of one slice, or of a whole tensor, in flat pieces."""
        info = self.tensors[name]
        # Keys are made of the extents as they were written, and a whole axis has two spellings.
        wanted = extents or self._full[name]
        expected = math.prod(slice_shape(info.shape, wanted))
        seen = 0
        for piece in _decode(self._message(name, wanted), info.dtype, name):
            seen += piece.size
            yield piece
            for opened in self._tables:
                opened.forget()
        if seen != expected:
            raise damaged(
                f"{name} has another number of elements than its shape says", got=seen, expected=str(expected)
            )

    def iter_values(self, name: str) -> Iterator[np.ndarray]:
        """Yields the elements of a tensor in flat pieces; slices one after the other."""
        for extents in self.tensors[name].slices or ((),):
            yield from self.slice_values(name, extents)

    def read(self, name: str) -> np.ndarray:
        """Returns the whole tensor, slices put together."""
        info = self.tensors[name]
        whole = np.empty(info.shape, info.dtype.numpy or object)
        for extents in info.slices or (self._full[name],):
            shape = slice_shape(info.shape, extents)
            place = tuple(slice(start, start + size) for (start, _), size in zip(extents, shape, strict=True))
            parts = list(self.slice_values(name, extents if info.slices else ()))
            whole[place] = (np.concatenate(parts) if parts else np.empty(0, whole.dtype)).reshape(shape)
        return whole


def _only(data: memoryview, wanted: int) -> memoryview:
    for field, _, value in wire.fields(data):
        if field == wanted:
            return wire.as_view(value)
    raise damaged("a V1 record lacks its contents")


def _parse_meta(head: memoryview) -> Iterator[tuple[str, dtypes.DType, tuple[int, ...], list[Extents]]]:
    for field, _, tensor in wire.fields(_only(head, 1)):
        if field != 1:
            continue
        name, dtype = "", 0
        shape: tuple[int, ...] = ()
        slices: list[Extents] = []
        for inner, _, value in wire.fields(wire.as_view(tensor)):
            if inner == 1:
                name = wire.as_text(value)
            elif inner == 2:
                shape = protos.parse_shape(wire.as_view(value))
            elif inner == 3:
                dtype = wire.as_int(value)
            elif inner == 4:
                slices.append(protos.parse_extents(wire.as_view(value)))
        yield name, dtypes.of_number(dtype), shape, slices


def _decode(message: memoryview, dtype: dtypes.DType, name: str) -> Iterator[np.ndarray]:
    """Yields the elements of a tensor message, whichever of its fields holds them."""
    for field, kind, value in wire.fields(message):
        # Old writers did not pack numbers: then each is a field of its own.
        if field in _FIXED and isinstance(value, int):
            width = 4 if kind == wire.FIXED32 else 8
            yield np.frombuffer(value.to_bytes(width, "little"), dtype.numpy)
        elif field in _FIXED:
            view = wire.as_view(value)
            if len(view) % dtype.size:
                raise damaged(f"the values of {name} end inside an element")
            # An element must not be cut in two.
            step = _PIECE - _PIECE % dtype.size
            for at in range(0, len(view), step):
                yield np.frombuffer(bytes(view[at : at + step]), dtype.numpy)
        elif field == _STRING_FIELD:
            text = np.empty(1, object)
            text[0] = bytes(wire.as_view(value))
            yield text
        elif field in _VARINTS and isinstance(value, int):
            yield _narrow(np.array([value], np.uint64), field, dtype)
        elif field in _VARINTS:
            for numbers in _varints(wire.as_view(value)):
                yield _narrow(numbers, field, dtype)
        elif field > 3:
            raise errors.CheckpointUnsupportedError(
                errors.explain(f"{name} holds values of a kind that is not read", got=field)
            )


def _narrow(numbers: np.ndarray, field: int, dtype: dtypes.DType) -> np.ndarray:
    """Returns 64-bit numbers as elements; halves are stored as the integers of their bits."""
    if field == 13:
        return numbers.astype("<u2").view(dtype.numpy or "<u2")
    return numbers.view(np.int64).astype(dtype.numpy)


def _varints(data: memoryview) -> Iterator[np.ndarray]:
    """Decodes packed variable-length integers, many at a time."""
    at = 0
    while at < len(data):
        octets = np.frombuffer(bytes(data[at : at + _PIECE]), np.uint8)
        ends = np.flatnonzero(octets < 128)
        if not ends.size:
            raise damaged("a list of numbers is cut off")
        starts = np.concatenate([[0], ends[:-1] + 1])
        widths = ends - starts + 1
        if widths.max() > 10:
            raise damaged("a variable-length integer is longer than 64 bits")
        numbers = np.zeros(ends.size, np.uint64)
        # Byte by byte for all numbers together: a loop over numbers would take a minute for a large tensor.
        for place in range(int(widths.max())):
            rows = np.flatnonzero(widths > place)
            numbers[rows] |= (octets[starts[rows] + place] & 127).astype(np.uint64) << np.uint64(7 * place)
        yield numbers
        at += int(ends[-1]) + 1
