"""Keys of tensor slices in checkpoint indexes: byte strings that sort as their parts do.

A key is the number 0, the tensor's name, its rank, and for every axis the start and the length of the slice (a
full axis is start 0 with length -1). Numbers and names are written so that comparing bytes compares them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Extent = tuple[int, int]  # start and length of one axis; length -1 for the whole axis


def _number(value: int) -> bytes:
    """Returns a non-negative number: its byte count, then its bytes, most significant first."""
    digits = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes([len(digits)]) + digits


def _text(data: bytes) -> bytes:
    """Returns a string with 0 and 255 escaped, and a terminator that sorts before any continuation."""
    return re.sub(rb"[\x00\xff]", lambda hit: hit[0] + bytes([255 - hit[0][0]]), data) + b"\x00\x01"


def _signed(value: int) -> bytes:
    """Returns a signed number: the sign and the length in bytes share the leading bits.

    ``n`` bytes hold ``7 n - 1`` bits of a two's complement number whose first ``n`` bits are the complement of
    the sign, then comes the sign.
    """
    magnitude = ~value if value < 0 else value
    size = max(1, -(-(magnitude.bit_length() + 1) // 7))
    header = ((1 << size) - 1) << (7 * size)  # n leading ones of n bytes
    bits = value & ((1 << 8 * size) - 1)  # two's complement on n bytes
    return (bits ^ header).to_bytes(size, "big")


def slice_key(name: str, extents: Sequence[Extent]) -> bytes:
    """Returns the index key of one slice of a partitioned tensor."""
    parts = [_number(0), _text(name.encode("utf-8", "surrogateescape")), _number(len(extents))]
    for start, length in extents:
        parts += [_signed(start), _signed(length)]
    return b"".join(parts)
