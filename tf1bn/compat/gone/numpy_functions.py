"""Functions of old NumPy that have no equal today, or that do something else.

Sources: the release notes of NumPy 1.20, 1.24, 2.0, 2.3 and 2.4, and their migration guide.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf1bn import errors

_WHERE_IT_MUST: dict[str, Any] = {"copy": None if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else False}
NINF, PZERO, NZERO = -np.inf, 0.0, -0.0

sctypes: dict[str, list[type]] = {
    "int": [np.int8, np.int16, np.int32, np.int64],
    "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
    "float": [np.float16, np.float32, np.float64, np.longdouble],
    "complex": [np.complex64, np.complex128, np.clongdouble],
    "others": [bool, object, bytes, str, np.void],
}
"""Kind -> scalar types of it, by size."""


def array(
    object: Any,
    dtype: Any = None,
    copy: Any = True,
    order: Any = "K",
    subok: bool = False,
    ndmin: int = 0,
    **options: Any,
) -> np.ndarray:
    """Makes an array; ``copy=False`` copies where it must and only there, as before NumPy 2."""
    shared = {"copy": True} if copy else _WHERE_IT_MUST
    return np.array(object, dtype, order=order, subok=subok, ndmin=ndmin, **shared, **options)


def fromstring(string: Any, dtype: Any = float, count: int = -1, sep: str = "", **options: Any) -> np.ndarray:
    """Reads numbers from text, or, without a separator, from bytes: a writable copy, as before NumPy 2.3."""
    if sep:
        return np.fromstring(string, dtype, count, sep=sep, **options)
    data = string.encode("latin-1") if isinstance(string, str) else string
    return np.frombuffer(data, dtype, count).copy()


def histogram(
    a: Any, bins: Any = 10, range: Any = None, normed: Any = None, weights: Any = None, density: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Counts values in bins; ``normed``, which left with NumPy 1.24, is ``density``."""
    density = normed if density is None else density
    return np.histogram(a, bins, range, weights=weights, density=density)


def alen(a: Any) -> int:
    """Returns the length of the first axis, 1 for a scalar."""
    return len(np.atleast_1d(a))


def asscalar(a: Any) -> Any:
    """Returns an array of one element as a Python number."""
    return np.asarray(a).item()


def asbytes(s: Any) -> bytes:
    """Returns text as bytes, one for each character."""
    return s if isinstance(s, bytes) else str(s).encode("latin1")


def asfarray(a: Any, dtype: Any = np.float64) -> np.ndarray:
    """Returns an array of floating-point numbers; any other dtype that is asked for becomes float64."""
    inexact = np.issubdtype(np.dtype(dtype), np.inexact)
    return np.asarray(a, dtype if inexact else np.float64)


def fastCopyAndTranspose(a: Any) -> np.ndarray:
    """Returns a contiguous copy of the transposed array."""
    return np.array(np.asarray(a).T, order="C")


def in1d(ar1: Any, ar2: Any, assume_unique: bool = False, invert: bool = False, **options: Any) -> np.ndarray:
    """Says of each element of one flattened array whether it is in another."""
    return np.isin(np.ravel(ar1), ar2, assume_unique=assume_unique, invert=invert, **options)


def inner1d(a: Any, b: Any) -> np.ndarray:
    """Returns sums of products over the last axis."""
    return np.einsum("...i,...i->...", a, b)


def msort(a: Any) -> np.ndarray:
    """Returns a copy that is sorted along the first axis."""
    return np.sort(a, axis=0)


def random_integers(low: int, high: int | None = None, size: Any = None) -> Any:
    """Returns random integers from 1, or ``low``, to the last argument inclusively, from NumPy's global generator."""
    low, high = (1, low) if high is None else (low, high)
    return np.random.randint(low, int(high) + 1, size)


def trapz(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Integrates by the trapezoidal rule."""
    integrate = getattr(np, "trapezoid", None) or getattr(np, "trapz")  # noqa: B009
    return integrate(y, x, dx, axis)


def issubclass_(arg1: Any, arg2: Any) -> bool:
    """Says whether one is a subclass of the other; False where that is no question."""
    return isinstance(arg1, type) and issubclass(arg1, arg2)


def issctype(rep: Any) -> bool:
    """Says whether something stands for a scalar type."""
    if not isinstance(rep, type | np.dtype):
        return False
    found = obj2sctype(rep)
    return found is not None and found is not np.object_


def obj2sctype(rep: Any, default: Any = None) -> Any:
    """Returns the scalar type of a dtype, an array or a type."""
    if isinstance(rep, type):
        return rep if issubclass(rep, np.generic) else np.dtype(rep).type
    try:
        return (rep.dtype if isinstance(rep, np.ndarray) else np.dtype(rep)).type
    except TypeError:
        return default


def issubsctype(arg1: Any, arg2: Any) -> bool:
    """Says whether the scalar type of one is a subclass of the other's."""
    return issubclass(obj2sctype(arg1), obj2sctype(arg2))


def sctype2char(sctype: Any) -> str:
    """Returns the letter of a scalar type."""
    found = obj2sctype(sctype)
    if found is None:
        raise errors.ArgumentError(errors.explain("`sctype` is no type", got=sctype), where="np.sctype2char")
    return np.dtype(found).char


def maximum_sctype(t: Any) -> Any:
    """Returns the largest scalar type of the same kind."""
    kind = {"i": "int", "u": "uint", "f": "float", "c": "complex"}.get(np.dtype(obj2sctype(t, t)).kind)
    return obj2sctype(t, t) if kind is None else sctypes[kind][-1]


def find_common_type(array_types: Sequence[Any], scalar_types: Sequence[Any]) -> np.dtype | None:
    """Returns the type to compute with: that of the arrays, or one that holds both if a scalar is of a higher kind.

    Args:
      array_types: types of arrays.
      scalar_types: types of scalars.
    """
    arrays, scalars = (_common([np.dtype(each) for each in types]) for types in (array_types, scalar_types))
    if arrays is None or scalars is None:
        return scalars if arrays is None else arrays
    order = "buifcSUVO"
    higher = order.index(scalars.kind) > order.index(arrays.kind)
    return np.promote_types(arrays, scalars) if higher else arrays


def _common(types: Sequence[np.dtype]) -> np.dtype | None:
    return functools.reduce(np.promote_types, types) if types else None


class _Cast(dict):
    """Type -> function that converts to it, made on first use."""

    def __missing__(self, key: Any) -> Any:
        def convert(values: Any) -> np.ndarray:
            return np.asarray(values).astype(key)

        return convert


class _Bytes(dict):
    """Type -> bytes of one value."""

    def __missing__(self, key: Any) -> int:
        return np.dtype(key).itemsize


cast, nbytes = _Cast(), _Bytes()
