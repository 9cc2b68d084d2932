"""The sorted-table file that checkpoint indexes and V1 checkpoints are: read block by block, and written.

Layout: data blocks, an empty meta block, an index block (last key of each data block -> its place), and a
48-byte footer. A block is a run of entries whose keys share a prefix with the one before, an array of restart
positions, one byte of compression kind and a masked CRC-32C of all that.
"""

from __future__ import annotations

import bisect
import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from tf1bn import errors, progress
from tf1bn.checkpoint import crc32c
from tf1bn.checkpoint.wire import damaged, read_varint, varint

MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_TRAILER = 5
_PIECE = 1 << 20
_BLOCK_BYTES = 262144  # what TensorFlow's writer uses
_RESTART_EVERY = 16


def _pread(descriptor: int, size: int, offset: int) -> bytes:
    """Reads exactly ``size`` bytes at ``offset``."""
    # A read may be short, at 2 GiB or when a signal comes.
    parts, left = [], size
    while left:
        part = os.pread(descriptor, left, offset)
        if not part:
            raise damaged("the file ends inside a block", got=f"{size - left} bytes", expected=f"{size}")
        parts.append(part)
        left -= len(part)
        offset += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class Table:
    """Reads a sorted table.

    Args:
      descriptor: of the open file; stays the caller's.
      limit: largest block in bytes that is read; a damaged or hostile file cannot ask for more memory.
      mapped: maps the file instead of reading it, for tables whose blocks hold whole tensors: values are then
        views of the file, and checking a block leaves nothing of it in memory.

    Raises:
      CheckpointDamagedError: not a table, cut off, or a block's checksum is wrong.
      CheckpointUnsupportedError: a block is compressed.
    """

    def __init__(self, descriptor: int, limit: int, *, mapped: bool = False) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._map: mmap.mmap | None = None
        self._keys: list[bytes] = []
        self._handles: list[tuple[int, int]] = []
        self._size = os.fstat(descriptor).st_size
        if self._size < _FOOTER:
            raise damaged("the file is too short for a checkpoint", got=f"{self._size} bytes", expected="48 or more")
        footer = _pread(descriptor, _FOOTER, self._size - _FOOTER)
        # The end first: a file that was cut off has everything but this.
        if struct.unpack_from("<Q", footer, 40)[0] != MAGIC:
            raise damaged("the file does not end as a checkpoint does: cut off, or not a checkpoint")
        # The first of the two handles is that of the meta block, which is empty.
        _, at = self._handle(footer, 0)
        self._index, _ = self._handle(footer, at)
        if mapped:
            self._map = mmap.mmap(descriptor, self._size, access=mmap.ACCESS_READ)

    @staticmethod
    def _handle(data: bytes | memoryview, at: int) -> tuple[tuple[int, int], int]:
        offset, at = read_varint(data, at)
        size, at = read_varint(data, at)
        return (offset, size), at

    def _block(self, handle: tuple[int, int]) -> bytes | memoryview:
        """Returns the checked contents of one block, without its trailer."""
        offset, size = handle
        if offset + size + _TRAILER > self._size - _FOOTER:
            raise damaged("a block lies outside the file", got=handle, expected=f"within {self._size} bytes")
        # Before it is read, as a damaged length may ask for all memory.
        if size > self._limit:
            raise damaged("a block is larger than any writer makes", got=size, expected=f"at most {self._limit}")
        data: bytes | memoryview
        if self._map is None:
            data = _pread(self._descriptor, size + _TRAILER, offset)
        else:
            data = memoryview(self._map)[offset : offset + size + _TRAILER]
        crc = 0
        # The byte that says how the block is compressed is covered by the checksum.
        for start in range(0, size + 1, _PIECE):
            crc = crc32c.extend(crc, memoryview(data)[start : min(start + _PIECE, size + 1)])
            self.forget()
        if crc32c.mask(crc) != struct.unpack_from("<I", data, size + 1)[0]:
            raise damaged(f"the checksum of the block at byte {offset} is wrong", fix="The file was altered or cut.")
        if data[size]:
            raise errors.CheckpointUnsupportedError(
                errors.explain("the table is compressed", got=data[size], expected="0, as checkpoints are written")
            )
        return data[:size]

    def forget(self) -> None:
        """Gives the pages of a mapped file back, so that they do not count as memory in use."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)

    def get(self, key: bytes) -> memoryview | None:
        """Returns the value of one key, reading only the block that it can be in."""
        if not self._keys:
            for last, where in _entries(self._block(self._index)):
                self._keys.append(last)
                self._handles.append(self._handle(where, 0)[0])
        at = bisect.bisect_left(self._keys, key)
        if at < len(self._keys):
            for found, value in _entries(self._block(self._handles[at])):
                if found == key:
                    return value
        return None

    def __iter__(self) -> Iterator[tuple[bytes, memoryview]]:
        """Yields (key, value) in the order of the keys."""
        last: bytes | None = None
        handles = [self._handle(where, 0)[0] for _, where in _entries(self._block(self._index))]
        for handle in progress.each(handles, "reading the index", "blocks"):
            for key, value in _entries(self._block(handle)):
                # Readers search by order, and would miss a tensor where it is broken.
                if last is not None and key <= last:
                    raise damaged("the keys of the table are not in order", got=key[:200])
                last = key
                yield key, value


def _entries(block: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yields (key, value) of one block."""
    if len(block) < 4:
        raise damaged("a block is too short")
    restarts = struct.unpack_from("<I", block, len(block) - 4)[0]
    end = len(block) - 4 - 4 * restarts
    if end < 0:
        raise damaged("a block counts more restarts than it holds", got=restarts)
    view = memoryview(block)
    at, key = 0, b""
    while at < end:
        shared, fresh, size = view[at], view[at + 1], view[at + 2]
        # Three numbers of one byte each, as nearly all entries have: reading them apart takes most of the time.
        if (shared | fresh | size) < 128:
            at += 3
        else:
            shared, at = read_varint(view, at)
            fresh, at = read_varint(view, at)
            size, at = read_varint(view, at)
        if shared > len(key) or at + fresh + size > end:
            raise damaged("an entry lies outside its block")
        key = key[:shared] + bytes(view[at : at + fresh])
        at += fresh
        yield key, view[at : at + size]
        at += size


def _shared(one: bytes, other: bytes) -> int:
    """Returns how many leading bytes two keys have in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _separator(low: bytes, high: bytes) -> bytes:
    """Returns a short key that is at least ``low`` and below ``high``."""
    shared = _shared(low, high)
    # Where one key begins with the other, no shorter one lies between.
    if shared < min(len(low), len(high)):
        octet = low[shared]
        if octet < 255 and octet + 1 < high[shared]:
            return low[:shared] + bytes([octet + 1])
    return low


def _successor(key: bytes) -> bytes:
    """Returns a short key that is at least ``key``."""
    for at, octet in enumerate(key):
        if octet != 255:
            return key[:at] + bytes([octet + 1])
    return key


class _Block:
    """Collects the entries of one block."""

    def __init__(self, restart_every: int) -> None:
        self._every = restart_every
        self.data = bytearray()
        self._restarts = [0]
        self._count = 0
        self._last = b""

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        # At a restart the key is whole, so that a reader can begin there.
        if self._count == self._every:
            self._restarts.append(len(self.data))
            self._count = 0
        else:
            shared = _shared(self._last, key)
        self.data += varint(shared) + varint(len(key) - shared) + varint(len(value))
        self.data += key[shared:]
        self.data += value
        self._last = key
        self._count += 1

    def size(self) -> int:
        return len(self.data) + 4 * len(self._restarts) + 4

    def finish(self) -> bytes:
        tail = struct.pack(f"<{len(self._restarts) + 1}I", *self._restarts, len(self._restarts))
        return bytes(self.data) + tail


def _put_block(out: BinaryIO, at: int, contents: bytes) -> tuple[bytes, int]:
    """Writes one block; returns its encoded place and the position behind it."""
    body = contents + b"\0"
    out.write(body)
    out.write(struct.pack("<I", crc32c.mask(crc32c.value(body))))
    return varint(at) + varint(len(contents)), at + len(contents) + _TRAILER


def write_table(out: BinaryIO, items: Iterable[tuple[bytes, bytes]]) -> None:
    """Writes a table of (key, value) pairs, whose keys must ascend; the bytes are those TensorFlow writes."""
    # The keys of an index block are all whole, for it is searched and not read through.
    index = _Block(1)
    block, at, place, last = _Block(_RESTART_EVERY), 0, b"", b""
    for key, value in items:
        if place:
            # Only now, as a short key between two blocks takes the first key of the next one to find.
            index.add(_separator(last, key), place)
            place = b""
        block.add(key, value)
        last = key
        if block.size() >= _BLOCK_BYTES:
            place, at = _put_block(out, at, block.finish())
            block = _Block(_RESTART_EVERY)
    if block.data:
        place, at = _put_block(out, at, block.finish())
    meta, at = _put_block(out, at, _Block(_RESTART_EVERY).finish())
    if place:
        index.add(_successor(last), place)
    top, at = _put_block(out, at, index.finish())
    out.write((meta + top).ljust(_FOOTER - 8, b"\0") + struct.pack("<Q", MAGIC))
