"""The protocol-buffer wire format, as far as checkpoint files need it: read with every length checked, and written."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tf1bn import errors

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_SINGLE = [bytes([number]) for number in range(128)]
Value = int | memoryview


def damaged(what: str, **parts: object) -> errors.CheckpointDamagedError:
    """Returns a named error for bytes that cannot be what they should be."""
    return errors.CheckpointDamagedError(errors.explain(what, **parts))  # type: ignore[arg-type]


def read_varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """Returns the variable-length integer at ``at`` and the position behind it.

    Raises:
      CheckpointDamagedError: the bytes end inside it, or it is longer than 64 bits.
    """
    result = 0
    try:
        # Ten bytes of 7 bits hold 64; an eleventh is damage.
        for shift in range(0, 70, 7):
            octet = data[at]
            at += 1
            result |= (octet & 127) << shift
            if octet < 128:
                return result, at
    except IndexError:
        raise damaged("a variable-length integer is cut off") from None
    raise damaged("a variable-length integer is longer than 64 bits")


def varint(number: int) -> bytes:
    """Returns the variable-length form of an integer; negative ones as 64-bit two's complement."""
    # Nearly all numbers of an index.
    if 0 <= number < 128:
        return _SINGLE[number]
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def signed(number: int) -> int:
    """Returns the 64-bit two's complement reading of an unsigned varint."""
    number &= (1 << 64) - 1
    return number - (1 << 64) if number >> 63 else number


def fields(data: bytes | memoryview) -> Iterator[tuple[int, int, Value]]:
    """Yields (field number, wire type, value) of one message; bytes fields are views, not copies.

    Raises:
      CheckpointDamagedError: a field is cut off, or of a wire type that these files never hold.
    """
    # Slices of a view are not copied, and never fail for being too long: the end is compared below.
    view = memoryview(data)
    at, end = 0, len(view)
    while at < end:
        tag, at = (view[at], at + 1) if view[at] < 128 else read_varint(view, at)
        kind = tag & 7
        value: Value
        if kind == VARINT:
            value, at = (view[at], at + 1) if at < end and view[at] < 128 else read_varint(view, at)
        elif kind == BYTES:
            size, at = (view[at], at + 1) if at < end and view[at] < 128 else read_varint(view, at)
            value, at = view[at : at + size], at + size
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
            value, at = int.from_bytes(view[at : at + size], "little"), at + size
        else:
            raise damaged("a message has a field of unknown kind", got=kind, expected="0, 1, 2 or 5")
        if at > end:
            raise damaged("a message is cut off inside a field")
        yield tag >> 3, kind, value


def as_int(value: Value) -> int:
    """Returns an integer field's value; refuses a field of another kind."""
    if not isinstance(value, int):
        raise damaged("a message holds bytes where a number belongs")
    return value


def as_view(value: Value) -> memoryview:
    """Returns a bytes field's value; refuses a field of another kind."""
    if isinstance(value, int):
        raise damaged("a message holds a number where bytes belong")
    return value


def as_text(value: Value) -> str:
    """Returns a bytes field as text; bytes that are not UTF-8 survive a round trip."""
    return bytes(as_view(value)).decode("utf-8", "surrogateescape")


def put_int(field: int, number: int) -> bytes:
    """Returns an integer field; nothing for 0, which is the default."""
    return varint(field << 3) + varint(number) if number else b""


def put_fixed32(field: int, number: int) -> bytes:
    """Returns a 32-bit field; nothing for 0, which is the default."""
    return varint(field << 3 | FIXED32) + struct.pack("<I", number) if number else b""


def put_bytes(field: int, data: bytes) -> bytes:
    """Returns a bytes field, also when empty: an empty message differs from an absent one."""
    return varint(field << 3 | BYTES) + varint(len(data)) + data
