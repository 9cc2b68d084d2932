"""num_updates and zero_debias of the layer; their numbers with every strategy are in test_combinations."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers.refusals import refused
from tf1bn import errors
from tf1bn.testing import graphs

X = np.array([[1.0, 2.0], [3.0, 8.0]])


@pytest.fixture(autouse=True, params=(graphs.MODES[0], graphs.MODES[3]), ids=str)
def _graph(request):
    with graphs.graph_mode(request.param), tf.Session():
        yield


def _run(fetch, feed=None):
    return tf.get_default_session().run(fetch, feed)


def _averages():
    return _run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES))


def test_the_global_step_lets_the_decay_start_low():
    step = tf.train.create_global_step()
    y = tf1bn.batch_norm(tf.constant(X), True, num_updates=step)
    _run(tf.global_variables_initializer())
    mean = np.zeros(2)
    for n in range(4):
        _run(y)
        d = (1 + n) / (10 + n)
        mean = d * mean + (1 - d) * X.mean(0)
        np.testing.assert_allclose(_averages()[0], mean, rtol=1e-12)
        _run(step.assign_add(1).op)
    _run(step.assign(10**6).op)
    before = _averages()[0]
    _run(y)
    np.testing.assert_allclose(_averages()[0], 0.99 * before + 0.01 * X.mean(0), rtol=1e-12)


def test_zero_debias_is_right_from_the_first_update_on_and_keeps_its_weight():
    share = tf.placeholder(tf.float64, [])
    y = tf1bn.batch_norm(tf.constant(X), True, zero_debias=True, decay=share, scope="bn")
    _run(tf.global_variables_initializer())
    for count, d in enumerate((0.999, 0.5), 1):
        _run(y, {share: d})
        np.testing.assert_allclose(_averages(), [X.mean(0), X.var(0)], rtol=1e-9, err_msg=str(count))
    weight = next(v for v in tf.global_variables() if v.op.name == "bn/debias_weight")
    assert _run(weight) == pytest.approx(0.5 * 0.001 + 0.5)
    assert not weight.trainable and weight.shape == ()


def test_an_inference_graph_has_no_debias_weight_and_restores_with_a_plain_saver(tmp_path):
    prefix = str(tmp_path / "model")
    y = tf1bn.batch_norm(tf.constant(X), True, zero_debias=True, scope="bn")
    _run(tf.global_variables_initializer())
    _run(y)
    tf.train.Saver().save(tf.get_default_session(), prefix, write_meta_graph=False)
    with tf.Graph().as_default(), tf.Session() as session:
        y = tf1bn.batch_norm(tf.constant(X), False, zero_debias=True, scope="bn")
        assert len(tf.global_variables()) == 4
        tf.train.Saver().restore(session, prefix)
        np.testing.assert_allclose(session.run(y), (X - X.mean(0)) / np.sqrt(X.var(0) + 1e-3), rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "error", "match"),
    [
        (-1, errors.ArgumentError, r"`num_updates` must be in \[0, inf\). Got -1.0"),
        ("step", errors.ArgumentTypeError, "`num_updates` must be a number. Got 'step'"),
        (True, errors.ArgumentTypeError, "`num_updates` must be a number. Got True"),
    ],
)
def test_a_count_that_cannot_be_is_refused(value, error, match):
    x = tf.constant(X)
    with refused(error, match):
        tf1bn.batch_norm(x, True, num_updates=value)


def test_a_count_that_is_no_scalar_or_of_another_graph_is_refused():
    x, vector = tf.constant(X), tf.constant([1, 2])
    with refused(errors.ArgumentTypeError, "`num_updates` must be a number or a scalar tensor that counts steps"):
        tf1bn.batch_norm(x, True, num_updates=vector)
    with tf.Graph().as_default():
        foreign = tf.placeholder(tf.int64, [])
    with refused(errors.ArgumentError, "`num_updates` is a tensor of another graph"):
        tf1bn.batch_norm(x, True, num_updates=foreign)


@pytest.mark.parametrize("options", [{"zero_debias": True}, {"num_updates": 3}], ids=str)
@pytest.mark.parametrize("strategy", ["own schedule", "shared"])
def test_two_schedules_of_one_decay_are_refused(options, strategy):
    x = tf.constant(X)
    ema = tf1bn.Ema(num_updates=3) if strategy == "own schedule" else tf1bn.Ema(tf.train.ExponentialMovingAverage(0.9))
    with refused(errors.ArgumentError, "given to the layer, but this strategy has a schedule of its own"):
        tf1bn.batch_norm(x, True, update_strategy=ema, **options)
