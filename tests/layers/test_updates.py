"""When updates run, after what, and which ones are refused."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.strategies.ema import Ema
from tf1bn.testing import reference
from tf1bn.testing.reference import Statistics

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(1, 2, (6, 3)), RNG.normal(-3, 1, (4, 3)), RNG.normal(5, 3, (5, 3))
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


def _in_some_order(found, batches=(A, B)):
    """Whether each average has taken in all batches once, in whatever order."""
    orders = [reference.moving_averages(list(order), 0.75, START) for order in itertools.permutations(batches)]
    for mine, *wanted in zip(found, *orders, strict=True):
        np.testing.assert_allclose(mine, min(wanted, key=lambda one: np.abs(one - mine).max()), rtol=1e-6)


@pytest.mark.parametrize("strategy", MOVING)
@pytest.mark.parametrize("switch", ["bool", "tensor"])
def test_two_training_calls_on_the_same_variables_both_move_them(any_graph, strategy, switch):
    first, second, p = _x(), _x(), tf.placeholder_with_default(True, [])
    training = True if switch == "bool" else p
    step = tf1bn.with_updates(tf.group(_bn(first, training, strategy), _bn(second, training, strategy)))
    initialize = tf.global_variables_initializer()
    for _ in range(3):
        with tf.Session() as session:
            session.run(initialize)
            session.run(step, {first: A, second: B})
            if strategy == "ema":  # keeps several variables for each average, and so an order
                exact = reference.moving_averages([A, B], 0.75, START)
                np.testing.assert_allclose(session.run(_averages()), exact, rtol=1e-6)
            _in_some_order(session.run(_averages()))


@pytest.mark.parametrize("strategy", ["inline", "collection"])
@pytest.mark.parametrize("switch", ["bool", "tensor"])
def test_the_update_of_one_call_is_that_call_s(any_graph, strategy, switch):
    first, second, p = _x(), _x(), tf.placeholder_with_default(True, [])
    training = True if switch == "bool" else p
    _bn(first, training, strategy)
    before = len(tf.get_collection("update_ops"))
    y = _bn(second, training, strategy)
    step = y if strategy == "inline" else tf.get_collection("update_ops")[before:]
    with tf.Session() as session:
        for feed in ({second: B}, {first: A, second: B}):
            session.run(tf.global_variables_initializer())
            session.run(step, feed)
            exact = reference.moving_averages([B], 0.75, START)
            np.testing.assert_allclose(session.run(_averages()), exact, rtol=1e-6)


def test_no_update_gets_lost_in_a_thousand_steps(any_graph):
    # Rate 1/2 tells every order of three: the averages are sums of other shares.
    inputs = [tf.fill([2, 1], value) for value in (8.0, 64.0, 512.0)]
    for x in inputs:
        tf1bn.batch_norm(x, True, scope="bn", reuse=tf.AUTO_REUSE, decay=0.5, update_strategy="collection")
    mean = _averages()[0]
    exact = {a / 8 + b / 4 + c / 2 for a, b, c in itertools.permutations((8.0, 64.0, 512.0))}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        step = session.make_callable(tf.get_collection("update_ops"))
        start, read = session.make_callable(mean.initializer), session.make_callable(mean.read_value())
        seen = set()
        for _ in range(1000):
            start()
            step()
            seen.add(float(read()[0]))
    assert seen <= exact, seen


def test_updates_under_a_caching_device_read_the_fresh_averages(any_graph):
    first, second = _x(), _x()
    with tf.variable_scope("", caching_device="/cpu:0"):
        step = tf.group(_bn(first), _bn(second))
        y = _bn(first, False, epsilon=0.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step, {first: A, second: B})
        kept = Statistics(*session.run(_averages()))
        _in_some_order(kept)
        np.testing.assert_allclose(session.run(y, {first: A}), reference.normalize(A, kept, epsilon=0.0), rtol=1e-6)


def test_updates_of_several_variables_in_different_conditionals_are_refused(any_graph):
    x, p, q = _x(), tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    tf.cond(p, lambda: _bn(x, True, "ema"), lambda: x)
    text = "the averages of 'bn' are already moved by a call at a tf.cond branch, and this call at "
    with pytest.raises(errors.PlacementError, match=text + "a tf.cond branch could run in the same step, in no order"):
        tf.cond(q, lambda: _bn(x, True, "ema"), lambda: x)
    with pytest.raises(errors.PlacementError, match=text + "the top level of the graph"):
        _bn(x, True, "inline")
    # What moves nothing may stand anywhere.
    tf.cond(q, lambda: _bn(x, True, "frozen"), lambda: _bn(x, False, "ema"))


def test_inline_updates_in_different_conditionals_and_outside_all_land(any_graph):
    first, second, third = _x(), _x(), _x()
    p, q = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    y = [tf.cond(p, lambda: _bn(first), lambda: first), tf.cond(q, lambda: _bn(second), lambda: second), _bn(third)]
    with tf.Session() as session:
        for on, also in ((True, True), (True, False), (False, False)):
            session.run(tf.global_variables_initializer())
            session.run(y, {first: A, second: B, third: C, p: on, q: also})
            _in_some_order(session.run(_averages()), [C, *([A] if on else []), *([B] if also else [])])


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
