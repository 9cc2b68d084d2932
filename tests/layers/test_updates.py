"""When updates run, after what, and which ones are refused."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.strategies.ema import Ema
from tf1bn.testing import reference
from tf1bn.testing.reference import Statistics

RNG = np.random.default_rng(0)
A, B = RNG.normal(1, 2, (6, 3)), RNG.normal(-3, 1, (4, 3))
START = Statistics(np.zeros(3), np.ones(3))
MOVING = ["inline", "collection", "ema"]


def _bn(x, training=True, strategy="inline", **options):
    return tf1bn.batch_norm(
        x, training, scope="bn", reuse=tf.AUTO_REUSE, decay=0.75, update_strategy=strategy, **options
    )


def _averages():
    by_name = {v.op.name: v for v in tf.global_variables()}
    return [by_name["bn/moving_mean"], by_name["bn/moving_variance"]]


def _x():
    return tf.placeholder(tf.float64, [None, 3])


@pytest.mark.parametrize("strategy", MOVING)
@pytest.mark.parametrize("switch", ["bool", "tensor"])
def test_two_training_calls_on_the_same_variables_run_in_order(any_graph, strategy, switch):
    first, second, p = _x(), _x(), tf.placeholder_with_default(True, [])
    training = True if switch == "bool" else p
    step = tf1bn.with_updates(tf.group(_bn(first, training, strategy), _bn(second, training, strategy)))
    expected = reference.moving_averages([A, B], 0.75, START)
    initialize = tf.global_variables_initializer()
    for _ in range(3):
        with tf.Session() as session:
            session.run(initialize)
            session.run(step, {first: A, second: B})
            np.testing.assert_allclose(session.run(_averages()), expected, rtol=1e-6)


def test_updates_under_a_caching_device_read_the_fresh_averages(any_graph):
    first, second = _x(), _x()
    with tf.variable_scope("", caching_device="/cpu:0"):
        step = tf.group(_bn(first), _bn(second))
        y = _bn(first, False, epsilon=0.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step, {first: A, second: B})
        expected = reference.moving_averages([A, B], 0.75, START)
        np.testing.assert_allclose(session.run(_averages()), expected, rtol=1e-6)
        np.testing.assert_allclose(session.run(y, {first: A}), reference.normalize(A, expected, epsilon=0.0), rtol=1e-6)


@pytest.mark.parametrize("strategy", ["inline", "ema"])
def test_updates_in_different_conditionals_are_refused(any_graph, strategy):
    x, p, q = _x(), tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    tf.cond(p, lambda: _bn(x, True, strategy), lambda: x)
    text = "the averages of 'bn' are already moved by a call at a tf.cond branch, and this call at "
    with pytest.raises(errors.PlacementError, match=text + "a tf.cond branch could run in the same step, in no order"):
        tf.cond(q, lambda: _bn(x, True, strategy), lambda: x)
    with pytest.raises(errors.PlacementError, match=text + "the top level of the graph"):
        _bn(x, True, strategy)
    # What moves nothing may stand anywhere.
    tf.cond(q, lambda: _bn(x, True, "frozen"), lambda: _bn(x, False, strategy))


@pytest.mark.parametrize("strategy", ["inline", "ema"])
def test_updates_in_exclusive_branches_are_accepted_and_each_moves_once(any_graph, strategy):
    x, p = _x(), tf.placeholder(tf.bool, [])
    y = tf.cond(p, lambda: _bn(x, True, strategy), lambda: _bn(x * 2.0, True, strategy))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(y, {x: A, p: True})
        session.run(y, {x: B, p: False})
        expected = reference.moving_averages([A, 2 * B], 0.75, START)
        np.testing.assert_allclose(session.run(_averages()), expected, rtol=1e-6)


@pytest.mark.parametrize("strategy", ["inline", "ema"])
def test_nested_conditionals(any_graph, strategy):
    x, p, q = _x(), tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    y = tf.cond(
        p,
        lambda: tf.cond(q, lambda: _bn(x, True, strategy), lambda: _bn(x, False, strategy)),
        lambda: _bn(x * 2.0, True, strategy),
    )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        seen = []
        for value, on, inner in [(A, True, True), (B, True, False), (B, False, False)]:
            session.run(y, {x: value, p: on, q: inner})
            seen += [value] if on and inner else [2 * value] if not on else []
            expected = reference.moving_averages(seen, 0.75, START)
            np.testing.assert_allclose(session.run(_averages()), expected, rtol=1e-6)


def test_a_call_that_normalises_by_the_averages_reads_them_before_it_moves_them(any_graph):
    x = _x()
    y = _bn(x, True, use_batch_statistics=False)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        kept = START
        for value in (A, B):
            np.testing.assert_allclose(session.run(y, {x: value}), reference.normalize(value, kept), rtol=1e-9)
            kept = Statistics(*session.run(_averages()))
        np.testing.assert_allclose(kept, reference.moving_averages([A, B], 0.75, START), rtol=1e-9)


def test_collection_of_a_tensor_switch_registers_the_conditional_s_output(any_graph):
    p = tf.placeholder(tf.bool, [])
    x = _x()
    _bn(x, p, "collection")
    (entry,) = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    assert entry.dtype == tf.bool
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(entry, {x: A, p: False}) == False  # noqa: E712
        np.testing.assert_array_equal(session.run(_averages()), START)
        assert session.run(entry, {x: A, p: True})
        np.testing.assert_allclose(session.run(_averages()), reference.moving_averages([A], 0.75, START), rtol=1e-9)


def test_frozen_registers_nothing_and_computes_no_moments_for_itself(graph):
    before = len(graph.get_operations())
    y = _bn(_x(), True, "frozen", use_batch_statistics=False)
    assert graph.get_all_collection_keys().count("update_ops") == 0
    assert not [
        op
        for op in graph.get_operations()[before:]
        if op.type in ("Mean", "If")
        or ("ssign" in op.type and "/moving" not in op.name and "bn/gamma" not in op.name and "bn/beta" not in op.name)
    ]
    assert y.op.type != "Identity"


class TestEmaOptions:
    @pytest.mark.parametrize(
        ("options", "error", "text"),
        [
            (
                {"ema": 0.9},
                errors.ArgumentTypeError,
                "`ema` has the wrong type. Got 0.9; expected tf.train.ExponentialMovingAv",
            ),
            (
                {"num_updates": "3"},
                errors.ArgumentTypeError,
                "`num_updates` has the wrong type. Got '3'; expected a number, or",
            ),
            ({"num_updates": True}, errors.ArgumentTypeError, "`num_updates` has the wrong type"),
        ],
    )
    def test_a_wrong_option_is_refused(self, options, error, text):
        with pytest.raises(error, match=text):
            Ema(**options)

    @pytest.mark.parametrize("extra", [{"num_updates": 3}, {"zero_debias": True}])
    def test_options_of_an_own_object_do_not_go_with_a_shared_one(self, extra):
        with pytest.raises(errors.ArgumentError, match="`num_updates` and `zero_debias` are for an own object"):
            Ema(tf.train.ExponentialMovingAverage(0.9), **extra)


@pytest.mark.parametrize("name", ["", "output", "nowhere", 3, None])
def test_a_collection_needs_a_name_of_its_own(name):
    from tf1bn.strategies.collection import Collection

    with pytest.raises(errors.ArgumentError, match="`collection` cannot be the name of a graph collection for updates"):
        Collection(name)
