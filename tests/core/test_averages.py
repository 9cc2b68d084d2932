"""Moving an average: the right rate, no drift, and one indivisible op."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.core import averages
from tf1bn.testing import graphs

DECAYS = (0.0, 0.5, 0.9, 0.99, 0.997, 0.999, 0.9999)


@pytest.fixture(params=graphs.MODES, ids=str)
def mode(request):
    with graphs.graph_mode(request.param):
        yield request.param


def _average(value, dtype=tf.float32):
    use_resource = True if tf.control_flow_v2_enabled() else None
    start = tf.constant_initializer(value)
    return tf.get_variable("average", [2], dtype, initializer=start, trainable=False, use_resource=use_resource)


@pytest.mark.parametrize("dtype", ("float32", "float64"))
@pytest.mark.parametrize("decay", DECAYS)
def test_one_update_gives_away_exactly_the_rate(mode, decay, dtype):
    average = _average([0.0, 3.0], dtype)
    value = tf.constant([7.0, -5.0], dtype)
    with tf.Session() as session:
        session.run(average.initializer)
        session.run(averages.move(average, value, decay))
        exact = decay * np.array([0.0, 3.0]) + (1 - decay) * np.array([7.0, -5.0])
        np.testing.assert_allclose(session.run(average), exact, rtol=2.5e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("as_tensor", (False, True))
def test_an_average_of_equal_values_settles_at_them(mode, decay, as_tensor):
    # 0.999 and 0.001 in float32 add up to 1 + 1.3e-8: without care the average would end 1.3e-5 too high.
    average = _average([0.7, -1.3])
    value = tf.constant([0.7, -1.3])
    given = tf.constant(decay) if as_tensor else decay

    def body(i):
        with tf.control_dependencies([averages.move(average, value, given)]):
            return tf.identity(i + 1)

    loop = tf.while_loop(lambda i: i < 3000, body, [0], parallel_iterations=1)
    with tf.Session() as session:
        session.run(average.initializer)
        session.run(loop)
        np.testing.assert_allclose(session.run(average), [0.7, -1.3], rtol=3e-6)


def test_updates_that_overlap_are_each_taken_in_once(mode):
    steps = 60
    use_resource = True if mode.control_flow_v2 else None
    average = tf.get_variable("wide", [steps], initializer=tf.zeros_initializer(), use_resource=use_resource)

    def body(i, _):
        with tf.control_dependencies([averages.move(average, tf.one_hot(i, steps), 0.9)]):
            noted = tf.identity(i)
        return i + 1, noted

    loop = tf.while_loop(lambda i, _: i < steps, body, [0, 0], parallel_iterations=32)
    exact = 0.1 * 0.9 ** np.arange(steps)  # the share of a value is told by how many came after it
    with tf.Session() as session:
        for _ in range(30):
            session.run(average.initializer)
            session.run(loop)
            np.testing.assert_allclose(np.sort(session.run(average)), np.sort(exact), rtol=1e-5)
