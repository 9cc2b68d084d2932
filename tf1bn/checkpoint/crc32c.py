"""CRC-32C (Castagnoli) of byte strings, vectorised with NumPy, and the mask that checkpoint files put on it.

A CRC is linear over GF(2). Write ``A(s, n)`` for the state ``s`` after ``n`` zero bytes; then the state after
the little-endian words ``w[0] .. w[n-1]`` is the exclusive or of all ``A(w[i], 4 * (n - i))``. So a buffer can be
read as rows of many words, every column advanced by one row at a time, and the columns folded at the end.

Trick: leading zeros do not change a state of zero, so a buffer is filled up at its *front* to a power of two
words and no tail needs a path of its own.

Trick: the polynomial divides ``x**5685 + x**1362 + x**426 + 1``, and so that with every exponent times 64. A word may
then be left out where it is put, by exclusive or, on three later ones. That leaves the last 5685 words of a buffer
without one look-up in a table, as fast as memory is read. No such sum of fewer terms exists: ``x + 1`` divides the
polynomial, so their number is even. Of those that a search finds below the 6200th power, this one has the widest gap,
and with it the longest stretches that one operation does. Words that are put behind the end make a state so many zero
bytes later; as ``x`` has the order ``2**31 - 1``, the way back is a way on.
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
_CHUNK_BYTES = 16 << 20
_LAGS = (5685 - 1362, 5685 - 426, 5685)  # in words of 8 bytes: where a word is put that is left out
_WINDOW = 1 << 15  # words at a time, which stay in the cache
_FROM = 1 << 18  # bytes from which leaving words out pays
_ORDER = 2**31 - 1  # after so many zero bytes every state is what it was
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


class Running:
    """The CRC-32C of bytes that come in pieces: faster than :func:`extend` for each, by one fold for all of them.

    Every piece but the last must have a multiple of 8 bytes.
    """

    def __init__(self) -> None:
        # The last words that were left out, as they were then, and room for more.
        self._known = np.zeros(_LAGS[2] + _WINDOW, np.uint64)
        self._size = 0
        self._tail = b""

    def add(self, data: bytes | bytearray | memoryview) -> None:
        """Takes the next bytes."""
        assert not self._tail, "a piece before this one had no whole number of words"
        view = memoryview(data).cast("B")
        whole = len(view) & ~7
        words = np.frombuffer(view[:whole], np.uint64)
        for start in range(0, words.size, _WINDOW):
            self._leave_out(words[start : start + _WINDOW])
        self._size += whole
        self._tail = bytes(view[whole:])

    def _leave_out(self, words: np.ndarray) -> None:
        known, (first, second, third) = self._known, _LAGS
        for start in range(0, words.size, first):
            stop = min(start + first, words.size)
            out = known[third + start : third + stop]
            np.bitwise_xor(words[start:stop], known[start:stop], out=out)
            for lag in (first, second):
                np.bitwise_xor(out, known[third + start - lag : third + stop - lag], out=out)
        known[:third] = known[words.size : words.size + third].copy()

    def state(self) -> int:
        """Returns the state after all bytes, starting at zero."""
        rest = np.zeros(_LAGS[2], np.uint64)  # what was put behind the end: the state as many zero bytes later
        for lag in _LAGS:
            rest[:lag] ^= self._known[_LAGS[2] - lag : _LAGS[2]]
        state = _advance(_raw(rest.data.cast("B")), _ORDER - 8 * _LAGS[2])
        for octet in self._tail:
            state = _BYTE[(state ^ octet) & 255] ^ (state >> 8)
        return state

    def value(self) -> int:
        """Returns the CRC-32C of all bytes."""
        return self.state() ^ _advance(_ONES, self._size + len(self._tail)) ^ _ONES


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
    if size >= _FROM:
        running = Running()
        running.add(data)
        return running.state()
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


def joined(first: int, second: int, size: int) -> int:
    """Returns the CRC-32C of two stretches of bytes, one behind the other, of which the second has that size."""
    return _advance(first, size) ^ second


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
