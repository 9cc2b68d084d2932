"""``/`` of Python 2, by its definition: floor division of whole numbers, and of nothing else."""

import ast
import fractions
import math

import numpy as np
import pytest

from tf1bn.compat.python2 import division


class Old:
    """A class as Python 2 programs wrote them."""

    def __div__(self, other: object) -> tuple[str, object]:
        return "old", other

    def __rdiv__(self, other: object) -> tuple[object, str]:
        return other, "old"


class New:
    def __truediv__(self, other: object) -> str:
        return "new"


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (7, 2, 3),
        (-7, 2, -4),
        (7, -2, -4),
        (7, 2.0, 3.5),
        (7.0, 2, 3.5),
        (True, 2, 0),
        (10**30, 3, 10**30 // 3),
        (1j, 2, 0.5j),
        (fractions.Fraction(1, 2), 2, fractions.Fraction(1, 4)),
        (np.int64(7), 2, 3),
        (7, np.uint8(2), 3),
        (np.float32(7), 2, 3.5),
        (7, np.float32(2), 3.5),
        (np.bool_(True), 2, 0),
        (Old(), 2, ("old", 2)),
        (2, Old(), (2, "old")),
        (New(), 2, "new"),
    ],
)
def test_whole_numbers_are_divided_downwards_and_others_not(a: object, b: object, expected: object) -> None:
    assert division.divide(a, b) == expected


def test_arrays_are_divided_by_their_dtypes() -> None:
    whole = np.arange(-2, 3)
    assert division.divide(whole, 2).tolist() == [math.floor(value / 2) for value in range(-2, 3)]
    assert division.divide(5, whole[3:]).tolist() == [5, 2]
    assert division.divide(whole, 2.0).tolist() == [-1, -0.5, 0, 0.5, 1]
    assert division.divide(whole, np.float32(2)).dtype.kind == "f"
    assert division.divide(whole.astype(np.float32), 2).tolist() == [-1, -0.5, 0, 0.5, 1]


def run(source: str) -> dict:
    tree = division.as_python_2(ast.parse(source))
    names: dict = {"np": np, **division.NAMES}
    exec(compile(tree, "p.py", "exec"), names)
    return names


def test_every_place_of_a_division_in_a_program() -> None:
    names = run(
        """
x = 7 / 2 / 2.0 + (9 / 2 if True else 1 / 0)
x /= 2
whole = array = np.arange(6)
array[1:5] /= 2
array[0], rest = array[5] / 2, [5, 7]
rest[-1] /= 2
counts = np.arange(4)
same = counts
counts /= 2
shares = np.array([1.0, 3.0])
kept = shares
shares /= 2
table = np.array([[4, 6], [8, 9]])
table[1, ::-1] /= 2

class Counter(object):
    share = 7 / 2
    def __init__(self):
        self.__left = 9
        self.right = 9
    def halve(self):
        self.__left /= 2
        self.right /= 2
        return self.__left, self.right

half = Counter().halve()
calls = []
def at(key):
    calls.append(key)
    return key
seven = {0: 7}
seven[at(0)] /= at(2)
f = lambda n, step=9 / 2: n / step
"""
    )
    assert names["x"] == 1.5 / 2 + 2 and names["half"] == (4, 4) and names["Counter"].share == 3
    assert names["whole"] is names["array"] and names["whole"].tolist() == [2, 0, 1, 1, 2, 5]
    assert names["same"] is names["counts"] and names["same"].tolist() == [0, 0, 1, 1]
    assert names["rest"] == [5, 3] and names["kept"] is names["shares"] and names["kept"].tolist() == [0.5, 1.5]
    assert names["table"].tolist() == [[4, 6], [4, 4]]
    assert names["calls"] == [0, 2] and names["seven"] == {0: 3} and names["f"](9) == 2


def test_a_class_s_own_division_in_place() -> None:
    class Own:
        def __idiv__(self, other: object) -> str:
            return "in place"

    assert division.divide_in_place(Own(), 1) == "in place"


@pytest.mark.parametrize("resource", [True, False])
def test_tensors_are_divided_as_tensorflow_1_did_under_python_2(resource: bool) -> None:
    import tensorflow.compat.v1 as tf

    with tf.Graph().as_default(), tf.Session() as session:
        whole = tf.constant([-3, 3])
        variable = tf.Variable([7, 8], use_resource=resource)
        session.run(variable.initializer)
        found = session.run(
            [
                *(division.divide(whole, 2), division.divide(7, whole), division.divide(variable, 2)),
                *(division.divide(tf.constant([3.0]), 2), division.divide(np.array([7]), tf.constant([2]))),
            ]
        )
        assert [each.tolist() for each in found] == [[-2, 1], [-3, 2], [3, 4], [1.5], [3]]
        assert division.divide(tf.Dimension(7), 2) == 3
