"""What the layer computes: outputs, averages and gradients against the oracle."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.strategies.ema import Ema
from tf1bn.testing import reference
from tf1bn.testing.reference import Statistics

SHAPES = [(6, 3), (4, 5, 3), (3, 4, 2, 5), (2, 3, 2, 2, 3)]
TOLERANCES = {"float64": 1e-9, "float32": 2e-5, "float16": 4e-3, "bfloat16": 4e-2}
LARGE = (8, 32, 32, 16)  # 131,072 elements: the fused kernel


def _data(shape, seed=0, mean=2.0, spread=3.0):
    return np.random.default_rng(seed).normal(mean, spread, shape)


def _run(fetches, feed):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(fetches, feed)


def _averages(scope="bn"):
    by_name = {v.op.name: v for v in tf.global_variables()}
    return [by_name[f"{scope}/{leaf}"] for leaf in ("moving_mean", "moving_variance")]


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("shape", SHAPES, ids=len)
def test_training_and_inference_match_the_oracle(graph, shape, axis, dtype):
    x = tf.placeholder(dtype, [None, *shape[1:]])
    p = tf.placeholder_with_default(True, [])
    y = tf1bn.batch_norm(x, p, axis=axis, scope="bn", decay=0.9)
    value = np.asarray(_data(shape), tf.as_dtype(dtype).as_numpy_dtype)
    tolerance = TOLERANCES[dtype]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(
            session.run(y, {x: value}).astype(float),
            reference.batch_norm(value, axis=axis),
            atol=tolerance,
            rtol=tolerance,
        )
        kept = Statistics(*session.run(_averages()))
        assert {v.dtype.base_dtype for v in tf.global_variables()} == {tf.float64 if dtype == "float64" else tf.float32}
        start = Statistics(np.zeros(shape[axis]), np.ones(shape[axis]))
        tight = 1e-12 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(kept, reference.moving_averages([value], 0.9, start, axis=axis), rtol=tight)
        np.testing.assert_allclose(
            session.run(y, {x: value, p: False}).astype(float),
            reference.normalize(value, kept, axis=axis),
            atol=tolerance * 20,
            rtol=tolerance,
        )
    assert y.dtype == x.dtype and y.shape.as_list() == x.shape.as_list()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 1e-8])
@pytest.mark.parametrize("training", [True, False])
def test_large_images_with_any_epsilon_match_the_oracle(graph, dtype, epsilon, training):
    value = np.asarray(_data(LARGE, mean=0.0, spread=1e-3), tf.as_dtype(dtype).as_numpy_dtype)
    x = tf.placeholder(dtype, LARGE)
    given = Statistics(np.zeros(16), np.full(16, 1e-6))
    initializer = tf.constant_initializer(1e-6)
    y = tf1bn.batch_norm(x, training, epsilon=epsilon, moving_variance_initializer=initializer)
    expected = reference.normalize(value, reference.moments(value) if training else given, epsilon=epsilon)
    found = _run(y, {x: value}).astype(float)
    tolerance = {"float32": 1e-5, "float16": 2e-3, "bfloat16": 2e-2}[dtype]
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("shape", [(8, 3), LARGE], ids=["plain", "fused"])
@pytest.mark.parametrize("bessel", [False, True])
def test_bessel_correction_changes_the_moving_variance_alone(graph, shape, bessel):
    value = _data(shape).astype(np.float32)
    x = tf.placeholder(tf.float32, shape)
    y = tf1bn.batch_norm(x, True, bessel_correction=bessel, decay=0.0, scope="bn")
    found = _run(y, {x: value})
    mean, variance = _after(y, x, value)
    exact = reference.moments(value, bessel=bessel)
    np.testing.assert_allclose(found, reference.batch_norm(value), atol=2e-5)
    np.testing.assert_allclose(mean, exact.mean, rtol=1e-5)
    np.testing.assert_allclose(variance, exact.variance, rtol=1e-5 if shape == LARGE else 1e-6)


def _after(y, x, value):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(y, {x: value})
        return session.run(_averages())


def test_bessel_correction_of_one_value_per_channel_leaves_the_variance_zero(graph):
    x = tf.placeholder(tf.float32, [None, 2])
    y = tf1bn.batch_norm(x, True, bessel_correction=True, decay=0.0, scope="bn")
    np.testing.assert_array_equal(_after(y, x, [[3.0, 4.0]]), [[3, 4], [0, 0]])


@pytest.mark.parametrize(("shape", "dtype"), [((5, 3), tf.float64), ((2, 3, 2, 2), tf.float64), (LARGE, tf.float32)])
@pytest.mark.parametrize("training", [True, False])
def test_gradients_match_the_oracle(any_graph, shape, dtype, training):
    value, dy = _data(shape), _data(shape, 1, 0, 1)
    gamma = np.linspace(0.5, 2, shape[-1])
    x = tf.placeholder(dtype, shape)
    y = tf1bn.batch_norm(
        x,
        training,
        gamma_initializer=tf.constant_initializer(gamma),
        moving_mean_initializer=tf.constant_initializer(1.5),
        moving_variance_initializer=tf.constant_initializer(4.0),
    )
    found = _run(tf.gradients(tf.reduce_sum(y * dy), [x, *tf.trainable_variables()]), {x: value})
    given = Statistics(np.full(shape[-1], 1.5), np.full(shape[-1], 4.0))
    exact = (
        reference.batch_gradients(value, gamma, dy) if training else reference.given_gradients(value, given, gamma, dy)
    )
    for have, want in zip(found, exact, strict=True):
        scale = np.abs(want).max()
        np.testing.assert_allclose(have, want, atol=scale * (1e-10 if dtype == tf.float64 else 2e-4))


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("shape", [(8, 3), LARGE], ids=["plain", "fused"])
def test_center_and_scale_can_be_left_out(graph, center, scale, shape):
    x = tf.placeholder(tf.float32, shape)
    y = tf1bn.batch_norm(
        x,
        True,
        center=center,
        scale=scale,
        beta_initializer=tf.constant_initializer(5.0),
        gamma_initializer=tf.constant_initializer(2.0),
        scope="bn",
    )
    value = _data(shape)
    expected = reference.batch_norm(value, 2.0 if scale else 1.0, 5.0 if center else 0.0)
    np.testing.assert_allclose(_run(y, {x: value}), expected, atol=5e-5)
    assert [v.op.name for v in tf.trainable_variables()] == ["bn/gamma"] * scale + ["bn/beta"] * center


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema"])
@pytest.mark.parametrize("kind", [True, "tensor"])
def test_an_empty_batch_leaves_the_averages_as_they_are(graph, strategy, kind):
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf1bn.batch_norm(x, kind is True or tf.placeholder_with_default(True, []), scope="bn", update_strategy=strategy)
    kept = _after(tf1bn.with_updates(y), x, np.zeros((0, 3)))
    np.testing.assert_array_equal(kept, [np.zeros(3), np.ones(3)])


def test_a_static_empty_batch_leaves_the_averages_as_they_are(graph):
    x = tf.placeholder(tf.float32, [0, 3])
    np.testing.assert_array_equal(
        _after(tf1bn.batch_norm(x, True, scope="bn"), x, np.zeros((0, 3))), [[0] * 3, [1] * 3]
    )


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema"])
def test_a_batch_with_nan_reaches_the_averages_without_a_guard(any_graph, strategy):
    x = tf.placeholder(tf.float32, [None, 2])
    y = tf1bn.with_updates(tf1bn.batch_norm(x, True, scope="bn", update_strategy=strategy))
    kept = _after(y, x, [[np.nan, 1.0], [1.0, 2.0]])
    assert np.isnan(kept[0][0]) and np.isfinite(kept[0][1])


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_guard_skip_leaves_the_averages_and_lets_good_batches_pass(any_graph, strategy, bad):
    x = tf.placeholder(tf.float32, [None, 2])
    p = tf.placeholder_with_default(True, [])
    y = tf1bn.batch_norm(x, p, scope="bn", update_strategy=strategy, numeric_guard="skip", decay=0.5)
    step = tf1bn.with_updates(y)
    np.testing.assert_array_equal(_after(step, x, [[bad, 1.0], [1.0, 2.0]]), [[0, 0], [1, 1]])
    np.testing.assert_allclose(_after(step, x, [[2.0, 1.0], [2.0, 3.0]]), [[1, 1], [0.5, 1]])


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema"])
def test_the_guard_raise_fails_the_run_and_names_the_layer(any_graph, strategy):
    x = tf.placeholder(tf.float32, [None, 2])
    y = tf1bn.batch_norm(x, True, scope="bn", update_strategy=strategy, numeric_guard="raise", decay=0.5)
    step = tf1bn.with_updates(y)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"update of scope \\?'bn\\?' is refused: its mean or var"):
        _after(step, x, [[np.nan, 1.0], [1.0, 2.0]])
    np.testing.assert_allclose(_after(step, x, [[2.0, 1.0], [2.0, 3.0]]), [[1, 1], [0.5, 1]])


def test_values_far_from_zero_keep_their_precision_where_that_is_asked_for(graph):
    value = _data((64, 4), mean=1e4, spread=1.0).astype(np.float32)
    x = tf.placeholder(tf.float32, [None, 4])
    y = tf1bn.batch_norm(x, True, precise=True)
    np.testing.assert_allclose(_run(y, {x: value}), reference.batch_norm(value), atol=1e-5)


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema"])
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_decay_may_be_a_tensor_or_a_variable(any_graph, strategy, dtype):
    value = _data((5, 2))
    tensor = tf.placeholder_with_default(np.asarray(0.25, dtype.as_numpy_dtype), [])
    variable = tf.get_variable("d", [], dtype, tf.constant_initializer(0.25), trainable=False)
    for number, decay in enumerate((tensor, variable)):
        x = tf.placeholder(tf.float32, [None, 2])
        name = f"bn{number}"
        y = tf1bn.batch_norm(x, True, scope=name, update_strategy=strategy, decay=decay)
        y = tf1bn.with_updates(y, name)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(y, {x: value})
            kept = session.run(_averages(f"bn{number}"))
        expected = reference.moving_averages([value], 0.25, Statistics(np.zeros(2), np.ones(2)))
        np.testing.assert_allclose(kept, expected, rtol=1e-5)


def test_arrays_and_lists_become_constants(graph):
    value = [[1.0, 2.0], [3.0, 6.0]]
    y = tf1bn.batch_norm(value, True)
    assert y.dtype == tf.float32
    np.testing.assert_allclose(_run(y, {}), reference.batch_norm(np.array(value)), atol=1e-5)
    assert tf1bn.batch_norm(np.array(value), True).dtype == tf.float64


def test_a_decay_counter_lowers_the_decay_of_ema(graph):
    step = tf.train.get_or_create_global_step()
    x = tf.placeholder(tf.float64, [None, 2])
    y = tf1bn.batch_norm(x, True, scope="bn", update_strategy=Ema(num_updates=step))
    value = _data((5, 2))
    expected = reference.ema_averages([value], 0.99, Statistics(np.zeros(2), np.ones(2)), num_updates=0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(y, {x: value})
        np.testing.assert_allclose(session.run(_averages()[0]), expected.mean, rtol=1e-6)
