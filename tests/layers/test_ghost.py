"""Ghost batches; the combinations with other kinds are in test_combinations."""

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


def _run(fetch, feed=None):
    return tf.get_default_session().run(fetch, feed)


def test_each_group_is_normalised_by_itself_and_averages_take_in_all_of_them():
    x = np.random.default_rng(0).normal(size=(6, 5, 2)) * np.arange(1, 7)[:, None, None]
    inputs = tf.placeholder(tf.float64, [None, None, 2])
    y = tf1bn.batch_norm(inputs, True, decay=0.0, virtual_batch_size=2, epsilon=0.0, scope="bn")
    _run(tf.global_variables_initializer())
    found = _run(y, {inputs: x})
    for group in range(3):
        rows = found[group::3].reshape(-1, 2)
        np.testing.assert_allclose(rows.mean(0), 0, atol=1e-12)
        np.testing.assert_allclose(rows.std(0), 1)
    mean, variance = _run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES))
    np.testing.assert_allclose(mean, np.mean([x[g::3].mean((0, 1)) for g in range(3)], 0))
    np.testing.assert_allclose(variance, np.mean([x[g::3].var((0, 1)) for g in range(3)], 0))


def test_parameters_stay_one_per_channel_and_the_output_keeps_its_static_shape():
    y = tf1bn.batch_norm(tf.placeholder(tf.float32, [None, 4, 4, 3]), True, virtual_batch_size=8)
    assert y.shape.as_list() == [None, 4, 4, 3]
    assert {tuple(v.shape.as_list()) for v in tf.global_variables()} == {(3,)}


def test_inference_takes_any_batch_and_ignores_the_groups():
    inputs, switch = tf.placeholder(tf.float64, [None, 2]), tf.placeholder(tf.bool, [])
    y = tf1bn.batch_norm(inputs, switch, virtual_batch_size=4, epsilon=0.0)
    _run(tf.global_variables_initializer())
    x = np.random.default_rng(0).normal(size=(3, 2))
    np.testing.assert_allclose(_run(y, {inputs: x, switch: False}), x)


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
def test_a_batch_that_is_no_multiple_fails_the_run_and_moves_nothing(mode):
    with graphs.graph_mode(mode), tf.Session():
        inputs = tf.placeholder(tf.float64, [None, 2])
        y = tf1bn.batch_norm(inputs, True, virtual_batch_size=4)
        _run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match="no multiple of virtual_batch_size 4"):
            _run(y, {inputs: np.ones((6, 2))})
        np.testing.assert_array_equal(_run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)), [[0, 0], [1, 1]])


def test_an_empty_batch_moves_nothing_and_has_finite_gradients():
    inputs = tf.placeholder(tf.float64, [None, 2])
    y = tf1bn.batch_norm(inputs, True, virtual_batch_size=4)
    gradients = tf.gradients(y, tf.trainable_variables())
    _run(tf.global_variables_initializer())
    found, *dparameters = _run([y, *gradients], {inputs: np.ones((0, 2))})
    assert found.shape == (0, 2)
    np.testing.assert_array_equal(dparameters, [[0, 0], [0, 0]])
    np.testing.assert_array_equal(_run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)), [[0, 0], [1, 1]])


@pytest.mark.parametrize(
    ("size", "axis", "error", "match"),
    [
        (4, -1, errors.ArgumentError, "`virtual_batch_size` does not divide the batch. Got 4; expected a divisor of 6"),
        (2, 0, errors.ArgumentError, "`virtual_batch_size` needs axis 0 to be the batch"),
        (0, -1, errors.ArgumentError, "`virtual_batch_size` must be at least 1. Got 0"),
        (2.0, -1, errors.ArgumentTypeError, "`virtual_batch_size` must be an integer. Got 2.0"),
        (True, -1, errors.ArgumentTypeError, "`virtual_batch_size` must be an integer"),
    ],
)
def test_a_group_size_that_cannot_be_is_refused(size, axis, error, match):
    x = tf.ones([6, 3])
    with refused(error, match):
        tf1bn.batch_norm(x, True, virtual_batch_size=size, axis=axis)
