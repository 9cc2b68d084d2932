"""Several kept axes; their numbers with every strategy are in test_combinations."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers.refusals import refused
from tf1bn import errors
from tf1bn.testing import graphs


@pytest.fixture(autouse=True)
def _graph():
    with graphs.graph_mode(), tf.Session():
        yield


@pytest.mark.parametrize(
    ("shape", "axis", "kept"),
    [
        ((6, 2, 3), [1, 2], (1, 2, 3)),
        ((6, 2, 3), (-1, 1), (1, 2, 3)),
        ((6, 2, 3), [2], (3,)),
        ((6, 2, 3, 4), [1, 3], (1, 2, 1, 4)),
        ((6, 2, 3, 4, 2), [1, 2, 4], (1, 2, 3, 1, 2)),
    ],
)
def test_parameters_have_the_inputs_rank_and_each_pair_of_entries_is_normalised_by_itself(shape, axis, kept):
    x = np.random.default_rng(0).normal(2, 3, shape)
    inputs = tf.placeholder(tf.float64, [None, *shape[1:]])
    y = tf1bn.batch_norm(inputs, True, axis=axis, epsilon=0.0)
    assert {tuple(v.shape.as_list()) for v in tf.global_variables()} == {kept}
    session = tf.get_default_session()
    session.run(tf.global_variables_initializer())
    found = session.run(y, {inputs: x})
    reduced = tuple(i for i in range(len(shape)) if i not in [a % len(shape) for a in axis])
    np.testing.assert_allclose(found.mean(reduced), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(reduced), 1, rtol=1e-9)


def test_axes_that_leave_nothing_to_average_over_are_refused():
    x = tf.ones([4, 3])
    with refused(
        errors.ArgumentError, r"`axis` must name each channel axis once and leave one.* Got \[0, 1\]; expected 1 to 1"
    ):
        tf1bn.batch_norm(x, True, axis=[0, 1])
