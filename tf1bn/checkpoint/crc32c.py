"""CRC-32C (Castagnoli) of byte strings, vectorised with NumPy, and the mask that checkpoint files put on it.

A CRC is linear over GF(2). Write ``A(s, n)`` for the state ``s`` after ``n`` zero bytes; then the state after
the little-endian words ``w[0] .. w[n-1]`` is the exclusive or of all ``A(w[i], 4 * (n - i))``. So a buffer can be
read as rows of many words, every column advanced by one row at a time, and the columns folded at the end.

Trick: leading zeros do not change a state of zero, so a buffer is filled up at its *front* to a power of two
words and no tail needs a path of its own.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterable

import numpy as np

_POLYNOMIAL = 0x82F63B78
_ONES = 0xFFFFFFFF
_MASK_DELTA = 0xA282EAD8
_LANE_BITS = 14  # words per row of the wide path: 64 KiB rows, whose temporaries stay in the cache
_CHUNK_BYTES = 1 << 20
_SMALL = 768  # up to this many bytes a plain loop is faster than NumPy calls


def _byte_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_BYTE = _byte_table()


@functools.cache
def _basis(power: int) -> tuple[int, ...]:
    """Returns the images of the 32 single-bit states under an advance by ``2 ** power`` zero bytes."""
    if power == 0:
        return tuple(_BYTE[(1 << bit) & 255] ^ ((1 << bit) >> 8) for bit in range(32))
    half = _basis(power - 1)
    tables = _lists(power - 1)
    return tuple(_look(tables, image) for image in half)


@functools.cache
def _lists(power: int) -> tuple[list[int], ...]:
    """Returns four 256-row tables, one per byte of a state, of the advance by ``2 ** power`` bytes."""
    basis = _basis(power)
    tables = []
    for byte in range(4):
        table = [0]
        for bit in range(8):
            table += [row ^ basis[8 * byte + bit] for row in table]
        tables.append(table)
    return tuple(tables)


def _look(tables: tuple[list[int], ...], state: int) -> int:
    return tables[0][state & 255] ^ tables[1][state >> 8 & 255] ^ tables[2][state >> 16 & 255] ^ tables[3][state >> 24]


@functools.cache
def _narrow(power: int) -> tuple[np.ndarray, ...]:
    return tuple(np.array(table, np.uint32) for table in _lists(power))


@functools.cache
def _wide(power: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns two 65,536-row tables, one per half of a state: two look-ups per word instead of four."""
    basis = _basis(power)
    halves = []
    for half in range(2):
        table = np.zeros(1, np.uint32)
        for bit in range(16):
            table = np.concatenate([table, table ^ np.uint32(basis[16 * half + bit])])
        halves.append(table)
    return halves[0], halves[1]


def _advance(state: int, count: int) -> int:
    """Returns ``state`` after ``count`` zero bytes."""
    power = 0
    while count:
        if count & 1:
            state = _look(_lists(power), state)
        count >>= 1
        power += 1
    return state


def _fold(words: np.ndarray) -> int:
    """Returns the state of a power-of-two number of words, halving them until one is left."""
    while words.size > 1:
        half = words.size // 2
        tables = _narrow(half.bit_length() + 1)  # 4 * half bytes
        octets = words[:half].view(np.uint8).reshape(half, 4)
        folded = words[half:].copy()
        for byte in range(4):
            folded ^= tables[byte].take(octets[:, byte])
        words = folded
    return _look(_lists(2), int(words[0]))


def _state_of_words(words: np.ndarray) -> int:
    lanes = 1 << _LANE_BITS
    if words.size <= lanes:
        return _fold(words)
    low, high = _wide(_LANE_BITS + 2)
    rows = words.reshape(-1, lanes)
    acc = rows[0].copy()
    for row in rows[1:]:
        pairs = acc.view(np.uint16)
        acc = low.take(pairs[0::2])
        acc ^= high.take(pairs[1::2])
        acc ^= row
    return _fold(acc)


def _raw(data: memoryview) -> int:
    """Returns the state after ``data``, starting at zero."""
    size = len(data)
    if size <= _SMALL:
        state, whole = 0, size & ~3
        first, second, third, fourth = _lists(2)
        for word in struct.unpack_from(f"<{whole >> 2}I", data):
            state ^= word
            state = first[state & 255] ^ second[state >> 8 & 255] ^ third[state >> 16 & 255] ^ fourth[state >> 24]
        for octet in data[whole:]:
            state = _BYTE[(state ^ octet) & 255] ^ (state >> 8)
        return state
    lanes_bytes = 4 << _LANE_BITS
    if size % lanes_bytes == 0:
        return _state_of_words(np.frombuffer(data, "<u4"))
    padded_size = 1 << (size - 1).bit_length() if size < lanes_bytes else -(-size // lanes_bytes) * lanes_bytes
    padded = np.zeros(padded_size, np.uint8)
    padded[padded_size - size :] = np.frombuffer(data, np.uint8)
    return _state_of_words(padded.view("<u4"))


def extend(crc: int, data: bytes | bytearray | memoryview) -> int:
    """Returns the CRC-32C of the bytes behind ``crc`` followed by ``data``; ``crc`` of nothing is 0."""
    view = memoryview(data).cast("B") if len(data) else memoryview(b"")
    state = crc ^ _ONES
    for start in range(0, len(view), _CHUNK_BYTES):
        piece = view[start : start + _CHUNK_BYTES]
        state = _advance(state, len(piece)) ^ _raw(piece)
    return state ^ _ONES


def value(data: bytes | bytearray | memoryview) -> int:
    """Returns the CRC-32C of ``data``."""
    return extend(0, data)


def of_chunks(chunks: Iterable[bytes | bytearray | memoryview], crc: int = 0) -> int:
    """Returns the CRC-32C of the bytes behind ``crc`` followed by the chunks, one after the other."""
    for chunk in chunks:
        crc = extend(crc, chunk)
    return crc


def mask(crc: int) -> int:
    """Returns the stored form of a CRC: rotated right by 15 bits, plus a constant."""
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & _ONES


def unmask(stored: int) -> int:
    """Returns the CRC behind its stored form."""
    rotated = (stored - _MASK_DELTA) & _ONES
    return ((rotated >> 17) | (rotated << 15)) & _ONES
