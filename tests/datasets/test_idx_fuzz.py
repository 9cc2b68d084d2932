"""Mutated files: each one ends in a named error or in the array that an independent reading gives."""

import gzip
import io
import math
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from tf1bn.datasets import idx

FILES = 1500
LIMIT = 2 * 2**20
TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def oracle(data):
    """Returns the array that the format defines for these bytes, or None if it defines none."""
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read()
        except (OSError, EOFError, zlib.error):
            return None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES or not 1 <= data[3] <= 32:
        return None
    start = 4 + 4 * data[3]
    if len(data) < start:
        return None
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    dtype = np.dtype(TYPES[data[2]])
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > idx.MAX_BYTES:
        return None
    if len(data) != start + math.prod(shape) * dtype.itemsize:
        return None
    return np.ndarray(shape, dtype, buffer=data[start:])


def flip(random, data):
    """Changes one to four bits, mostly near the start where the headers are."""
    result = bytearray(data)
    for _ in range(random.randint(1, 5)):
        place = random.randint(0, min(len(data), 24) if random.rand() < 0.6 else len(data))
        result[place] ^= 1 << random.randint(8)
    return bytes(result)


def cut(random, data):
    return data[: random.randint(0, len(data))]


def splice(random, data):
    """Replaces a piece by bytes of another place, or by random ones."""
    start, source = random.randint(0, len(data), 2)
    length = random.randint(1, 9)
    piece = data[source : source + length] if random.rand() < 0.5 else random.bytes(length)
    return data[:start] + piece + data[start + random.randint(0, 9) :]


def extend(random, data):
    return data + (bytes(random.randint(1, 40)) if random.rand() < 0.5 else random.bytes(random.randint(1, 40)))


def header_lie(random, data):
    """Claims another dtype, rank or size in the header of the plain file."""
    result = bytearray(data)
    result[2 + random.randint(min(len(data) - 2, 14))] = random.randint(256)
    return bytes(result)


@pytest.fixture
def seeds(encode_idx):
    random = np.random.RandomState(11)
    arrays = [
        random.randint(0, 256, (5, 4, 3)).astype(np.uint8),
        random.randint(0, 10, 17).astype(np.uint8),
        random.randint(-99, 99, (2, 6)).astype(np.int16),
        random.randn(3, 1, 2).astype(np.float32),
        np.zeros((0, 3), np.int32),
    ]
    return [encode_idx(array) for array in arrays]


def test_mutated_files_end_in_a_named_error_or_the_right_array(seeds, tmp_path):
    random = np.random.RandomState(20)
    outcomes = {}
    path = tmp_path / "mutated"
    for _ in range(FILES):
        data = seeds[random.randint(len(seeds))]
        mutate = (flip, cut, splice, extend, header_lie)[random.randint(5)]
        if random.rand() < 0.5:  # either the packed bytes are hurt, or hurt bytes are packed soundly
            data = gzip.compress(mutate(random, data), mtime=0)
            data = mutate(random, data) if random.rand() < 0.5 and mutate is not header_lie else data
        else:
            data = mutate(random, data)
        path.write_bytes(data)
        outcome = _read_within_memory(path, oracle(data))
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert sum(outcomes.values()) == FILES
    reached = {"array", "IdxMagicError", "IdxDtypeError", "IdxRankError", "IdxSizeError", "IdxTruncatedError"}
    assert reached | {"IdxTrailingBytesError", "IdxGzipError"} <= set(outcomes), outcomes


def _read_within_memory(path, expected):
    tracemalloc.start()
    try:
        array = idx.read(path)
    except idx.IdxError as error:
        assert expected is None, f"refused a sound file: {error}"
        assert str(path) in str(error)
        return type(error).__name__
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < LIMIT
    assert expected is not None, "accepted a bad file"
    assert array.dtype == expected.dtype.newbyteorder("=") and array.dtype.isnative
    np.testing.assert_array_equal(array, expected)
    return "array"
