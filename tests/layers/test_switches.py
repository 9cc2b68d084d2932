"""Every kind of training switch, alone and with a second switch for the statistics."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.testing import reference
from tf1bn.testing.reference import Statistics

X = np.random.default_rng(0).normal(2, 3, (6, 3))
START = Statistics(np.full(3, 0.5), np.full(3, 2.0))


def _layer(x, is_training, **options):
    return tf1bn.batch_norm(
        x,
        is_training,
        scope="bn",
        decay=0.5,
        moving_mean_initializer=tf.constant_initializer(0.5),
        moving_variance_initializer=tf.constant_initializer(2.0),
        **options,
    )


def _check(session, y, feed, *, batch, moves):
    """Runs once from the initial state, and holds output and averages to the oracle."""
    session.run(tf.global_variables_initializer())
    expected = reference.batch_norm(X) if batch else reference.normalize(X, START)
    np.testing.assert_allclose(session.run(y, feed), expected, rtol=1e-9)
    kept = session.run([v for v in tf.global_variables() if v.op.name in ("bn/moving_mean", "bn/moving_variance")])
    np.testing.assert_allclose(kept, reference.moving_averages([X] if moves else [], 0.5, START), rtol=1e-9)


KNOWN = {
    "bool": lambda on: on,
    "numpy bool": np.bool_,
    "int": int,
    "numpy int": np.int64,
    "array": np.array,
    "constant": tf.constant,
    "int constant": lambda on: tf.constant(int(on)),
}


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("kind", KNOWN)
def test_a_switch_that_is_known_builds_one_side_only(graph, kind, on):
    x = tf.placeholder(tf.float64, [6, 3])
    y = _layer(x, KNOWN[kind](on))
    assert not [op.type for op in graph.get_operations() if op.type in ("If", "StatelessIf", "Switch")]
    with tf.Session() as session:
        _check(session, y, {x: X}, batch=on, moves=on)


@pytest.mark.parametrize("kind", ["placeholder", "default", "tensor", "variable"])
def test_a_switch_that_is_a_tensor_switches_at_run_time(any_graph, kind):
    x = tf.placeholder(tf.float64, [None, 3])
    fed = tf.placeholder_with_default(True, None if kind == "placeholder" else [])
    variable = tf.get_variable("training", [], tf.bool, tf.constant_initializer(True), trainable=False)
    switch = {"placeholder": fed, "default": fed, "tensor": tf.logical_not(tf.logical_not(fed)), "variable": variable}
    y = _layer(x, switch[kind])
    assert y.shape.as_list() == [None, 3]
    switch_off = variable.assign(False)
    with tf.Session() as session:
        _check(session, y, {x: X}, batch=True, moves=True)
        if kind != "variable":
            _check(session, y, {x: X, fed: False}, batch=False, moves=False)
            return
        session.run(tf.global_variables_initializer())
        session.run(switch_off)
        np.testing.assert_allclose(session.run(y, {x: X}), reference.normalize(X, START), rtol=1e-9)


@pytest.mark.parametrize(("training", "batch"), itertools.product([True, False], repeat=2))
@pytest.mark.parametrize("strategy", ["inline", "ema"])
def test_four_combinations_of_two_known_switches(graph, training, batch, strategy):
    x = tf.placeholder(tf.float64, [None, 3])
    y = _layer(x, training, use_batch_statistics=batch, update_strategy=strategy)
    with tf.Session() as session:
        _check(session, y, {x: X}, batch=batch, moves=training)


def test_four_combinations_of_two_tensors_in_one_graph(any_graph):
    x = tf.placeholder(tf.float64, [None, 3])
    training, batch = tf.placeholder(tf.bool, []), tf.placeholder(tf.bool, [])
    y = _layer(x, training, use_batch_statistics=batch)
    with tf.Session() as session:
        for moves, by_batch in itertools.product([True, False], repeat=2):
            _check(session, y, {x: X, training: moves, batch: by_batch}, batch=by_batch, moves=moves)


@pytest.mark.parametrize("known", [True, False])
def test_one_known_switch_and_one_tensor(any_graph, known):
    x, p = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.bool, [])
    first = _layer(x, known, use_batch_statistics=p)
    with tf.Session() as session:
        for on in (True, False):
            _check(session, first, {x: X, p: on}, batch=on, moves=known)
    with tf.Graph().as_default(), tf.Session() as session:
        x, p = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.bool, [])
        second = _layer(x, p, use_batch_statistics=known)
        for on in (True, False):
            _check(session, second, {x: X, p: on}, batch=known, moves=on)


def test_one_tensor_for_both_switches_is_one_switch(any_graph):
    x, p = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.bool, [])
    y = _layer(x, p, use_batch_statistics=p)
    with tf.Session() as session:
        for on in (True, False):
            _check(session, y, {x: X, p: on}, batch=on, moves=on)


def test_a_switch_of_zero_or_one_only():
    with tf.Graph().as_default(), pytest.raises(ValueError, match="other than 0 and 1. Got array"):
        tf1bn.batch_norm(tf.zeros([2, 3]), np.array(3))


def test_the_program_s_own_conditional_shares_the_variables(any_graph):
    x, p = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.bool, [])
    y = tf.cond(p, lambda: _layer(x, True), lambda: _layer(x, False, reuse=True))
    with tf.Session() as session:
        for on in (True, False):
            _check(session, y, {x: X, p: on}, batch=on, moves=on)
