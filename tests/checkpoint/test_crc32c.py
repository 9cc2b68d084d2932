"""CRC-32C against published check values and a bit-by-bit division."""

import numpy as np
import pytest

from tf1bn.checkpoint import crc32c


def bitwise(data):
    state = 0xFFFFFFFF
    for octet in data:
        state ^= octet
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_published_check_values(data, expected):
    assert crc32c.value(data) == expected


@pytest.mark.parametrize("size", [1, 3, 47, 48, 49, 64, 1000, 4096, 65535, 65536, 65537, 131072, 200001])
def test_every_length_agrees_with_bitwise_division(size):
    data = np.random.RandomState(size).bytes(size)
    assert crc32c.value(data) == bitwise(data)


def test_pieces_give_the_value_of_the_whole():
    data = np.random.RandomState(5).bytes((1 << 20) + 12345)
    whole = crc32c.value(data)
    assert crc32c.of_chunks([data[:7], data[7:70001], data[70001:]]) == whole
    assert crc32c.extend(crc32c.value(data[:999]), memoryview(data)[999:]) == whole


def test_mask_is_undone_by_unmask():
    for crc in (0, 1, 0xE3069283, 0xFFFFFFFF):
        assert crc32c.unmask(crc32c.mask(crc)) == crc
    assert crc32c.mask(0) == 0xA282EAD8
