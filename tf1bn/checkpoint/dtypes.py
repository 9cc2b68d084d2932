"""Data types of stored tensors: their numbers in files, names, sizes, and NumPy counterparts.

NumPy has no bfloat16 and no quantised types; they are read as the unsigned or signed integers of their bits,
and :func:`as_floats` gives bfloat16 its numerical meaning.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tf1bn import errors


class DType(NamedTuple):
    """One data type of a stored tensor.

    Attributes:
      number: as written in files.
      name: as TensorFlow spells it.
      size: bytes per element; 0 where elements have no fixed size.
      numpy: NumPy type that holds the bits; None where there is none.
    """

    number: int
    name: str
    size: int
    numpy: str | None


_ROWS = (
    DType(1, "float32", 4, "<f4"),
    DType(2, "float64", 8, "<f8"),
    DType(3, "int32", 4, "<i4"),
    DType(4, "uint8", 1, "u1"),
    DType(5, "int16", 2, "<i2"),
    DType(6, "int8", 1, "i1"),
    DType(7, "string", 0, None),
    DType(8, "complex64", 8, "<c8"),
    DType(9, "int64", 8, "<i8"),
    DType(10, "bool", 1, "?"),
    DType(11, "qint8", 1, "i1"),
    DType(12, "quint8", 1, "u1"),
    DType(13, "qint32", 4, "<i4"),
    DType(14, "bfloat16", 2, "<u2"),
    DType(15, "qint16", 2, "<i2"),
    DType(16, "quint16", 2, "<u2"),
    DType(17, "uint16", 2, "<u2"),
    DType(18, "complex128", 16, "<c16"),
    DType(19, "float16", 2, "<f2"),
    DType(20, "resource", 0, None),
    DType(21, "variant", 0, None),
    DType(22, "uint32", 4, "<u4"),
    DType(23, "uint64", 8, "<u8"),
    DType(24, "float8_e5m2", 1, "u1"),
    DType(25, "float8_e4m3fn", 1, "u1"),
    DType(29, "int4", 1, "i1"),
    DType(30, "uint4", 1, "u1"),
)
_BY_NUMBER = {row.number: row for row in _ROWS}
_BY_NAME = {row.name: row for row in _ROWS}
STRING, VARIANT, BFLOAT16 = 7, 21, 14
_FLOATS = frozenset({1, 2, 14, 19})


def of_number(number: int) -> DType:
    """Returns the data type with this number in files; reference types count as what they refer to.

    Raises:
      CheckpointDamagedError: no such type.
    """
    row = _BY_NUMBER.get(number - 100 if 100 < number < 200 else number)
    if row is None:
        raise errors.CheckpointDamagedError(errors.explain("a tensor has an unknown data type", got=number))
    return row


def of_name(name: str) -> DType:
    """Returns the data type that TensorFlow spells ``name``.

    Raises:
      ArgumentError: no such type.
    """
    row = _BY_NAME.get(name)
    if row is None:
        raise errors.ArgumentError(
            errors.explain("unknown data type", got=name, fix=errors.did_you_mean(name, _BY_NAME).strip())
        )
    return row


def is_float(dtype: DType) -> bool:
    """Returns True for the real floating-point types that statistics are kept in."""
    return dtype.number in _FLOATS


def as_floats(bits: np.ndarray, dtype: DType) -> np.ndarray:
    """Returns stored elements as float64 numbers; exact for every floating-point type of :func:`is_float`."""
    if dtype.number == BFLOAT16:
        bits = (bits.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(invalid="ignore"):  # a NaN of any bits stays one
        return bits.astype(np.float64)


def from_floats(values: np.ndarray, dtype: DType) -> np.ndarray:
    """Returns float64 numbers as stored elements, rounded once to the nearest, ties to even."""
    if dtype.number != BFLOAT16:
        return values.astype(dtype.numpy)
    bits = values.astype(np.float32).view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded).astype("<u2")
