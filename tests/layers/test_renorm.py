"""Batch renormalization; its numbers with every strategy are in test_combinations."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers.refusals import refused
from tf1bn import errors
from tf1bn.testing import graphs, reference

X = np.random.default_rng(0).normal(2, 3, (6, 2))
LEAVES = ("gamma", "beta", "moving_variance", "moving_mean", "moving_stddev", "renorm_mean", "renorm_stddev")


@pytest.fixture(autouse=True)
def _graph():
    with graphs.graph_mode(), tf.Session():
        yield


def _run(fetch, feed=None):
    return tf.get_default_session().run(fetch, feed)


def _bn(is_training=True, **options):
    return tf1bn.batch_norm(tf.constant(X), is_training, scope="bn", renorm=True, **options)


def _leaves():
    return {v.op.name.split("/", 1)[1]: v for v in tf.global_variables()}


def test_variables_are_named_as_tf_layers_names_them_and_only_gamma_and_beta_learn():
    _bn()
    assert set(_leaves()) == set(LEAVES)
    assert [v.op.name for v in tf.trainable_variables()] == ["bn/gamma", "bn/beta"]
    assert {tuple(v.shape) for v in tf.global_variables()} == {(2,)}
    listed = [v.op.name for v in tf.get_collection(tf.GraphKeys.MOVING_AVERAGE_VARIABLES)]
    assert listed == ["bn/moving_mean", "bn/moving_stddev"]


def test_standard_deviations_start_at_the_root_of_the_variance():
    _bn(moving_variance_initializer=tf.constant_initializer(9.0))
    _run(tf.global_variables_initializer())
    found = _run(_leaves())
    np.testing.assert_array_equal([found[leaf][0] for leaf in LEAVES[2:]], [9, 0, 3, 0, 3])


def test_bounds_of_one_and_zero_make_it_ordinary_batch_norm():
    y = _bn(renorm_clipping={"rmin": 1, "rmax": 1, "dmax": 0})
    _run(tf.global_variables_initializer())
    np.testing.assert_allclose(_run(y), reference.batch_norm(X))


def test_settled_references_make_training_agree_with_inference():
    y = _bn(decay=0.5, renorm_decay=0.5)
    inference = _bn(False, reuse=True)
    _run(tf.global_variables_initializer())
    for _ in range(60):
        _run(y)
    np.testing.assert_allclose(_run(y), _run(inference), rtol=1e-6)


def test_bounds_may_be_a_schedule():
    step = tf.placeholder(tf.float32, [])
    limit = 1.0 + step
    y = _bn(renorm_clipping={"rmax": limit, "rmin": 1 / limit, "dmax": step}, renorm_decay=tf.constant(0.5))
    _run(tf.global_variables_initializer())
    start = np.zeros(2), np.ones(2)
    clipped = lambda _, batch: reference.renorm_correction(batch, start, rmin=1 / 1.5, rmax=1.5, dmax=0.5)  # noqa: E731
    exact = reference.train(X, variant=reference.Variant(correction=clipped)).y
    np.testing.assert_allclose(_run(y, {step: 0.5}), exact, rtol=1e-6)


def test_no_gradient_flows_through_the_correction():
    _bn()
    x = tf.constant(X)
    y = tf1bn.batch_norm(x, True, scope="bn", reuse=True, renorm=True)
    gradient = tf.gradients(tf.reduce_sum(y * X**2), [x])[0]
    assert tf.gradients(y, [v for v in tf.global_variables() if "renorm" in v.op.name]) == [None, None]
    _run(tf.global_variables_initializer())
    start = np.zeros(2), np.ones(2)
    variant = reference.Variant(correction=lambda _, batch: reference.renorm_correction(batch, start))
    exact = reference.train_gradients(X, np.ones(2), X**2, variant)
    np.testing.assert_allclose(_run(gradient), exact.x, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
@pytest.mark.parametrize("strategy", ("inline", "collection", "ema"))
@pytest.mark.parametrize("by_shadow", (False, True))
def test_a_trained_graph_restores_into_an_inference_graph(tmp_path, strategy, mode, by_shadow):
    if by_shadow and strategy != "ema":
        pytest.skip("only an exponential moving average has shadows")
    prefix = str(tmp_path / "model")
    with graphs.graph_mode(mode), tf.Session() as session:
        y = tf1bn.with_updates(_bn(update_strategy=strategy, decay=0.5, zero_debias=True))
        session.run(tf.global_variables_initializer())
        session.run(y)
        tf.train.Saver().save(session, prefix, write_meta_graph=False)
    with graphs.graph_mode(mode), tf.Session() as session:
        y = _bn(False, update_strategy=strategy, zero_debias=True)
        ema = tf.train.ExponentialMovingAverage(0.5)
        weights = [] if not by_shadow else None
        saver = tf.train.Saver() if weights is not None else tf.train.Saver(_by_shadow(ema))
        saver.restore(session, prefix)
        np.testing.assert_allclose(session.run(y), reference.batch_norm(X), rtol=1e-5)


def _by_shadow(ema):
    """Gamma and beta have no shadow; everything else is asked for as the object names it."""
    found = ema.variables_to_restore(tf.trainable_variables())
    plain = {name.replace("/ExponentialMovingAverage", "") if "gamma" in name or "beta" in name else name: v
             for name, v in found.items()}  # fmt: skip
    return plain


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        (
            {"epsilon": 0},
            errors.ArgumentError,
            "`renorm` needs an `epsilon` above 0, which bounds its references. Got 0.0",
        ),
        ({"renorm_clipping": [1, 2]}, errors.ArgumentTypeError, "`renorm_clipping` must be a dictionary"),
        (
            {"renorm_clipping": {"rmx": 1}},
            errors.ArgumentError,
            "`renorm_clipping` is unknown. Got 'rmx'; expected 'rmin'",
        ),
        ({"renorm_clipping": {"rmin": 2, "rmax": 1}}, errors.ArgumentError, "`renorm_clipping` has rmin above rmax"),
        ({"renorm_clipping": {"dmax": -1}}, errors.ArgumentError, r"`renorm_clipping\['dmax'\]` must be in \[0, inf\]"),
        ({"renorm_clipping": {"dmax": "1"}}, errors.ArgumentTypeError, r"`renorm_clipping\['dmax'\]` must be a number"),
        ({"renorm_decay": 1.0}, errors.ArgumentError, r"`renorm_decay` must be in \[0, 1\). Got 1.0"),
        ({"renorm_decay": "0.9"}, errors.ArgumentTypeError, "`renorm_decay` must be a number"),
        (
            {"renorm": False, "renorm_clipping": {}},
            errors.ArgumentError,
            "`renorm_clipping` is given without renorm=True",
        ),
        ({"renorm": "yes"}, errors.ArgumentTypeError, "`renorm` must be True or False. Got 'yes'"),
    ],
)
def test_what_renorm_cannot_use_is_refused(options, error, match):
    x = tf.constant(X)
    with refused(error, match):
        tf1bn.batch_norm(x, True, **{"renorm": True, **options})


def test_bounds_that_are_no_scalar_or_of_another_graph_are_refused():
    x, vector = tf.constant(X), tf.constant([1.0, 2.0])
    with refused(errors.ArgumentTypeError, r"`renorm_clipping\['rmax'\]` must be a scalar floating-point tensor"):
        tf1bn.batch_norm(x, True, renorm=True, renorm_clipping={"rmax": vector})
    with tf.Graph().as_default():
        foreign = tf.constant(1.0)
    with refused(errors.ArgumentError, r"`renorm_clipping\['rmax'\]` is a tensor of another graph"):
        tf1bn.batch_norm(x, True, renorm=True, renorm_clipping={"rmax": foreign})
