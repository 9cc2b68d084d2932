"""Names, shapes, collections and sharing of the layer's variables."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.strategies.ema import Ema

KEYS = tf.GraphKeys


def _names(key=KEYS.GLOBAL_VARIABLES):
    return [v.op.name for v in tf.get_collection(key)]


def _x(channels=3):
    return tf.placeholder(tf.float32, [None, channels])


def test_four_variables_and_their_collections(any_graph):
    tf1bn.batch_norm(_x(), True)
    affine = ["batch_norm/gamma", "batch_norm/beta"]
    averages = ["batch_norm/moving_mean", "batch_norm/moving_variance"]
    assert _names() == _names(KEYS.MODEL_VARIABLES) == affine + averages
    assert _names(KEYS.TRAINABLE_VARIABLES) == affine
    assert _names(KEYS.MOVING_AVERAGE_VARIABLES) == averages
    assert {tuple(v.shape.as_list()) for v in tf.global_variables()} == {(3,)}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(tf.global_variables()), [[1] * 3, [0] * 3, [0] * 3, [1] * 3])


def test_ema_lists_its_variables_once_and_keeps_its_shadows_beside_them(any_graph):
    tf1bn.batch_norm(_x(), True, update_strategy=Ema(zero_debias=True), scope="bn")
    listed = ["bn/moving_mean", "bn/moving_variance"]
    assert _names(KEYS.MOVING_AVERAGE_VARIABLES) == listed
    shadows = [f"bn/{leaf}/ExponentialMovingAverage" for leaf in ("moving_mean", "moving_variance")]
    assert [name for name in _names() if name not in listed] == ["bn/gamma", "bn/beta", "bn/debias_weight", *shadows]


def test_trainable_false_takes_gamma_and_beta_out_of_one_collection_only(graph):
    tf1bn.batch_norm(_x(), True, trainable=False)
    assert tf.trainable_variables() == []
    assert len(_names(KEYS.MODEL_VARIABLES)) == 4


def test_unnamed_calls_are_numbered_and_named_ones_are_not(graph):
    with tf.variable_scope("net"):
        for scope in (None, None, "own"):
            tf1bn.batch_norm(_x(), True, scope=scope)
    assert [name for name in _names() if "gamma" in name] == [
        "net/batch_norm/gamma",
        "net/batch_norm_1/gamma",
        "net/own/gamma",
    ]


@pytest.mark.parametrize("reuse", [True, tf.AUTO_REUSE])
def test_reuse_shares_and_a_scope_object_works_as_scope(graph, reuse):
    tf1bn.batch_norm(_x(), True, scope="bn")
    before = _names()
    tf1bn.batch_norm(_x(), False, scope="bn", reuse=reuse)
    with tf.variable_scope("bn", reuse=True) as scope:
        pass
    tf1bn.batch_norm(_x(), False, scope=scope)
    assert _names() == before


def test_a_surrounding_reuse_pairs_the_nth_unnamed_call_with_the_nth(graph):
    def network(training):
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
            return [tf1bn.batch_norm(_x(), training) for _ in range(2)]

    network(True)
    before = _names()
    network(False)
    assert _names() == before and len(before) == 8


def test_unnamed_calls_in_two_branches_share_the_nth_with_the_nth(any_graph):
    x, p = _x(), tf.placeholder(tf.bool, [])

    def branch(training, reuse):
        h = tf1bn.dense(x, 3, scope="shared", reuse=tf.AUTO_REUSE)
        h = tf1bn.batch_norm(h, training, reuse=reuse)
        return tf1bn.batch_norm(tf1bn.dense(h, 3, reuse=reuse), training, reuse=reuse)

    y = tf.cond(p, lambda: branch(True, None), lambda: branch(False, True))
    assert [name for name in _names() if "moving_mean" in name] == [
        "batch_norm/moving_mean",
        "batch_norm_1/moving_mean",
    ]
    assert [name for name in _names() if "kernel" in name] == ["shared/kernel", "dense/kernel"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        value = np.random.default_rng(0).normal(size=(8, 3))
        start = session.run(tf.global_variables())
        session.run(y, {x: value, p: False})
        np.testing.assert_equal(session.run(tf.global_variables()), start)
        session.run(y, {x: value, p: True})
        assert all(np.any(session.run(v) != 1) for v in tf.global_variables() if "moving_variance" in v.name)


def test_a_third_unnamed_reuse_without_partner_is_refused(any_graph):
    x, p = _x(), tf.placeholder(tf.bool, [])

    def second():
        tf1bn.batch_norm(x, False, reuse=True)
        with pytest.raises(errors.ReuseError, match="whose variables are meant is unclear"):
            tf1bn.batch_norm(x, False, reuse=True)
        return x

    tf.cond(p, lambda: tf1bn.batch_norm(x, True), second)


def test_a_custom_getter_may_rename(graph):
    def renamed(getter, name, *args, **kwargs):
        return getter(
            name.replace("moving_mean", "mean/EMA").replace("moving_variance", "variance/EMA"), *args, **kwargs
        )

    with tf.variable_scope("net", custom_getter=renamed):
        y = tf1bn.batch_norm(_x(), True, scope="bn")
    with tf.variable_scope("net", custom_getter=renamed, reuse=True):
        tf1bn.batch_norm(_x(), False, scope="bn")
    assert _names() == ["net/bn/gamma", "net/bn/beta", "net/bn/mean/EMA", "net/bn/variance/EMA"]
    assert y.shape.as_list() == [None, 3]


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema", "frozen"])
def test_a_custom_getter_may_return_tensors_in_inference(graph, strategy):
    def doubled(getter, *args, **kwargs):
        return getter(*args, **kwargs) * 2.0

    with tf.variable_scope("net", custom_getter=doubled):
        y = tf1bn.batch_norm(tf.ones([1, 3]), False, epsilon=0.0, update_strategy=strategy)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(y), np.full((1, 3), 2 / np.sqrt(2)), rtol=1e-6)


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema"])
def test_averages_that_a_custom_getter_made_tensors_cannot_move(graph, strategy):
    def doubled(getter, *args, **kwargs):
        return getter(*args, **kwargs) * 2.0

    with tf.variable_scope("net", custom_getter=doubled):
        with pytest.raises(errors.ArgumentTypeError, match="custom getter returned a tensor for 'moving_mean'"):
            tf1bn.batch_norm(tf.ones([1, 3]), True, update_strategy=strategy)


def test_a_partitioner_splits_gamma_and_beta_and_never_the_averages(graph):
    with tf.variable_scope("net", partitioner=tf.fixed_size_partitioner(2)):
        y = tf1bn.batch_norm(_x(4), True, scope="bn")
    assert _names() == [
        *(f"net/bn/{leaf}/part_{part}" for leaf in ("gamma", "beta") for part in (0, 1)),
        "net/bn/moving_mean",
        "net/bn/moving_variance",
    ]
    with tf.variable_scope("net", partitioner=tf.fixed_size_partitioner(2), reuse=True):
        tf1bn.batch_norm(_x(4), False, scope="bn")
    assert y.shape.as_list() == [None, 4] and len(_names()) == 6


def test_regularizers_of_layer_and_scope_reach_gamma_and_beta_alone(graph):
    with tf.variable_scope("net", regularizer=lambda v: tf.reduce_sum(v) * 2.0):
        tf1bn.batch_norm(_x(), True, scope="bn", gamma_regularizer=lambda v: tf.reduce_sum(v) * 5.0)
        tf1bn.batch_norm(_x(), False, scope="bn", reuse=True, gamma_regularizer=lambda v: tf.reduce_sum(v) * 5.0)
    losses = tf.get_collection(KEYS.REGULARIZATION_LOSSES)
    assert sorted(loss.op.name.split("/")[2] for loss in losses) == ["beta", "gamma"]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert sorted(session.run(losses)) == [0.0, 15.0]


def test_initializers_of_the_layer_apply_and_that_of_the_scope_does_not(graph):
    leaves = {"gamma": 2.0, "beta": 3.0, "moving_mean": 4.0, "moving_variance": 5.0}
    given = {f"{leaf}_initializer": tf.constant_initializer(value) for leaf, value in leaves.items()}
    with tf.variable_scope("net", initializer=tf.constant_initializer(9.0)):
        tf1bn.batch_norm(_x(), True, scope="given", **given)
        tf1bn.batch_norm(_x(), True, scope="default", gamma_initializer=tf.ones_initializer)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = [value[0] for value in session.run(tf.global_variables())]
    assert found == [*leaves.values(), 1, 0, 0, 1]


def test_a_device_scope_places_the_variables(any_graph):
    with tf.device("/job:ps/task:1"):
        tf1bn.batch_norm(_x(), True, update_strategy="ema")
    assert {v.device for v in tf.global_variables() if "Exponential" not in v.name} == {"/job:ps/task:1"}


def test_a_scope_without_a_name_of_its_own(graph):
    with tf.variable_scope("net") as net:
        pass
    tf1bn.batch_norm(_x(), True, scope=net)
    assert _names()[0] == "net/gamma"
