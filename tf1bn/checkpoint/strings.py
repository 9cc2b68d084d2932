"""String tensors in V2 data files: lengths, a checksum of the lengths, then the bytes of all strings.

The checksum in the index runs over something else than the stored bytes: the lengths as 32-bit numbers (64-bit
where 32 do not suffice), the stored checksum of the lengths, and the strings.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from tf1bn.checkpoint import crc32c
from tf1bn.checkpoint.wire import damaged, read_varint, varint

_PIECE = 1 << 20
Reader = Callable[[int, int], bytes]  # (position, size) -> bytes, cut at the end of the tensor


def _length_bytes(length: int) -> bytes:
    return struct.pack("<I", length) if length < 1 << 32 else struct.pack("<Q", length)


def encode(values: Iterable[bytes]) -> tuple[bytes, int]:
    """Returns the stored bytes of a string tensor and their unmasked checksum."""
    strings = list(values)
    crc = crc32c.of_chunks(_length_bytes(len(text)) for text in strings)
    check = struct.pack("<I", crc32c.mask(crc))
    body = b"".join(strings)
    return b"".join(varint(len(text)) for text in strings) + check + body, crc32c.extend(
        crc32c.extend(crc, check), body
    )


def _lengths(read: Reader, count: int, size: int) -> tuple[list[int], int, int]:
    """Returns the lengths, the position of the first string, and the checksum so far."""
    # Each length takes a byte at least; so a damaged shape cannot ask for a list of any size.
    if count > size:
        raise damaged("a string tensor is shorter than its shape says", got=f"{size} bytes for {count} strings")
    lengths: list[int] = []
    crc, at, window, base = 0, 0, b"", 0
    while len(lengths) < count:
        # A length may be ten bytes long, and must lie in the window as a whole.
        if at - base > len(window) - 10 and base + len(window) < size:
            base, window = at, read(at, _PIECE)
        length, inner = read_varint(window, at - base)
        at = base + inner
        if length > size:
            raise damaged("a stored string is longer than its tensor", got=length, expected=f"at most {size}")
        lengths.append(length)
    for start in range(0, count, _PIECE):
        part = lengths[start : start + _PIECE]
        packed = (
            struct.pack(f"<{len(part)}I", *part)
            if max(part, default=0) < 1 << 32
            else b"".join(_length_bytes(length) for length in part)
        )
        crc = crc32c.extend(crc, packed)
    check = read(at, 4)
    if struct.pack("<I", crc32c.mask(crc)) != check:
        raise damaged("the checksum of the string lengths is wrong")
    if at + 4 + sum(lengths) != size:
        raise damaged("the strings do not fill their tensor", got=at + 4 + sum(lengths), expected=f"{size} bytes")
    return lengths, at + 4, crc32c.extend(crc, check)


def checksum(read: Reader, count: int, size: int) -> int:
    """Returns the unmasked checksum of a stored string tensor, reading a piece at a time."""
    _, at, crc = _lengths(read, count, size)
    return crc32c.of_chunks(_pieces(read, at, size), crc)


def _pieces(read: Reader, at: int, size: int) -> Iterator[bytes]:
    while at < size:
        piece = read(at, _PIECE)
        yield piece
        at += len(piece)


def decode(read: Reader, shape: tuple[int, ...], count: int, size: int) -> np.ndarray:
    """Returns the strings as an object array of ``shape``.

    Raises:
      CheckpointDamagedError: lengths, checksum and size do not agree.
    """
    lengths, at, _ = _lengths(read, count, size)
    values = np.empty(count, object)
    # An object array begins with None.
    values[:] = b""
    for row, length in enumerate(lengths):
        stop = at + length
        while at < stop:
            piece = read(at, min(_PIECE, stop - at))
            values[row] = piece if not values[row] else values[row] + piece
            at += len(piece)
    return values.reshape(shape)
