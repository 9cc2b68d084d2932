"""What NumPy lost or changed, as an old program sees it; the values are those of NumPy 1.18, run once, or algebra."""

import numpy as real
import pytest

from tf1bn import errors
from tf1bn.compat.gone import numpy_functions, tables, views

np = views.Views().module("numpy")

SAME = {
    "np.float is float and np.int is int and np.object is object and np.long(3) == 3": True,
    "np.float_ is np.float64 and np.unicode_ is np.str_ and np.complex_ is np.complex128": True,
    "np.Inf == np.PINF == np.inf and np.NINF == -np.inf and str(np.NZERO) == '-0.0'": True,
    "np.math.sqrt(4)": 2.0,
    "np.product([2, 3])": 6,
    "np.cumproduct([2, 3]).tolist()": [2, 6],
    "bool(np.sometrue([0, 1])), bool(np.alltrue([0, 1]))": (True, False),
    "np.round_(2.567, 1)": 2.6,
    "np.rank([[1]])": 2,
    "(np.mat([[1, 2]]) * np.mat([[3], [4]])).tolist()": [[11]],
    "np.lib.pad([1], 1, 'constant').tolist()": [0, 1, 0],
    "np.alen([[1, 2], [3, 4]]), np.alen(3)": (2, 1),
    "np.asscalar(np.array([2.5])), type(np.asscalar(np.float32(2)))": (2.5, float),
    "np.asfarray([1]).dtype.str, np.asfarray([1], 'int32').dtype.str, np.asfarray([1], 'f4').dtype.str": (
        "<f8",
        "<f8",
        "<f4",
    ),
    "np.cast['int32']([2.7]).tolist(), np.cast[np.float32](1).dtype.str": ([2], "<f4"),
    "np.in1d([[1, 2], [3, 4]], [2, 4]).tolist()": [False, True, False, True],
    "np.msort([[3, 1], [2, 5]]).tolist()": [[2, 1], [3, 5]],
    "np.trapz([1, 2, 4]), np.trapz([[1, 2], [4, 9]], [0, 2], axis=0).tolist()": (4.5, [5.0, 11.0]),
    "np.fastCopyAndTranspose([[1, 2], [3, 4]]).tolist()": [[1, 3], [2, 4]],
    "np.core.umath_tests.inner1d([[1, 2], [3, 4]], [5, 6]).tolist()": [17, 39],
    "np.issubclass_(np.int32, int), np.issubclass_(3, int)": (False, False),
    "np.issctype(np.int32), np.issctype([]), np.issctype(float), np.issctype('f4'), np.issctype(object)": (
        *(True, False, True, False, False),
    ),
    "[np.obj2sctype(each).__name__ for each in (float, 'f4', dict)], np.obj2sctype('no')": (
        ["float64", "float32", "object_"],
        None,
    ),
    "np.issubsctype('f4', np.floating), np.issubsctype('f4', np.integer)": (True, False),
    "np.sctype2char(float), np.sctype2char('i2'), np.sctype2char(list)": ("d", "h", "O"),
    "np.maximum_sctype('f4') is np.longdouble, np.maximum_sctype(np.int8) is np.int64": (True, True),
    "np.find_common_type(['f4'], ['i8', 'f8']).str": "<f4",
    "np.find_common_type(['f4'], [complex]).str": "<c16",
    "np.find_common_type(['f4', 'f4', 'i4'], ['c8']).str": "<c16",
    "np.find_common_type([], ['i4', 'f4']).str, np.find_common_type([], [])": ("<f8", None),
    "np.nbytes[np.float32], np.sctypes['float'][1] is np.float32": (4, True),
    "np.typeDict['float32'] is np.float32": True,
    "np.loads(b'I3\\n.'), np.compat.asbytes('a'), np.compat.long is int": (3, b"a", True),
    "np.fromstring(b'ab', np.uint8).tolist(), np.fromstring(b'abcd', np.uint16, 1).tolist()": ([97, 98], [25185]),
    "np.fromstring('ab', np.uint8).tolist(), np.fromstring('1,2', sep=',').tolist()": ([97, 98], [1.0, 2.0]),
    "np.histogram([1, 2, 2, 5.5], 3, None, True)[0].tolist()": [0.5, 0.0, 1 / 6],
    "np.histogram([1, 2, 2, 5.5], 3, normed=True)[0].tolist()": [0.5, 0.0, 1 / 6],
    "np.histogram([1, 2, 2, 5.5], 4, (0, 8), None, [1, 2, 3, 4])[0].tolist()": [1, 5, 4, 0],
    "np.histogram([1, 2], 2, density=True)[0].tolist()": [1.0, 1.0],
    "np.array([[1, 2]], None, True, 'F').flags.f_contiguous, np.array([1], ndmin=2).shape": (True, (1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("expression", SAME)
def test_a_name_means_what_it_meant(expression: str) -> None:
    assert eval(expression, {"np": np}) == SAME[expression]


def test_an_array_that_need_not_be_copied_is_shared_and_any_other_is_copied() -> None:
    whole = real.arange(3)
    assert np.array(whole, copy=False) is whole
    assert np.array(whole, np.float32, copy=False).tolist() == [0, 1, 2]
    assert np.array([1, 2], copy=False).tolist() == [1, 2]
    assert not real.shares_memory(np.array(whole), whole)


def test_bytes_that_were_read_may_be_written() -> None:
    numbers = np.fromstring(b"ab", np.uint8)
    numbers[0] = 1
    assert numbers.tolist() == [1, 98]


def test_random_integers_hold_their_upper_end_and_follow_the_seed() -> None:
    real.random.seed(3)
    expected = real.random.randint(1, 7, 50)
    np.random.seed(3)
    assert np.random.random_integers(6, size=50).tolist() == expected.tolist() and max(expected) == 6
    np.random.seed(3)
    assert np.random.random_integers(1, 6, 50).tolist() == expected.tolist()


def test_what_is_no_type_has_no_letter() -> None:
    with pytest.raises(errors.ArgumentError, match="`sctype` is no type. Got 'no'"):
        np.sctype2char("no")


def test_every_row_of_numpy_leads_somewhere() -> None:
    for name in tables.ROWS["numpy"]:
        assert getattr(np, name) is not None, name
    assert set(tables.CHANGED["numpy"]) <= set(vars(numpy_functions))
