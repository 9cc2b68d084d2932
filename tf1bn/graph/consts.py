"""Values, shapes and dtypes that a NodeDef states, without TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

_DTYPES = {
    1: np.float32,
    2: np.float64,
    3: np.int32,
    4: np.uint8,
    5: np.int16,
    6: np.int8,
    9: np.int64,
    10: np.bool_,
    17: np.uint16,
    19: np.float16,
    22: np.uint32,
    23: np.uint64,
}
_FIELDS = {
    1: "float_val",
    2: "double_val",
    3: "int_val",
    4: "int_val",
    5: "int_val",
    6: "int_val",
    9: "int64_val",
    10: "bool_val",
    17: "int_val",
    22: "uint32_val",
    23: "uint64_val",
}
_NAMES = {
    1: "float32",
    2: "float64",
    3: "int32",
    7: "string",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    19: "float16",
    20: "resource",
}
_MAX_ELEMENTS = 10_000_000
_REF = 100


def dtype_name(number: int) -> str:
    """Returns the name of a DataType number; a reference type counts as its value type."""
    number = number - _REF if number > _REF else number
    return _NAMES.get(number, np.dtype(_DTYPES[number]).name if number in _DTYPES else f"type {number}")


def shape_of(proto: Any) -> Any:
    """Returns the shape of a TensorShapeProto as a tuple; None for an unknown rank, and None for an unknown size."""
    if proto is None or proto.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in proto.dim)


def tensor_value(proto: Any) -> np.ndarray | None:
    """Returns the value of a TensorProto as an array, or None when its dtype is not numeric or it is malformed."""
    dtype, shape = _DTYPES.get(proto.dtype), shape_of(proto.tensor_shape)
    if dtype is None or shape is None or None in shape or int(np.prod(shape, dtype=np.float64)) > _MAX_ELEMENTS:
        return None
    try:
        if proto.tensor_content:
            return np.frombuffer(proto.tensor_content, dtype=dtype).reshape(shape)
        if proto.dtype == 19:
            values = np.array(list(proto.half_val), dtype=np.uint16).view(np.float16)
        else:
            values = np.array(list(getattr(proto, _FIELDS[proto.dtype])), dtype=dtype)
        return _spread(values, dtype, shape)
    except (ValueError, OverflowError):
        return None


def strings(proto: Any) -> tuple[str, ...]:
    """Returns the strings of a TensorProto."""
    return tuple(value.decode("utf-8", errors="replace") for value in proto.string_val)


def _spread(values: np.ndarray, dtype: Any, shape: Any) -> np.ndarray:
    """Repeats the last stated value over the rest, as TensorProto does."""
    size = int(np.prod(shape, dtype=np.int64))
    if not values.size:
        return np.zeros(shape, dtype)
    if values.size < size:
        values = np.concatenate([values, np.full(size - values.size, values[-1], dtype)])
    return values[:size].reshape(shape)
