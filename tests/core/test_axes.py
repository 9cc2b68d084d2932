"""Geometry of one batch norm."""

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.core import axes


@pytest.mark.parametrize(("dims", "axis", "kept", "reduced", "broadcast", "count"), [
    ((8, 3), -1, (1,), (0,), (1, 3), 8),
    ((None, 3), 1, (1,), (0,), (1, 3), None),
    ((4, 3, 5, 6), 1, (1,), (0, 2, 3), (1, 3, 1, 1), 120),
    ((2, 3, 4, 5, 6), np.int64(-1), (4,), (0, 1, 2, 3), (1, 1, 1, 1, 6), 120),
    ((0, 3), -1, (1,), (0,), (1, 3), 0),
    ((4, 5), 0, (0,), (1,), (4, 1), 5),
    ((4, 5, 6), [2], (2,), (0, 1), (1, 1, 6), 20),
    ((4, 5, 6), (-1, 1), (1, 2), (0,), (1, 5, 6), 4),
    ((None, 5, 6, 7), [1, 2], (1, 2), (0, 3), (1, 5, 6, 1), None),
])  # fmt: skip
def test_geometry(dims, axis, kept, reduced, broadcast, count):
    found = axes.resolve(dims, axis)
    assert (found.rank, found.kept, found.reduced) == (len(dims), kept, reduced)
    assert found.broadcast_shape == broadcast
    assert found.parameter_shape == ((dims[kept[0]],) if len(kept) == 1 else broadcast)
    assert found.values_per_channel == count


@pytest.mark.parametrize(("dims", "axis", "error", "text"), [
    (None, -1, errors.ShapeError, "the rank of `inputs` is unknown"),
    ((3,), -1, errors.ShapeError, "Got 1; expected 2 to 5"),
    ((1,) * 6, -1, errors.ShapeError, "Got 6; expected 2 to 5"),
    ((2, 3), -3, errors.ArgumentError, "`axis` is outside the input's rank. Got -3; expected -2 to 1"),
    ((2, 3), "1", errors.ArgumentTypeError, "`axis` must be an integer or a list of integers. Got '1'"),
    ((2, 3, 4), [1, 1.0], errors.ArgumentTypeError, "`axis` must be an integer or a list of integers. Got 1.0"),
    ((2, 3, 4), [], errors.ArgumentError, r"`axis` must name each channel axis once and leave one to .* Got \[\]"),
    ((2, 3, 4), [1, -2], errors.ArgumentError, r"`axis` must name each channel axis once.* Got \[1, -2\]"),
    ((2, 3, 4), [0, 1, 2], errors.ArgumentError, "`axis` must name each .*; expected 1 to 2 different axes"),
    ((2, 3, 4), [1, 3], errors.ArgumentError, "`axis` is outside the input's rank. Got 3"),
    ((2, None, 4), [1, 2], errors.ShapeError, r"the channel dimension \(axis 1\) of `inputs` is unknown"),
    ((2, 3), np.True_, errors.ArgumentTypeError, "`axis` must be an integer"),
    ((2, None), 1, errors.ShapeError, r"the channel dimension \(axis 1\) of `inputs` is unknown"),
    ((2, 0), 1, errors.ShapeError, "is zero"),
])  # fmt: skip
def test_what_cannot_be_normalised_is_refused(dims, axis, error, text):
    with pytest.raises(error, match=text):
        axes.resolve(dims, axis)
