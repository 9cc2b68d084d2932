"""The three messages of a V2 checkpoint index: header, entry, and the extents of a slice."""

from __future__ import annotations

import functools
from typing import NamedTuple

from tf1bn import errors
from tf1bn.checkpoint import wire
from tf1bn.checkpoint.ordered_code import Extent

_MAX_RANK = 254
_VERSION = wire.put_int(1, 1)  # producer 1: what every TensorFlow since 0.12 writes


class Header(NamedTuple):
    """What the index says about the whole checkpoint.

    Attributes:
      shards: how many data files there are.
      version: the version message, kept as bytes.
    """

    shards: int
    version: bytes = _VERSION


class Entry(NamedTuple):
    """Where one tensor, or one slice of it, is kept.

    Attributes:
      dtype: number of the data type.
      shape: of the whole tensor, or of the slice.
      shard: which data file.
      offset: of the first byte in that file.
      size: in bytes.
      crc: masked CRC-32C of the bytes.
      slices: the extents of every slice, when the tensor is partitioned; it then has no bytes of its own.
    """

    dtype: int
    shape: tuple[int, ...]
    shard: int = 0
    offset: int = 0
    size: int = 0
    crc: int = 0
    slices: tuple[tuple[Extent, ...], ...] = ()


def parse_header(data: bytes | memoryview) -> Header:
    """Reads the header message.

    Raises:
      CheckpointDamagedError: it is malformed or names no data file.
      CheckpointUnsupportedError: it was written on a big-endian machine.
    """
    shards, endianness, version = 0, 0, b""
    for field, _, value in wire.fields(data):
        if field == 1:
            shards = wire.as_int(value)
        elif field == 2:
            endianness = wire.as_int(value)
        elif field == 3:
            version = bytes(wire.as_view(value))
    if endianness:
        raise errors.CheckpointUnsupportedError(
            errors.explain(
                "the checkpoint was written on a big-endian machine", fix="Save it again on a little-endian one."
            )
        )
    if not 0 < shards < 1 << 31:
        raise wire.damaged("the header counts an impossible number of data files", got=shards, expected="1 or more")
    return Header(shards, version)


def header_bytes(header: Header) -> bytes:
    """Returns the header message."""
    return wire.put_int(1, header.shards) + wire.put_bytes(3, header.version)


def parse_shape(data: memoryview) -> tuple[int, ...]:
    """Reads a shape message.

    Raises:
      CheckpointDamagedError: a size is negative, the rank is unknown or above 254.
    """
    sizes = []
    for field, _, value in wire.fields(data):
        if field == 2:
            size = 0
            for inner, _, number in wire.fields(wire.as_view(value)):
                if inner == 1:
                    size = wire.signed(wire.as_int(number))
            if size < 0:
                raise wire.damaged("a stored shape has a negative size", got=size)
            sizes.append(size)
        elif field == 3 and value:
            raise wire.damaged("a stored shape has no rank")
    if len(sizes) > _MAX_RANK:
        raise wire.damaged("a stored shape has too many axes", got=len(sizes), expected="at most 254")
    return tuple(sizes)


def parse_extents(data: memoryview) -> tuple[Extent, ...]:
    """Reads a slice message: (start, length) per axis, length -1 for a full axis."""
    extents = []
    for field, _, value in wire.fields(data):
        if field != 1:
            continue
        start, length = 0, -1
        for inner, _, number in wire.fields(wire.as_view(value)):
            if inner == 1:
                start = wire.signed(wire.as_int(number))
            elif inner == 2:
                length = wire.signed(wire.as_int(number))
        if start < 0 or length < -1:
            raise wire.damaged("a stored slice starts or ends before the tensor", got=(start, length))
        extents.append((start, length))
    return tuple(extents)


@functools.lru_cache(maxsize=1 << 14)
def _shape_of(data: bytes) -> tuple[int, ...]:
    """Reads a shape message; a checkpoint has far fewer shapes than tensors."""
    return parse_shape(memoryview(data))


def _plain_entry(data: bytes) -> Entry | None:
    """Reads an entry as TensorFlow writes that of a whole tensor: each field once and in order; None for any other.

    An index may have a million entries, and nearly all are such: this takes a third of the time of the general way.
    """
    if len(data) < 9 or data[0] != 0x08 or data[2] != 0x12 or (data[1] | data[3]) > 127 or data[-5] != 0x35:
        return None
    at, end = 4 + data[3], len(data) - 5  # behind the shape; the checksum is last
    shape, numbers, last = _shape_of(data[4:at]), [0, 0, 0], 0x10
    while at < end:
        tag, at, number, shift = data[at], at + 1, 0, 0
        if tag not in (0x18, 0x20, 0x28) or tag <= last:
            return None
        while at < end:
            octet = data[at]
            number |= (octet & 127) << shift
            at, shift = at + 1, shift + 7
            if octet < 128:
                break
        else:
            return None
        numbers[(tag >> 3) - 3], last = number, tag
    if at != end or max(numbers) >> 63:
        return None
    shard, offset, size = numbers
    return Entry(data[1], shape, shard, offset, size, int.from_bytes(data[-4:], "little"))


def parse_entry(data: bytes | memoryview) -> Entry:
    """Reads an entry message.

    Raises:
      CheckpointDamagedError: it is malformed, or a number in it is negative.
    """
    plain = _plain_entry(bytes(data)) if len(data) < 256 else None
    if plain is not None:
        return plain
    numbers = [0] * 7  # by field: dtype 1, shard 3, offset 4, size 5, checksum 6
    shape: tuple[int, ...] = ()
    slices: list[tuple[Extent, ...]] = []
    for field, _, value in wire.fields(data):
        if field == 2:
            view = wire.as_view(value)
            shape = _shape_of(bytes(view)) if len(view) < 64 else parse_shape(view)
        elif field == 7:
            slices.append(parse_extents(wire.as_view(value)))
        elif field < 7:
            numbers[field] = wire.as_int(value)
    _, dtype, _, shard, offset, size, crc = numbers
    if shard >> 63 or offset >> 63 or size >> 63:
        place = tuple(map(wire.signed, (shard, offset, size)))
        raise wire.damaged("an entry points before the beginning of the data", got=place)
    return Entry(dtype, shape, shard, offset, size, crc, tuple(slices))


def shape_bytes(shape: tuple[int, ...]) -> bytes:
    """Returns a shape message."""
    return b"".join(wire.put_bytes(2, wire.put_int(1, size)) for size in shape)


def extents_bytes(extents: tuple[Extent, ...]) -> bytes:
    """Returns a slice message."""
    parts = []
    for start, length in extents:
        full = b"" if length < 0 else wire.varint(2 << 3) + wire.varint(length)
        parts.append(wire.put_bytes(1, wire.put_int(1, start) + full))
    return b"".join(parts)


def entry_bytes(entry: Entry) -> bytes:
    """Returns an entry message, byte for byte as TensorFlow writes it."""
    head = wire.put_int(1, entry.dtype) + wire.put_bytes(2, shape_bytes(entry.shape))
    place = wire.put_int(3, entry.shard) + wire.put_int(4, entry.offset) + wire.put_int(5, entry.size)
    tail = b"".join(wire.put_bytes(7, extents_bytes(extents)) for extents in entry.slices)
    return head + place + wire.put_fixed32(6, entry.crc) + tail
