"""Optimizers outside of TensorFlow, by an algorithm of this file and by SciPy or what looks like it."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_opt as opt


class Descent(opt.ExternalOptimizerInterface):
    """Gradient descent on the vector, projected into the bounds."""

    def _minimize(self, initial_val, loss_grad_func, packed_bounds, step_callback, optimizer_kwargs, **others):
        self.seen = others
        x = initial_val
        for _ in range(optimizer_kwargs["steps"]):
            _, gradient = loss_grad_func(x)
            x = x - 0.25 * gradient
            if packed_bounds:
                low, high = np.transpose(packed_bounds)
                x = np.clip(x, low, high)
            step_callback(x)
        return x


def problem():
    """(a - target)^2 + |b|^2, over a scalar and a matrix; the minimum is ``target`` and zeros."""
    a, b = tf.get_variable("a", initializer=7.0), tf.get_variable("b", initializer=np.full([2, 2], 3, np.float32))
    target = tf.placeholder(tf.float32, [])
    return a, b, target, tf.square(a - target) + tf.reduce_sum(tf.square(b))


def test_variables_are_left_at_the_minimum(graph, run):
    a, b, target, loss = problem()
    steps, losses = [], []
    optimizer = Descent(loss, steps=30)
    run([])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        optimizer.minimize(
            session,
            {target: 2.0},
            fetches=[loss, a],
            step_callback=steps.append,
            loss_callback=lambda value, at: losses.append((value, at)),
        )
        np.testing.assert_allclose(session.run(a), 2.0, rtol=1e-5)
        np.testing.assert_allclose(session.run(b), np.zeros([2, 2]), atol=1e-5)
    assert losses[0] == (25 + 36, 7.0) and losses[1] == (25 / 4 + 36 / 4, 4.5) and len(losses) == len(steps) == 30


def test_bounds_are_one_pair_for_each_number(graph):
    a, b, target, loss = problem()
    optimizer = Descent(loss, [a, b], var_to_bounds={b.ref(): ([1, 0.5], np.inf)}, steps=30)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        optimizer.minimize(session, {target: 2.0})
        np.testing.assert_allclose(session.run(b), [[1, 0.5], [1, 0.5]], rtol=1e-5)
        np.testing.assert_allclose(session.run(a), 2.0, rtol=1e-5)


def test_constraints_and_their_gradients_are_functions_of_the_vector(plain_graph):
    a, b, target, loss = problem()
    optimizer = Descent(loss, [a, b], equalities=[a - 1], inequalities=[tf.reduce_sum(b) * a], steps=0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        optimizer.minimize(session, {target: 0.0})
        x = np.arange(5, dtype=np.float32)
        seen = {name: [function(x) for function in functions] for name, functions in optimizer.seen.items()}
    assert seen["equality_funcs"] == [-1] and seen["inequality_funcs"] == [0]
    np.testing.assert_array_equal(seen["equality_grad_funcs"], [[1, 0, 0, 0, 0]])
    np.testing.assert_array_equal(seen["inequality_grad_funcs"], [[10, 0, 0, 0, 0]])


def test_scipy_gets_the_problem_in_its_words(plain_graph, monkeypatch):
    calls = []

    def minimize(function, start, **words):
        calls.append((function(start), words))
        return types.SimpleNamespace(x=start * 0, message="done", fun=0.0)

    monkeypatch.setitem(sys.modules, "scipy.optimize", types.SimpleNamespace(minimize=minimize))
    monkeypatch.setitem(sys.modules, "scipy", types.ModuleType("scipy"))
    a, b, target, loss = problem()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for given in ({}, {"method": "SLSQP", "equalities": [a], "inequalities": [a], "options": {"maxiter": 3}}):
            opt.ScipyOptimizerInterface(loss, [a, b], var_to_bounds={a.ref(): (0, None)}, **given).minimize(
                session, {target: 1.0}
            )
            assert session.run(a) == 0
            session.run(tf.global_variables_initializer())
    ((value, gradient), plain), (_, chosen) = calls
    assert value == 72 and gradient.dtype == np.float64 and list(gradient) == [12, 6, 6, 6, 6]
    assert plain["method"] == "L-BFGS-B" and plain["jac"] is True and plain["constraints"] == []
    assert plain["bounds"] == [(0, np.inf)] + [(-np.inf, np.inf)] * 4
    assert chosen["method"] == "SLSQP" and chosen["options"] == {"maxiter": 3}
    assert [entry["type"] for entry in chosen["constraints"]] == ["eq", "ineq"]


def test_scipy_minimizes_under_bounds_and_constraints(plain_graph):
    pytest.importorskip("scipy.optimize")
    vector = tf.get_variable("vector", initializer=np.array([7.0, 7.0]))
    loss = tf.reduce_sum(tf.square(vector))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        bounded = opt.ScipyOptimizerInterface(loss, var_to_bounds={vector.ref(): ([1, 2], np.inf)})
        bounded.minimize(session)
        np.testing.assert_allclose(session.run(vector), [1, 2], atol=1e-5)
        opt.ScipyOptimizerInterface(loss, equalities=[vector[1] - 1], method="SLSQP").minimize(session)
        np.testing.assert_allclose(session.run(vector), [0, 1], atol=1e-5)


@pytest.mark.parametrize(("word", "text"), [("bounds", "Use var_to_bounds"), ("jac", "follows from the other")])
def test_scipy_refuses_words_that_are_made_here(plain_graph, word, text):
    *_, target, loss = problem()
    with tf.Session() as session, pytest.raises(ValueError, match=f"`{word}` cannot be given. .*{text}"):
        session.run(tf.global_variables_initializer())
        opt.ScipyOptimizerInterface(loss, **{word: 1}).minimize(session, {target: 0})


def test_without_scipy_it_says_so(plain_graph, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    *_, target, loss = problem()
    with tf.Session() as session, pytest.raises(ImportError, match="SciPy is not installed. pip install scipy"):
        session.run(tf.global_variables_initializer())
        opt.ScipyOptimizerInterface(loss).minimize(session, {target: 0})


def test_the_interface_alone_minimizes_nothing(plain_graph):
    *_, _target, loss = problem()
    with pytest.raises(TypeError, match="abstract class ExternalOptimizerInterface.*_minimize"):
        opt.ExternalOptimizerInterface(loss)
