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


def _remainder(*powers):
    """Returns the sum of powers of x, divided by the polynomial without any table."""
    total = 0
    for power in powers:
        value = 1
        for _ in range(power):
            value <<= 1
            value ^= 0x11EDC6F41 if value >> 32 else 0
        total ^= value
    return total


def test_the_sum_of_four_powers_is_divided_and_words_come_round():
    first, second, third = crc32c._LAGS
    assert _remainder(third, third - first, third - second, 0) == 0
    assert _remainder(64 * third, 64 * (third - first), 64 * (third - second), 0) == 0
    assert crc32c._advance(0x12345678, crc32c._ORDER) == 0x12345678


@pytest.mark.parametrize("size", [1 << 18, (1 << 18) + 5, 8 * (1 << 15) + 8, 300_007, 600_000])
def test_lengths_from_which_words_are_left_out_agree_with_bitwise_division(size):
    data = np.random.RandomState(size).bytes(size)
    assert crc32c.value(data) == bitwise(data)


@pytest.mark.parametrize("cuts", [(), (8,), (64, 262_144, 262_152), (45_480, 45_488, 90_960)])
def test_a_running_value_is_that_of_all_pieces(cuts):
    data = np.random.RandomState(9).bytes(280_003)
    running = crc32c.Running()
    for start, stop in zip((0, *cuts), (*cuts, len(data)), strict=True):
        running.add(memoryview(data)[start:stop])
    assert running.value() == bitwise(data)
    assert crc32c.Running().value() == 0


def test_stretches_are_joined():
    data = np.random.RandomState(2).bytes(5000)
    for cut in (0, 1, 999, 5000):
        parts = crc32c.value(data[:cut]), crc32c.value(data[cut:])
        assert crc32c.joined(*parts, 5000 - cut) == crc32c.value(data)


def test_mask_is_undone_by_unmask():
    for crc in (0, 1, 0xE3069283, 0xFFFFFFFF):
        assert crc32c.unmask(crc32c.mask(crc)) == crc
    assert crc32c.mask(0) == 0xA282EAD8
