"""Hard inputs: far from zero, constant, single, empty, of unknown size, and small epsilon; for every kernel."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.core import plain
from tf1bn.testing import graphs, reference

SHAPES = {"plain": (60, 100), "fused": (32, 32, 32, 4), "fused large": (64, 64, 64, 4)}
LARGE = (32, 16, 16, 16)


@pytest.fixture(autouse=True, params=(graphs.MODES[0], graphs.MODES[3]), ids=str)
def _graph(request):
    with graphs.graph_mode(request.param), tf.Session():
        yield


def _run(fetch, feed=None):
    return tf.get_default_session().run(fetch, feed)


def _train(x, *, shape=None, dtype=tf.float32, **options):
    """Returns output, gradients of sum(y * dy) and then the averages, which decay 0 makes the batch's own."""
    inputs = tf.placeholder(dtype, x.shape if shape is None else shape)
    dy = np.random.default_rng(9).normal(size=x.shape)
    weights = tf.placeholder(dtype, x.shape)  # a large constant would be copied with every step of the graph's way
    y = tf1bn.batch_norm(inputs, True, decay=0.0, scope="bn", **options)
    gradients = tf.gradients(tf.reduce_sum(y * weights), [inputs, *tf.trainable_variables("bn")])
    _run(tf.global_variables_initializer())
    found = _run([y, *gradients], {inputs: x, weights: dy})
    return found, dy, _averages()


def _averages():
    return _run(tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES))


def _kernel():
    return tf1bn.layers_of()[-1].record["kernel"]


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("mean", (0.0, 100.0, 1e4))
def test_a_precise_layer_is_right_far_from_zero(kind, mean):
    shape = SHAPES[kind]
    x = (np.random.default_rng(0).standard_normal(shape, np.float32) + np.float32(mean)).astype(np.float32)
    (y, dx, *_), dy, (kept_mean, kept_variance) = _train(x, precise=True)
    assert _kernel() == kind.split()[0]
    exact = reference.moments(x)
    # The fused kernel sums 262144 squares in float32: 3e-5 off, near zero as far from it.
    np.testing.assert_allclose(kept_variance, exact.variance, rtol=1e-4)
    np.testing.assert_allclose(kept_mean, exact.mean, rtol=1e-7, atol=1e-6)
    tolerance = 2e-5 if "large" in kind else 1e-5
    wanted = reference.batch_norm(x), reference.batch_gradients(x, np.ones(shape[-1]), dy).x
    for found, exact in zip((y, dx), wanted, strict=True):
        np.testing.assert_allclose(found, exact, atol=tolerance * np.abs(exact).max())


@pytest.mark.parametrize("kind", SHAPES)
def test_without_precision_a_mean_of_three_deviations_costs_none(kind):
    x = (np.random.default_rng(0).standard_normal(SHAPES[kind], np.float32) + np.float32(3)).astype(np.float32)
    (y, dx, *_), dy, (kept_mean, kept_variance) = _train(x)
    exact = reference.moments(x)
    np.testing.assert_allclose(kept_variance, exact.variance, rtol=1e-4)
    np.testing.assert_allclose(kept_mean, exact.mean, rtol=1e-5)
    np.testing.assert_allclose(y, reference.batch_norm(x), atol=1e-4)
    np.testing.assert_allclose(dx, reference.batch_gradients(x, np.ones(x.shape[-1]), dy).x, atol=1e-4)


def test_bessel_correction_is_the_same_in_every_kernel():
    x = np.random.default_rng(0).normal(1, 2, LARGE).astype(np.float32)
    for bessel in (False, True):
        for kernel in ("fused", "fused_wide", "plain", "wide"):
            with tf.Graph().as_default(), tf.Session():
                found = _train(x, bessel_correction=bessel, kernel=kernel)[2][1]
                assert _kernel() == kernel
                assert tf1bn.layers_of()[-1].record["bessel_correction"] is bessel
            np.testing.assert_allclose(found, reference.moments(x, bessel=bessel).variance, rtol=1e-5)


@pytest.mark.parametrize("epsilon", (1e-3, 1e-5, 1e-8))
@pytest.mark.parametrize("is_training", (True, False))
def test_the_fused_kernel_takes_any_epsilon(epsilon, is_training):
    x = (1e-4 * np.random.default_rng(0).standard_normal(LARGE)).astype(np.float32)
    zeros = {"moving_variance_initializer": tf.zeros_initializer()}
    y = tf1bn.batch_norm(tf.constant(x), is_training, epsilon=epsilon, **zeros)
    assert _kernel() == "fused"
    _run(tf.global_variables_initializer())
    statistics = reference.moments(x) if is_training else reference.Statistics(np.zeros(16), np.zeros(16))
    np.testing.assert_allclose(_run(y), reference.normalize(x, statistics, epsilon=epsilon), rtol=2e-4, atol=1e-4)


@pytest.mark.parametrize("shape", ((1, 3), (1, 1, 3), (1, 1, 1, 1, 3)), ids=str)
@pytest.mark.parametrize("bessel", (False, True))
def test_one_value_per_channel_gives_beta_and_a_variance_of_zero(shape, bessel):
    x = np.full(shape, 7.0)
    (y, dx, *_), _, (mean, variance) = _train(x, bessel_correction=bessel)
    np.testing.assert_array_equal(y, np.zeros(shape))
    np.testing.assert_array_equal(dx, np.zeros(shape))
    np.testing.assert_array_equal([mean, variance], [[7] * 3, [0] * 3])


@pytest.mark.parametrize("shape", ((5, 3), LARGE), ids=str)
def test_a_constant_channel_gives_beta_and_finite_gradients(shape):
    x = np.full(shape, 1e3)
    found, _, (mean, variance) = _train(x)
    np.testing.assert_allclose(found[0], np.zeros(shape), atol=1e-3)
    assert all(np.isfinite(part).all() for part in found)
    np.testing.assert_allclose(variance, np.zeros(shape[-1]), atol=1e-6)
    np.testing.assert_allclose(mean, np.full(shape[-1], 1e3), rtol=1e-6)


@pytest.mark.parametrize("inner", ((3,), (16, 16, 16)), ids=str)
@pytest.mark.parametrize("static", (True, False))
@pytest.mark.parametrize("weighted", (True, False))
def test_an_empty_batch_leaves_averages_and_gives_finite_gradients(inner, static, weighted):
    x = np.zeros((0, *inner), np.float32)
    options = {"batch_weights": np.ones([1] * len(x.shape))} if weighted else {}
    found, _, averages = _train(x, shape=None if static else (None, *inner), **options)
    assert found[0].shape == x.shape
    np.testing.assert_array_equal(averages, [np.zeros(inner[-1]), np.ones(inner[-1])])
    np.testing.assert_array_equal(found[2:], np.zeros((2, inner[-1])))


@pytest.mark.parametrize(
    ("known", "shape", "axis"),
    [
        ((None, 3), (5, 3), -1),
        ((None, None, 3), (5, 2, 3), -1),
        ((None, 3, None), (5, 3, 4), 1),
        ((None, None, None, 3), (2, 3, 4, 3), -1),
        ((None, 3, None, None), (2, 3, 4, 5), 1),
        ((4, 3, None, 5), (4, 3, 2, 5), 1),
        ((None, None, None, None, 2), (2, 3, 1, 2, 2), -1),
        ((None, 2, None, None, None), (2, 2, 3, 1, 2), 1),
        ((3, None), (3, 5), 0),
    ],
    ids=str,
)
def test_unknown_sizes_and_channels_first_train_at_every_rank(known, shape, axis):
    x = np.random.default_rng(0).normal(size=shape)
    (y, dx, *_), dy, (mean, variance) = _train(x, shape=known, dtype=tf.float64, axis=axis)
    np.testing.assert_allclose(y, reference.batch_norm(x, axis=axis), rtol=1e-9, atol=1e-12)
    exact = reference.batch_gradients(x, np.ones(shape[axis]), dy, axis=axis)
    np.testing.assert_allclose(dx, exact.x, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose([mean, variance], reference.moments(x, axis), rtol=1e-9)


def test_batches_of_different_sizes_pass_one_after_the_other():
    inputs = tf.placeholder(tf.float64, [None, 2])
    y = tf1bn.batch_norm(inputs, True, decay=0.0)
    _run(tf.global_variables_initializer())
    for rows in (4, 1, 0, 7):
        x = np.random.default_rng(rows).normal(size=(rows, 2))
        found = _run(y, {inputs: x})
        if rows:
            np.testing.assert_allclose(found, reference.batch_norm(x), rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(_averages(), reference.moments(x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("decay", (-0.5, 1.5, np.nan))
@pytest.mark.parametrize("guard", ("skip", "raise"))
def test_the_guard_refuses_a_decay_that_would_make_a_variance_negative(decay, guard):
    share = tf.placeholder(tf.float64, [])
    y = tf1bn.batch_norm(tf.constant([[1.0], [5.0]]), True, decay=share, numeric_guard=guard, scope="deep/bn")
    _run(tf.global_variables_initializer())
    if guard == "raise":
        with pytest.raises(tf.errors.InvalidArgumentError, match="deep/bn"):
            _run(y, {share: decay})
    else:
        _run(y, {share: decay})
    np.testing.assert_array_equal(_averages(), [[0], [1]])
    _run(y, {share: 0.5})
    np.testing.assert_allclose(_averages(), [[1.5], [2.5]])


def test_the_guard_refuses_a_negative_variance(monkeypatch):
    monkeypatch.setattr(plain.Plain, "train", lambda self, x, *_: (x, tf1bn.strategies.base.Moments(
        tf.zeros([1]), tf.constant([-1.0]), 2)))  # fmt: skip
    y = tf1bn.batch_norm(tf.constant([[1.0], [5.0]]), True, numeric_guard="raise", scope="bn")
    _run(tf.global_variables_initializer())
    with pytest.raises(tf.errors.InvalidArgumentError, match="variance is negative"):
        _run(y)
