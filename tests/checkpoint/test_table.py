"""The sorted-table file: round trips, single keys, and every way a block can be wrong."""

import io
import os
import struct

import pytest

from tf1bn import errors
from tf1bn.checkpoint import crc32c, table, wire


def put(path, items):
    out = io.BytesIO()
    table.write_table(out, items)
    path.write_bytes(out.getvalue())
    return path


def pairs(path, **options):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return [(key, bytes(value)) for key, value in table.Table(descriptor, 1 << 24, **options)]
    finally:
        os.close(descriptor)


ITEMS = [(b"key%06d" % number, b"v" * (number % 300)) for number in range(5000)]


@pytest.mark.parametrize("mapped", [False, True])
def test_many_blocks_come_back_as_written(tmp_path, mapped):
    assert pairs(put(tmp_path / "t", ITEMS), mapped=mapped) == ITEMS


@pytest.mark.parametrize("mapped", [False, True])
def test_get_finds_each_key_and_no_other(tmp_path, mapped):
    descriptor = os.open(put(tmp_path / "t", ITEMS), os.O_RDONLY)
    opened = table.Table(descriptor, 1 << 24, mapped=mapped)
    assert bytes(opened.get(b"key000003")) == b"vvv"
    assert bytes(opened.get(b"key004999")) == b"v" * (4999 % 300)
    assert opened.get(b"key0000035") is None
    assert opened.get(b"zzz") is None
    os.close(descriptor)


def test_a_flipped_bit_is_found_by_the_checksum(tmp_path):
    path = put(tmp_path / "t", ITEMS)
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(errors.CheckpointDamagedError, match="checksum of the block at byte 0 is wrong"):
        pairs(path)


def test_a_cut_file_does_not_end_as_a_checkpoint(tmp_path):
    path = put(tmp_path / "t", ITEMS)
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    with pytest.raises(errors.CheckpointDamagedError, match="does not end as a checkpoint does"):
        pairs(path)
    path.write_bytes(data[:20])
    with pytest.raises(errors.CheckpointDamagedError, match="too short for a checkpoint"):
        pairs(path)


def checked(contents, kind=0):
    body = contents + bytes([kind])
    return body + struct.pack("<I", crc32c.mask(crc32c.value(body)))


def single_block(contents, kind=0):
    """Returns a table file whose index block is ``contents``."""
    block = checked(contents, kind)
    footer = wire.varint(0) * 2 + wire.varint(0) + wire.varint(len(contents))
    return block + footer.ljust(40, b"\0") + struct.pack("<Q", table.MAGIC)


@pytest.mark.parametrize(
    ("contents", "kind", "error", "text"),
    [
        (b"\0" * 8, 1, errors.CheckpointUnsupportedError, "the table is compressed"),
        (b"\0", 0, errors.CheckpointDamagedError, "a block is too short"),
        (struct.pack("<I", 99), 0, errors.CheckpointDamagedError, "more restarts than it holds"),
        (b"\x05\x01\x01ab" + struct.pack("<II", 0, 1), 0, errors.CheckpointDamagedError, "outside its block"),
        (b"\x00\x01\x02a\xff\x7f" + struct.pack("<II", 0, 1), 0, errors.CheckpointDamagedError, "is cut off"),
        (b"\x00\x01\x02a\x7f\x7f" + struct.pack("<II", 0, 1), 0, errors.CheckpointDamagedError, "outside the file"),
    ],
)
def test_malformed_blocks_are_named(tmp_path, contents, kind, error, text):
    path = tmp_path / "t"
    path.write_bytes(single_block(contents, kind))
    with pytest.raises(error, match=text):
        pairs(path)


def test_a_block_beyond_the_limit_is_refused_before_it_is_read(tmp_path):
    path = put(tmp_path / "t", [(b"k", b"v" * 5000)])
    descriptor = os.open(path, os.O_RDONLY)
    with pytest.raises(errors.CheckpointDamagedError, match="larger than any writer makes"):
        list(table.Table(descriptor, 100))
    os.close(descriptor)


def test_keys_out_of_order_are_refused(tmp_path):
    with pytest.raises(errors.CheckpointDamagedError, match="not in order"):
        pairs(put(tmp_path / "t", [(b"b", b""), (b"a", b"")]))


def test_an_endless_variable_length_integer_is_refused():
    with pytest.raises(errors.CheckpointDamagedError, match="longer than 64 bits"):
        wire.read_varint(b"\xff" * 20, 0)
    with pytest.raises(errors.CheckpointDamagedError, match="integer is cut off"):
        wire.read_varint(b"\xff", 0)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"\x0b", "field of unknown kind"),
        (b"\x0a\x05ab", "cut off inside a field"),
        (b"\x0d\x01", "cut off inside a field"),
    ],
)
def test_malformed_messages_are_named(message, text):
    with pytest.raises(errors.CheckpointDamagedError, match=text):
        list(wire.fields(message))


def test_a_field_of_the_other_kind_is_refused():
    with pytest.raises(errors.CheckpointDamagedError, match="bytes where a number belongs"):
        wire.as_int(memoryview(b""))
    with pytest.raises(errors.CheckpointDamagedError, match="number where bytes belong"):
        wire.as_view(3)
