"""Inside tf.cond, tf.while_loop, tf.scan, tf.map_fn and dynamic RNNs."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers.refusals import refused
from tf1bn import errors
from tf1bn.testing import graphs, reference
from tf1bn.testing.reference import Statistics

STEPS = 3
X = np.random.default_rng(0).normal(2, 3, (STEPS, 4, 2)) * np.arange(1, STEPS + 1)[:, None, None]
START = Statistics(np.zeros(2), np.ones(2))


@pytest.fixture(autouse=True, params=graphs.MODES, ids=str)
def _graph(request):
    with graphs.graph_mode(request.param), tf.Session():
        yield


def _run(fetch, feed=None):
    return tf.get_default_session().run(fetch, feed)


def _averages():
    return _run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES))


def _loop(x, layer, parallel_iterations=10):
    """Returns layer(x[t], t) of all time steps."""
    x = tf.convert_to_tensor(x)

    def body(t, outputs):
        return t + 1, outputs.write(t, layer(x[t], t))

    start = tf.TensorArray(x.dtype, STEPS, element_shape=x.shape[1:])
    _, outputs = tf.while_loop(
        lambda t, _: t < STEPS, body, [tf.constant(0), start], parallel_iterations=parallel_iterations
    )
    return outputs.stack()


REPEATED = {
    "while_loop": lambda layer: _loop(X, lambda x, t: layer(x)),
    "map_fn": lambda layer: tf.map_fn(layer, tf.constant(X)),
    "scan": lambda layer: tf.scan(lambda state, x: layer(x), tf.constant(X), tf.zeros([4, 2], tf.float64)),
}


@pytest.mark.parametrize("strategy", ("inline", "ema", "collection"))
@pytest.mark.parametrize("construct", REPEATED)
def test_training_in_a_loop_is_refused(construct, strategy):
    layer = lambda x: tf1bn.batch_norm(x, True, scope="bn", update_strategy=strategy)  # noqa: E731
    text = "averages cannot move inside a tf.while_loop body.*PerStep.*sequential"
    with pytest.raises(errors.PlacementError, match=text):
        REPEATED[construct](layer)
    assert not tf.global_variables()


@pytest.mark.parametrize("construct", REPEATED)
def test_inference_in_a_loop_normalises_by_the_averages(construct):
    y = REPEATED[construct](lambda x: tf1bn.batch_norm(x, False, scope="bn", reuse=tf.AUTO_REUSE))
    _run(tf.global_variables_initializer())
    np.testing.assert_allclose(_run(y), X / np.sqrt(1 + 1e-3))


@pytest.mark.parametrize("construct", REPEATED)
def test_a_loop_may_normalise_by_its_batches_while_nothing_moves(construct):
    y = REPEATED[construct](
        lambda x: tf1bn.batch_norm(x, True, scope="bn", reuse=tf.AUTO_REUSE, update_strategy="frozen")
    )
    gradient = tf.gradients(y, tf.trainable_variables())[0]
    _run(tf.global_variables_initializer())
    np.testing.assert_allclose(_run(y), [reference.batch_norm(x) for x in X])
    assert np.isfinite(_run(gradient)).all()


@pytest.mark.parametrize("options", ({}, {"zero_debias": True}), ids=str)
def test_a_sequential_loop_moves_the_averages_once_per_iteration(options):
    strategy = tf1bn.Inline(sequential_loops=True)
    y = _loop(
        X,
        lambda x, t: tf1bn.batch_norm(x, True, scope="bn", update_strategy=strategy, decay=0.7, **options),
        parallel_iterations=1,
    )
    _run(tf.global_variables_initializer())
    np.testing.assert_allclose(_run(y), [reference.batch_norm(x) for x in X])
    exact = reference.averages_of([reference.moments(x) for x in X], 0.7, START, **options)
    np.testing.assert_allclose(_averages(), exact, rtol=1e-6)


def _per_step(is_training, steps=STEPS, **options):
    return lambda x, t: tf1bn.batch_norm(
        x, is_training, scope="bn", reuse=tf.AUTO_REUSE, update_strategy=tf1bn.PerStep(t, steps), decay=0.7, **options
    )


@pytest.mark.parametrize("static", (True, False))
def test_each_time_step_keeps_averages_of_its_own(static):
    training = tf.placeholder_with_default(True, [])
    y = _loop(X, _per_step(True if static else training))
    loss = tf.reduce_sum(y * X[::-1])
    gamma, *_ = [v for v in tf.trainable_variables() if "gamma" in v.name]
    dgamma = tf.gradients(loss, [gamma])[0]
    inference = _loop(X, _per_step(False))
    _run(tf.global_variables_initializer())
    for count in (1, 2):
        found, slope = _run([y, dgamma])
        np.testing.assert_allclose(found, [reference.batch_norm(x) for x in X])
        exact = [reference.batch_gradients(x, np.ones(2), dy).gamma for x, dy in zip(X, X[::-1], strict=True)]
        np.testing.assert_allclose(slope, np.sum(exact, 0))
        kept = [reference.averages_of([reference.moments(x)] * count, 0.7, START) for x in X]
        np.testing.assert_allclose(_averages(), [[k.mean for k in kept], [k.variance for k in kept]])
        np.testing.assert_allclose(
            _run(inference), [reference.normalize(x, k) for x, k in zip(X, kept, strict=True)], rtol=1e-6
        )
    if not static:
        before = _averages()
        np.testing.assert_allclose(_run(y, {training: False}), _run(inference))
        np.testing.assert_array_equal(_averages(), before)


def test_later_time_steps_read_the_last_row():
    y = _loop(X, _per_step(False, steps=2))
    mean, _ = tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)
    assert mean.shape == (2, 2)
    _run(tf.global_variables_initializer())
    _run(mean.assign([[0, 0], [5, 5]]))
    np.testing.assert_allclose(_run(y), (X - [[[0]], [[5]], [[5]]]) / np.sqrt(1 + 1e-3))


def test_batch_norm_in_the_recurrence_of_a_network():
    # state' = tanh(bn(x[t]) + state): the body of a loop is the cell.
    x = tf.constant(X)

    def body(t, state):
        y = tf1bn.batch_norm(x[t], True, scope="bn", update_strategy=tf1bn.PerStep(t, STEPS), decay=0.0)
        return t + 1, tf.tanh(y + state)

    _, state = tf.while_loop(lambda t, _: t < STEPS, body, [tf.constant(0), tf.zeros([4, 2], tf.float64)])
    _run(tf.global_variables_initializer())
    exact = np.zeros((4, 2))
    for step in X:
        exact = np.tanh(reference.batch_norm(step) + exact)
    np.testing.assert_allclose(_run(state), exact)
    np.testing.assert_allclose(_averages()[0], X.mean(1))


@pytest.mark.parametrize("name", ("zero_debias", "renorm"))
def test_averages_per_time_step_refuse_what_is_kept_once(name):
    x = tf.constant(X[0])
    with refused(errors.PlacementError, f"batch_norm: `{name}` keeps variables of the whole layer beside the averages"):
        tf1bn.batch_norm(x, True, update_strategy=tf1bn.PerStep(0, 3), **{name: True})


@pytest.mark.parametrize(
    ("step", "steps", "error", "match"),
    [
        (0, 0, errors.ArgumentError, "`steps` must be a positive integer. Got 0"),
        (0, 2.0, errors.ArgumentError, "`steps` must be a positive integer. Got 2.0"),
        (0, True, errors.ArgumentError, "`steps` must be a positive integer. Got True"),
        (0.5, 2, errors.ArgumentTypeError, "`step` must be an integer or a scalar integer tensor. Got 0.5"),
        (True, 2, errors.ArgumentTypeError, "`step` must be an integer or a scalar integer tensor. Got True"),
    ],
)
def test_time_steps_that_cannot_be_are_refused(step, steps, error, match):
    with refused(error, match):
        tf1bn.PerStep(step, steps)


def test_a_counter_of_another_graph_or_shape_is_refused():
    x = tf.constant(X[0])
    with tf.Graph().as_default():
        foreign = tf1bn.PerStep(tf.placeholder(tf.int32, []), 3)
    with refused(errors.ArgumentError, "`step` is a tensor of another graph"):
        tf1bn.batch_norm(x, True, update_strategy=foreign)
    vector = tf.constant([1, 2])
    with refused(errors.ArgumentTypeError, "`step` must be an integer or a scalar"):
        tf1bn.PerStep(vector, 3)
