"""Writes one data file, tensor by tensor, and the index that names the tensors."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tf1bn import progress
from tf1bn.checkpoint import crc32c, dtypes, ordered_code, protos, strings, table
from tf1bn.checkpoint.bundle import data_path, slice_shape

_CHUNK = 1 << 20
_FLUSH_BYTES = 64 << 20

Extents = tuple[ordered_code.Extent, ...]


class Part(NamedTuple):
    """One tensor or slice as stored: shape, bytes in pieces, and the masked checksum where it is known already."""

    shape: tuple[int, ...]
    chunks: Iterable[bytes]
    crc: int | None = None
    extents: Extents = ()


class ShardWriter:
    """Appends tensors to a new data file.

    Args:
      path: must not exist.
      shard: number of this file among those of the checkpoint.
    """

    def __init__(self, path: str, shard: int) -> None:
        self._file = open(path, "xb")  # noqa: SIM115 - closed by close() or abandon()
        self._shard = shard
        self._offset = 0
        self._flushed = 0

    def add(self, dtype: int, part: Part) -> protos.Entry:
        """Writes the bytes of one part; returns where they are."""
        crc, start = 0, self._offset
        for chunk in part.chunks:
            self._file.write(chunk)
            self._offset += len(chunk)
            # A known checksum belongs to bytes that were checked while they were read.
            crc = crc32c.extend(crc, chunk) if part.crc is None else 0
            # Little by little, or the last flush would wait for gigabytes.
            if self._offset - self._flushed > _FLUSH_BYTES:
                self._flushed = self._offset
                os.fdatasync(self._file.fileno())
        masked = crc32c.mask(crc) if part.crc is None else part.crc
        return protos.Entry(dtype, part.shape, self._shard, start, self._offset - start, masked)

    def close(self) -> None:
        """Flushes the file to the disk and closes it."""
        with self._file:
            self._file.flush()
            os.fsync(self._file.fileno())

    def abandon(self) -> None:
        """Closes the file without flushing it to the disk."""
        with contextlib.suppress(OSError):  # what was buffered did not fit; the file is thrown away
            self._file.close()


class IndexItems:
    """Collects the entries of an index."""

    def __init__(self) -> None:
        self._items: list[tuple[bytes, bytes]] = []

    def add(
        self, name: str, dtype: int, shape: tuple[int, ...], placed: Sequence[tuple[Extents, protos.Entry]]
    ) -> None:
        """Adds a tensor: one entry, or one of its own and one per slice."""
        key = name.encode("utf-8", "surrogateescape")
        if len(placed) == 1 and not placed[0][0]:
            self._items.append((key, protos.entry_bytes(placed[0][1]._replace(slices=()))))
            return
        whole = protos.Entry(dtype, shape, slices=tuple(extents for extents, _ in placed))
        self._items.append((key, protos.entry_bytes(whole)))
        for extents, entry in placed:
            self._items.append((ordered_code.slice_key(name, extents), protos.entry_bytes(entry)))

    def write(self, path: str, header: protos.Header) -> None:
        """Writes the index file and flushes it to the disk."""
        # By their coded keys: slices come before names, which the order of tensors does not give.
        self._items.sort()
        with open(path, "xb") as out:
            items = [(b"", protos.header_bytes(header)), *self._items]
            table.write_table(out, progress.each(items, "writing the index", "entries"))
            out.flush()
            os.fsync(out.fileno())


def array_part(value: np.ndarray, dtype: dtypes.DType, extents: Extents = ()) -> Part:
    """Returns an array as stored: strings with their lengths, everything else as its bytes."""
    if dtype.number == dtypes.STRING:
        data, crc = strings.encode(bytes(text) for text in value.reshape(-1))
        return Part(value.shape, (data,), crc32c.mask(crc), extents)
    data = np.ascontiguousarray(value, dtype.numpy).tobytes()
    return Part(value.shape, (data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)), None, extents)


def write_checkpoint(
    prefix: str,
    tensors: Mapping[str, np.ndarray],
    names: Mapping[str, str] | None = None,
    slices: Mapping[str, Sequence[Extents]] | None = None,
) -> None:
    """Writes a small V2 checkpoint of arrays in one data file; strings are object arrays of bytes.

    Args:
      prefix: nothing may be there.
      tensors: name -> value.
      names: name -> data type, where it is not the array's own (``bfloat16`` as the integers of its bits).
      slices: name -> extents of the slices that a tensor shall be stored in.
    """
    writer = ShardWriter(data_path(prefix, 0, 1), 0)
    items = IndexItems()
    for name in sorted(tensors):
        value = tensors[name]
        default = "string" if value.dtype == object else value.dtype.name
        dtype = dtypes.of_name((names or {}).get(name, default))
        placed = []
        for extents in (slices or {}).get(name, ((),)):
            shape = slice_shape(value.shape, extents) if extents else value.shape
            place = tuple(slice(start, start + size) for (start, _), size in zip(extents, shape, strict=bool(extents)))
            part = value[place] if place else value  # an index of nothing would unpack a lone string
            placed.append((extents, writer.add(dtype.number, array_part(part, dtype))))
        items.add(name, dtype.number, value.shape, placed)
    writer.close()
    items.write(prefix + ".index", protos.Header(1))
