"""Attaching pending updates to the op that the program runs."""

import threading

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.strategies.collection import Collection
from tf1bn.testing import reference
from tf1bn.testing.reference import Statistics

A = np.random.default_rng(0).normal(1, 2, (6, 3)).astype(np.float32)
START = Statistics(np.zeros(3), np.ones(3))
MOVED = reference.moving_averages([A], 0.5, START)


def _x():
    return tf.placeholder(tf.float32, [None, 3], name="x")


def _bn(x, scope, strategy="collection", training=True):
    return tf1bn.batch_norm(x, training, scope=scope, update_strategy=strategy, decay=0.5)


def _mean(scope):
    return next(v for v in tf.global_variables() if v.op.name == f"{scope}/moving_mean")


def _after(step, x, *scopes):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step, {x: A})
        return session.run([_mean(scope) for scope in scopes])


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema", Collection("mine")], ids=str)
@pytest.mark.parametrize("loss", ["square", "linear"])
def test_minimize_moves_the_averages_and_trains(any_graph, strategy, loss):
    x = _x()
    y = _bn(x, "bn", strategy)
    # The gradient of a linear loss needs no output of the layer.
    value = tf.reduce_sum(tf.square(y) if loss == "square" else y)
    counter = tf.train.get_or_create_global_step()
    step = tf1bn.minimize(tf.train.GradientDescentOptimizer(0.1), value, global_step=counter)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step, {x: A})
        np.testing.assert_allclose(session.run(_mean("bn")), MOVED.mean, rtol=1e-4)
        beta = next(v for v in tf.trainable_variables() if "beta" in v.name)
        assert session.run(counter) == 1
        # d sum(y) / d beta = 6 per channel; d sum(y^2) / d beta = 2 sum(y) = 0 at the start
        np.testing.assert_allclose(session.run(beta), np.full(3, -0.6 if loss == "linear" else 0.0), atol=1e-5)


@pytest.mark.parametrize("kind", ["operation", "tensor", "list", "tuple"])
def test_with_updates_takes_operations_tensors_and_lists(graph, kind):
    x = _x()
    y = _bn(x, "bn")
    op = {"operation": tf.no_op(), "tensor": y, "list": [tf.no_op(), y], "tuple": (y, y)}[kind]
    before = {key: list(graph.get_collection(key)) for key in graph.get_all_collection_keys()}
    done = tf1bn.with_updates(op)
    assert isinstance(done, tf.Tensor if kind == "tensor" else tf.Operation)
    assert {key: list(graph.get_collection(key)) for key in graph.get_all_collection_keys()} == before
    np.testing.assert_allclose(_after(done, x, "bn")[0], MOVED.mean, rtol=1e-5)


def test_with_updates_takes_what_apply_gradients_returns(any_graph):
    x = _x()
    loss = tf.reduce_sum(tf.square(_bn(x, "a")))
    steps = tf.train.get_or_create_global_step()
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    step = tf1bn.with_updates(optimizer.apply_gradients(optimizer.compute_gradients(loss), global_step=steps))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step, {x: A})
        mean, count = session.run([_mean("a"), steps])
    np.testing.assert_allclose(mean, MOVED.mean, rtol=1e-5)
    assert count == 1


def test_with_updates_refuses_a_variable_itself(any_graph):
    with pytest.raises(errors.ArgumentTypeError, match="`op` has the wrong type.*expected operations and tensors"):
        tf1bn.with_updates(tf.get_variable("weight", [2]))


def test_a_scope_takes_its_own_updates_only(graph):
    x = _x()
    for scope in ("net", "net_2", "net/inner"):
        _bn(x, scope)
    found = _after(tf1bn.with_updates(tf.no_op(), "net"), x, "net", "net/inner", "net_2")
    np.testing.assert_allclose(found, [MOVED.mean, MOVED.mean, np.zeros(3)], rtol=1e-5)
    with tf.variable_scope("net_2") as scope:
        pass
    found = _after(tf1bn.with_updates(tf.no_op(), scope), x, "net", "net_2")
    np.testing.assert_allclose(found, [np.zeros(3), MOVED.mean], rtol=1e-5)
    assert tf1bn.with_updates(tf.no_op(), "net/").type == "NoOp"


def test_a_gan_with_two_optimizers_moves_each_network_with_its_own_step(any_graph):
    x = _x()
    with tf.variable_scope("generator"):
        fake = _bn(tf1bn.dense(x, 3), "bn", Collection("mine"))
    with tf.variable_scope("critic"):
        score = tf1bn.dense(_bn(fake, "bn"), 1)
    steps = {
        name: tf1bn.minimize(
            tf.train.GradientDescentOptimizer(0.1), sign * tf.reduce_mean(score), scope=name,
            var_list=tf.trainable_variables(name),
        )
        for name, sign in (("generator", -1.0), ("critic", 1.0))
    }  # fmt: skip
    means = [_mean(f"{name}/bn") for name in steps]
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for index, step in enumerate(steps.values()):
            before = session.run(means)
            session.run(step, {x: A})
            after = session.run(means)
            moved = [bool(np.any(a != b)) for a, b in zip(after, before, strict=True)]
            assert moved == [index == 0, index == 1]


def test_foreign_entries_of_update_ops_of_every_kind_run_too(any_graph):
    x = _x()
    _bn(x, "bn")
    foreign = [tf.get_variable(f"other/v{i}", [], trainable=False) for i in range(3)]
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, foreign[0].assign(5.0).op)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, foreign[1].assign(6.0))
    with tf.control_dependencies([foreign[2].assign(7.0)]):
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.identity(1.0, name="other/id"))
    with tf.Session() as session:
        for done in (tf1bn.with_updates(tf.no_op()), tf1bn.with_updates(tf.constant(1.0)),
                     tf1bn.minimize(tf.train.GradientDescentOptimizer(0.0), tf.reduce_sum(_mean("bn") * foreign[0]),
                                    var_list=[foreign[0]])):  # fmt: skip
            session.run(tf.global_variables_initializer())
            session.run(done, {x: A})
            assert session.run(foreign) == [5, 6, 7]
        session.run(tf.global_variables_initializer())
        start = session.run(foreign)
        session.run(tf1bn.with_updates(tf.no_op(), "bn"), {x: A})
        assert session.run(foreign) == start


def test_a_scope_of_foreign_entries_alone_is_no_slip(graph):
    _bn(_x(), "bn")
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.no_op(name="other/op"))
    assert len(tf1bn.with_updates(tf.no_op(), "other").control_inputs) == 2


def test_a_graph_without_updates_is_no_error(graph):
    assert tf1bn.with_updates(tf.no_op()).type == "NoOp"
    assert tf1bn.with_updates(tf.no_op(), "any").type == "NoOp"


class TestDefaultStrategy:
    @staticmethod
    def _registered():
        before = len(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        tf1bn.batch_norm(_x(), True)
        return len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) > before

    def test_blocks_nest_and_an_own_argument_wins(self, graph):
        assert not self._registered()
        with tf1bn.default_update_strategy("collection") as strategy:
            assert strategy.name == "collection"
            assert self._registered()
            with tf1bn.default_update_strategy(Collection("mine")):
                assert not self._registered()
                assert tf.get_collection("mine")
            assert self._registered()
            _bn(_x(), "own", "inline")
        assert not self._registered()

    def test_an_exception_restores_the_default(self, graph):
        with pytest.raises(KeyError), tf1bn.default_update_strategy("collection"):
            raise KeyError
        assert not self._registered()

    def test_it_does_not_reach_other_threads(self, graph):
        found = []

        def other():
            with graph.as_default():
                found.append(self._registered())

        with tf1bn.default_update_strategy("collection"):
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        assert found == [False]

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, "default_update_strategy: a default strategy must be a name or an object"),
            ("inlin", "default_update_strategy: unknown update strategy 'inlin'"),
            (object(), "default_update_strategy: this is not an update strategy"),
        ],
    )
    def test_what_is_no_strategy_is_refused(self, value, text):
        with pytest.raises((TypeError, KeyError), match=text), tf1bn.default_update_strategy(value):
            pass
