"""Weighted and masked moments; the combinations with other kinds are in test_combinations."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers.refusals import refused
from tf1bn import errors
from tf1bn.testing import graphs, reference

X = np.random.default_rng(0).normal(3, 2, (4, 3, 2))


@pytest.fixture(autouse=True)
def _graph():
    with graphs.graph_mode(), tf.Session():
        yield


def _start():
    tf.get_default_session().run(tf.global_variables_initializer())


def _run(*fetches):
    return tf.get_default_session().run(fetches)


def _moved(*, x=X, **options):
    """Returns the output and the averages after one update with decay 0, so the batch's own moments."""
    y = tf1bn.batch_norm(tf.constant(x), True, decay=0.0, scope="bn", **options)
    _start()
    (found,) = _run(y)
    return found, *_run(*tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES))


def _exact(weights, x=X, **options):
    return reference.train(x, variant=reference.Variant(weights=weights, **options))


@pytest.mark.parametrize("shape", [(4,), (4, 3), (1, 3), (4, 1, 1), (4, 3, 1), (1, 3, 1), ()], ids=str)
def test_weights_of_every_fitting_shape_broadcast_from_the_batch_on(shape):
    weights = np.random.default_rng(1).integers(0, 4, shape) + 1
    y, mean, variance = _moved(batch_weights=weights)
    wide = np.reshape(weights, (*shape, *[1] * (3 - len(shape)))).astype(float)
    exact = _exact(wide)
    np.testing.assert_allclose(y, exact.y, rtol=1e-9)
    np.testing.assert_allclose([mean, variance], exact.moments, rtol=1e-9)


@pytest.mark.parametrize("dtype", (np.int32, np.uint8, np.float16, np.float64))
def test_weights_of_every_numeric_dtype_are_taken(dtype):
    weights = np.array([1, 0, 2, 3], dtype)
    _, mean, _ = _moved(batch_weights=tf.constant(weights))
    np.testing.assert_allclose(mean, _exact(weights.reshape(4, 1, 1)).moments.mean, rtol=1e-9)


def test_a_variable_serves_as_weights():
    weights = tf.get_variable("weights", initializer=np.array([1.0, 0, 2, 3]))
    y = tf1bn.batch_norm(tf.constant(X), True, decay=0.0, scope="bn2", batch_weights=weights)
    _start()
    _run(y)
    (mean, _) = _run(*tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES, "bn2"))
    np.testing.assert_allclose(mean, _exact(np.reshape([1.0, 0, 2, 3], (4, 1, 1))).moments.mean, rtol=1e-9)


def test_a_padded_sequence_has_the_moments_of_its_true_steps():
    lengths = np.array([3, 1, 2, 0])
    padded = np.where(np.arange(3) < lengths[:, None], 1.0, 0.0)[..., None] * X
    mask = tf.sequence_mask(tf.constant(lengths), 3)
    _, mean, variance = _moved(x=padded, mask=mask)
    true_steps = np.concatenate([X[i, :n] for i, n in enumerate(lengths)])
    np.testing.assert_allclose(mean, true_steps.mean(0), rtol=1e-9)
    np.testing.assert_allclose(variance, true_steps.var(0), rtol=1e-9)


@pytest.mark.parametrize("garbage", (np.nan, np.inf, -np.inf, 1e300))
def test_what_a_mask_hides_reaches_neither_averages_nor_gradients(garbage):
    x = X.copy()
    x[1:3, 2] = garbage
    mask = np.ones((4, 3), bool)
    mask[1:3, 2] = False
    inputs = tf.constant(x)
    y = tf1bn.batch_norm(inputs, True, decay=0.0, mask=mask, scope="bn")
    loss = tf.reduce_sum(tf.where_v2(mask[..., None], tf.square(y) * np.arange(1.0, 3), 0.0))
    gradients = tf.gradients(loss, [inputs, *tf.trainable_variables()])
    _start()
    y, *gradients = _run(y, *gradients)
    averages = _run(*tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES))
    kept = X[mask]
    np.testing.assert_allclose(averages, [kept.mean(0), kept.var(0)], rtol=1e-9)
    np.testing.assert_allclose(y[mask], (kept - kept.mean(0)) / np.sqrt(kept.var(0) + 1e-3), rtol=1e-9)
    dy = np.where(mask[..., None], 2 * y * np.arange(1.0, 3), 0)
    exact = reference.train_gradients(X, np.ones(2), dy, reference.Variant(weights=mask[..., None]))
    for found, want in zip(gradients, (exact.x, exact.gamma, exact.beta), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-8, atol=1e-10)


def test_no_weight_at_all_leaves_the_averages_unmoved_in_every_way():
    for name, value in (("batch_weights", np.zeros(4)), ("mask", np.zeros((4, 3), bool))):
        with tf.Graph().as_default(), tf.Session():
            _, mean, variance = _moved(**{name: value})
            np.testing.assert_array_equal([mean, variance], [[0, 0], [1, 1]])


def test_without_any_weight_the_output_is_finite():
    y, _, _ = _moved(mask=np.zeros(4, bool))
    assert np.isfinite(y).all()


def test_equal_weights_of_any_size_are_no_weights():
    tiny, mean, variance = _moved(batch_weights=np.full(4, 1e-6))
    exact = _exact(None)
    np.testing.assert_allclose(tiny, exact.y, rtol=1e-6)
    np.testing.assert_allclose([mean, variance], exact.moments, rtol=1e-6)


def test_normalised_weights_with_bessel_correction_have_no_pole():
    weights = np.full(4, np.nextafter(0.25, 1)) / 3
    _, _, variance = _moved(batch_weights=weights.astype(np.float32), bessel_correction=True)
    np.testing.assert_allclose(variance, _exact(None).moments.variance, rtol=1e-5)


def test_weights_have_no_effect_in_inference():
    x = tf.constant(X)
    plain = tf1bn.batch_norm(x, False, scope="bn")
    weighted = tf1bn.batch_norm(x, False, scope="bn", reuse=True, batch_weights=tf.constant([1.0, 0, 0, 0]))
    _start()
    np.testing.assert_allclose(*_run(plain, weighted))


def test_the_record_says_that_a_call_is_weighted():
    x = tf.constant(X)
    tf1bn.batch_norm(x, True, mask=np.ones(4, bool))
    tf1bn.batch_norm(x, True)
    assert [site.record["weighted"] for site in tf1bn.layers_of()] == [True, False]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        (
            {"mask": np.ones(4)},
            errors.ArgumentTypeError,
            r"batch_norm: `mask` has the wrong dtype. Got 'float64'; expected bool",
        ),
        (
            {"batch_weights": np.ones(4, bool)},
            errors.ArgumentTypeError,
            "`batch_weights` has the wrong dtype. Got 'bool'",
        ),
        ({"batch_weights": "all"}, errors.ArgumentTypeError, "`batch_weights` has the wrong dtype"),
        ({"batch_weights": object()}, errors.ArgumentTypeError, "`batch_weights` has the wrong dtype"),
        ({"batch_weights": np.array([1.0, -1, 1, 1])}, errors.ArgumentError, "`batch_weights` must be at least 0"),
        ({"batch_weights": np.array([1.0, np.nan, 1, 1])}, errors.ArgumentError, "`batch_weights` must be at least 0"),
        (
            {"batch_weights": np.ones(3)},
            errors.ShapeError,
            r"does not broadcast against axis 0 of `inputs`. Got '\(3,\)'",
        ),
        ({"batch_weights": np.ones((4, 3, 2))}, errors.ShapeError, "`batch_weights` does not broadcast against axis 2"),
        ({"batch_weights": np.ones((4, 3, 1, 1))}, errors.ShapeError, "`batch_weights` has too many dimensions"),
    ],
)
def test_weights_that_do_not_fit_are_refused(options, error, match):
    x = tf.constant(X)
    with refused(error, match):
        tf1bn.batch_norm(x, True, **options)


def test_weights_of_unknown_rank_or_of_another_graph_are_refused():
    x, weights = tf.constant(X), tf.placeholder(tf.float32)
    with refused(errors.ShapeError, "the rank of `batch_weights` is unknown"):
        tf1bn.batch_norm(x, True, batch_weights=weights)
    with tf.Graph().as_default():
        foreign = tf.ones([4])
    with refused(errors.ArgumentError, "`batch_weights` is a tensor of another graph"):
        tf1bn.batch_norm(x, True, batch_weights=foreign)
