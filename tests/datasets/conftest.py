"""Writes IDX files from their definition, without the code under test."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def _encode(array):
    header = bytes([0, 0, CODES[array.dtype.name], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def encode_idx():
    """Returns the bytes of a plain IDX file."""
    return _encode


@pytest.fixture
def write_idx(tmp_path):
    """Writes an array, or raw bytes, to a file under tmp_path and returns its path."""

    def write(name, content, *, packed=False):
        data = content if isinstance(content, bytes) else _encode(np.asarray(content))
        path = Path(tmp_path) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data, mtime=0) if packed else data)
        return path

    return write
