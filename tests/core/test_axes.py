"""Geometry of one batch norm."""

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.core import axes


@pytest.mark.parametrize(("dims", "axis", "kept", "reduced", "broadcast", "count", "trailing"), [
    ((8, 3), -1, (1,), (0,), (1, 3), 8, True),
    ((None, 3), 1, (1,), (0,), (1, 3), None, True),
    ((4, 3, 5, 6), 1, (1,), (0, 2, 3), (1, 3, 1, 1), 120, False),
    ((2, 3, 4, 5, 6), np.int64(-1), (4,), (0, 1, 2, 3), (1, 1, 1, 1, 6), 120, True),
    ((0, 3), -1, (1,), (0,), (1, 3), 0, True),
    ((4, 5), 0, (0,), (1,), (4, 1), 5, False),
])  # fmt: skip
def test_geometry(dims, axis, kept, reduced, broadcast, count, trailing):
    found = axes.resolve(dims, axis)
    assert (found.rank, found.kept, found.reduced) == (len(dims), kept, reduced)
    assert found.broadcast_shape == broadcast
    assert found.parameter_shape == (dims[kept[0]],)
    assert (found.values_per_channel, found.trailing) == (count, trailing)


@pytest.mark.parametrize(("dims", "axis", "error", "text"), [
    (None, -1, errors.ShapeError, "the rank of `inputs` is unknown"),
    ((3,), -1, errors.ShapeError, "Got 1; expected 2 to 5"),
    ((1,) * 6, -1, errors.ShapeError, "Got 6; expected 2 to 5"),
    ((2, 3), -3, errors.ArgumentError, "`axis` is outside the input's rank. Got -3; expected -2 to 1"),
    ((2, 3), [1], errors.ArgumentTypeError, r"`axis` must be an integer. Got \[1\]"),
    ((2, 3), np.True_, errors.ArgumentTypeError, "`axis` must be an integer"),
    ((2, None), 1, errors.ShapeError, r"the channel dimension \(axis 1\) of `inputs` is unknown"),
    ((2, 0), 1, errors.ShapeError, "is zero"),
])  # fmt: skip
def test_what_cannot_be_normalised_is_refused(dims, axis, error, text):
    with pytest.raises(error, match=text):
        axes.resolve(dims, axis)
