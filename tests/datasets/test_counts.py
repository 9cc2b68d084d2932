import numpy as np
import pytest

from tf1bn import errors
from tf1bn.datasets import counts


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integers_become_python_ints(value):
    number = counts.whole("n", value, minimum=3, maximum=3)
    assert number == 3 and type(number) is int


@pytest.mark.parametrize(("value", "name"), [(3.0, "float"), ("3", "str"), (True, "bool"), (None, "NoneType")])
def test_everything_else_is_refused_with_its_type(value, name):
    with pytest.raises(errors.ArgumentTypeError, match=rf"`n` must be an integer, not {name}\."):
        counts.whole("n", value)


def test_range_is_named():
    with pytest.raises(errors.ArgumentError, match=r"`n` is out of range\. Got -1; expected at least 0"):
        counts.whole("n", -1)
    with pytest.raises(errors.ArgumentError, match=r"`n` is out of range\. Got 5; expected 1 to 4"):
        counts.whole("n", 5, minimum=1, maximum=4)
