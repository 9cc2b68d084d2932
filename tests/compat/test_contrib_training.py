"""Losses, train ops and restoring of contrib."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import contrib, slim

P = np.array([[0.2, 0.7], [0.5, 0.9], [0.1, 0.4]], np.float32)
T = np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0]], np.float32)
WEIGHTS = np.array([0, 1, 2], np.float32)
SIGMOID = np.log1p(np.exp(-P)) + (1 - T) * P
SOFTMAX = -(np.log(np.exp(P) / np.exp(P).sum(1, keepdims=True)) * np.array([[0, 1], [1, 0], [1, 0]])).sum(1)
LOSSES: dict[str, tuple[Any, Any]] = {
    "absolute_difference": (lambda w: slim.losses.absolute_difference(P, T, w), np.abs(P - T)),
    "mean_squared_error": (lambda w: slim.losses.mean_squared_error(P, T, w), (P - T) ** 2),
    "log_loss": (lambda w: slim.losses.log_loss(P, T, w), -T * np.log(P + 1e-7) - (1 - T) * np.log(1 - P + 1e-7)),
    "sigmoid_cross_entropy": (lambda w: slim.losses.sigmoid_cross_entropy(tf.constant(P), T, w), SIGMOID),
    "softmax_cross_entropy": (
        lambda w: slim.losses.softmax_cross_entropy(tf.constant(P), np.array([[0, 1], [1, 0], [1, 0]]), w),
        SOFTMAX,
    ),
    "sparse_softmax_cross_entropy": (
        lambda w: slim.losses.sparse_softmax_cross_entropy(tf.constant(P), np.array([[1], [0], [0]]), w),
        SOFTMAX,
    ),
    "cosine_distance": (lambda w: slim.losses.cosine_distance(P, T, 1, w), 1 - (P * T).sum(1)),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_the_weighted_mean_over_entries_that_count(plain_graph, run, name, weighted):
    call, each = LOSSES[name]
    w = WEIGHTS if weighted else np.ones(3, np.float32)
    loss = call(w if weighted else 1.0)
    w = w.reshape([3] + [1] * (each.ndim - 1)) * np.ones_like(each)
    np.testing.assert_allclose(run(loss), (each * w).sum() / (w != 0).sum(), rtol=1e-5)
    assert slim.losses.get_losses() == tf.get_collection(tf.GraphKeys.LOSSES) == [loss]


def test_hinge_loss_is_per_entry_and_in_no_collection(plain_graph, run):
    np.testing.assert_allclose(run(slim.losses.hinge_loss(P, T)), np.maximum(0, 1 - (2 * T - 1) * P), rtol=1e-6)
    assert slim.losses.get_losses() == []


def test_the_total_loss_has_the_penalties(plain_graph, run):
    slim.losses.add_loss(tf.constant(1.0))
    slim.variable("w", [2], initializer=tf.ones_initializer(), regularizer=slim.l2_regularizer(0.5))
    assert len(slim.losses.get_regularization_losses()) == 1
    assert run(slim.losses.get_total_loss()) == 1.5


def network(decay: float = 0.5) -> Any:
    x = tf.constant(np.random.RandomState(0).randn(8, 3).astype(np.float32))
    y = slim.fully_connected(x, 4, normalizer_fn=slim.batch_norm, normalizer_params={"decay": decay})
    return slim.losses.mean_squared_error(slim.fully_connected(y, 1, activation_fn=None), tf.ones([8, 1]))


def moving_variance() -> Any:
    return next(v for v in tf.global_variables() if "moving_variance" in v.op.name)


@pytest.mark.parametrize("make", [slim.learning.create_train_op, contrib.training.create_train_op])
def test_a_train_op_moves_averages_counts_and_lowers_the_loss(graph, run, make):
    train = make(network(), tf.train.GradientDescentOptimizer(0.05), summarize_gradients=True)
    losses = [run(train) for _ in range(10)]
    assert losses[-1] < losses[0]
    assert run(slim.get_global_step()) == 10
    assert not np.allclose(run(moving_variance()), 1)
    assert train in tf.get_collection(tf.GraphKeys.TRAIN_OP)


def test_updates_that_are_left_out_are_warned_about(graph, run):
    loss, optimizer = network(), tf.train.GradientDescentOptimizer(0.05)
    with pytest.warns(errors.Tf1bnWarning, match="these never run: fully_connected/BatchNorm/AssignMovingAvg"):
        train = slim.learning.create_train_op(loss, optimizer, update_ops=[])
    run(train)
    np.testing.assert_array_equal(run(moving_variance()), np.ones(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error", errors.Tf1bnWarning)
        slim.learning.create_train_op(loss, optimizer, update_ops=tf.get_collection(tf.GraphKeys.UPDATE_OPS))


def test_gradients_are_multiplied_and_clipped(plain_graph, run):
    v = tf.get_variable("v", [2], initializer=tf.zeros_initializer())
    w = tf.get_variable("w", [2], initializer=tf.zeros_initializer())
    pairs = [(tf.constant([3.0, 4.0]), v), (None, w)]
    ((multiplied, _), _), ((clipped, _), _) = (
        slim.learning.multiply_gradients(pairs, {"v": 2.0}),
        contrib.training.clip_gradient_norms_fn(1.0)(pairs),
    )
    np.testing.assert_allclose(run(multiplied), [6, 8])
    np.testing.assert_allclose(run(clipped), [0.6, 0.8])
    rows = tf.IndexedSlices(tf.constant([[1.0, 1.0]]), tf.constant([0]), tf.constant([1, 2]))
    ((sliced, _),) = slim.learning.multiply_gradients([(rows, v)], {v: 3.0})
    np.testing.assert_allclose(run(sliced.values), [[3.0, 3.0]])
    for multipliers, text in ((None, "must be a dictionary, not empty"), ({"w": 1.0}, "'w' has no gradient")):
        with pytest.raises(errors.ArgumentError, match=text):
            slim.learning.multiply_gradients(pairs, multipliers)


def test_a_train_op_clips_and_multiplies(graph, run):
    v = tf.get_variable("v", [2], initializer=tf.zeros_initializer())
    train = slim.learning.create_train_op(
        tf.reduce_sum(v * [3.0, 4.0]),
        tf.train.GradientDescentOptimizer(1.0),
        global_step=None,
        clip_gradient_norm=1.0,
        gradient_multipliers={v: 10.0},
    )
    run(train)
    np.testing.assert_allclose(run(v), [-0.6, -0.8], rtol=1e-5)
    assert slim.get_global_step() is None


def test_a_loss_that_is_not_finite_fails_the_run(plain_graph, run):
    v = tf.get_variable("v", [], initializer=tf.zeros_initializer())
    train = slim.learning.create_train_op(tf.log(v - 1.0), tf.train.GradientDescentOptimizer(0.1))
    with pytest.raises(tf.errors.InvalidArgumentError, match="LossTensor is inf or nan"):
        run(train)


def test_nothing_to_train_is_refused(plain_graph):
    with pytest.raises(errors.ArgumentError, match="no variables to train"):
        slim.learning.create_train_op(tf.constant(1.0), tf.train.GradientDescentOptimizer(0.1))


OPTIMIZERS = ["SGD", "Momentum", tf.train.AdamOptimizer, lambda rate: tf.train.GradientDescentOptimizer(rate)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["SGD", "Momentum", "class", "function"])
def test_optimize_loss_moves_averages_and_trains(graph, run, optimizer):
    step = slim.get_or_create_global_step()
    train = contrib.layers.optimize_loss(
        network(),
        step,
        0.05,
        optimizer,
        gradient_noise_scale=0.0,
        gradient_multipliers={"fully_connected/weights:0": 1.0},
        clip_gradients=5.0,
        learning_rate_decay_fn=lambda rate, step: rate * 0.9,
        summaries=contrib.layers.OPTIMIZER_SUMMARIES,
    )
    losses = [run(train) for _ in range(10)]
    assert losses[-1] < losses[0] and run(step) == 10
    assert not np.allclose(run(moving_variance()), 1)
    assert "OptimizeLoss/learning_rate" in [v.op.name for v in tf.global_variables()]
    assert b"global_norm/clipped_gradient_norm" in run(tf.summary.merge_all())


def test_optimize_loss_takes_an_optimizer_object_and_a_clipping_function(graph, run):
    v = tf.get_variable("v", [], initializer=tf.ones_initializer())
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    train = contrib.layers.optimize_loss(
        v * 8.0, None, None, optimizer, clip_gradients=lambda pairs: [(g / 8.0, w) for g, w in pairs]
    )
    run(train)
    assert run(v) == 0.0


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"optimizer": "Sgd"}, "unknown optimizer"),
        ({"optimizer": lambda rate: rate}, "`optimizer` returned something else"),
        ({"learning_rate": None}, "needs a `learning_rate`"),
        ({"learning_rate": -1.0}, "`learning_rate` is not possible"),
        ({"summaries": ["losses"]}, "unknown summary"),
        ({"clip_gradients": "1"}, "neither a float nor a function"),
        ({"learning_rate_decay_fn": lambda rate, step: rate}, "global_step is required"),
    ],
)
def test_impossible_arguments_of_optimize_loss(plain_graph, arguments, text):
    v = tf.get_variable("v", [], initializer=tf.ones_initializer())
    given = {"optimizer": "SGD", "learning_rate": 0.1, **arguments}
    with pytest.raises(errors.ArgumentError, match=text):
        contrib.layers.optimize_loss(v * 1.0, None, given.pop("learning_rate"), **given)


@pytest.fixture
def checkpoint(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("s/a", initializer=[1.0, 2.0])
        tf.get_variable("b", initializer=3.0)
        session.run(tf.global_variables_initializer())
        return tf.train.Saver().save(session, str(tmp_path / "model"))


def test_values_are_assigned_from_a_checkpoint_and_from_arrays(graph, run, checkpoint):
    a, c = tf.get_variable("s/a", [2]), tf.get_variable("c", [])
    restore = slim.assign_from_checkpoint_fn(checkpoint, slim.get_variables_to_restore(exclude=["c"]))
    op, feed = slim.assign_from_checkpoint(checkpoint, {"b": [c]})
    run([])
    with tf.Session() as session:
        restore(session)
        session.run(op, feed)
        np.testing.assert_array_equal(session.run(a), [1, 2])
        assert session.run(c) == 3
        slim.assign_from_values_fn({"s/a": [7.0, 8.0], "c": 9.0})(session)
        np.testing.assert_array_equal(session.run(a), [7, 8])
        assert session.run(c) == 9


def test_missing_variables_are_passed_over_or_refused(graph, checkpoint):
    a, c = tf.get_variable("s/a", [2]), tf.get_variable("c", [])
    assert callable(slim.assign_from_checkpoint_fn(checkpoint, [a, c], ignore_missing_vars=True))
    assert slim.assign_from_checkpoint_fn(checkpoint, [c], ignore_missing_vars=True) is None
    slim.assign_from_checkpoint(checkpoint, [a, c], ignore_missing_vars=True)
    for call, text in (
        (lambda: slim.assign_from_checkpoint(checkpoint, [c]), "has no variable 'c'"),
        (lambda: slim.assign_from_checkpoint(checkpoint, {"b": a}), "'b' has another shape"),
        (lambda: slim.assign_from_checkpoint_fn(checkpoint, []), "`var_list` is empty"),
        (lambda: slim.assign_from_values({"z": 1.0}), "no variable of that name"),
    ):
        with pytest.raises(errors.Tf1bnError, match=text):
            call()


def test_parts_of_a_partitioned_variable_are_assigned(graph, run, checkpoint):
    with tf.variable_scope("", partitioner=tf.fixed_size_partitioner(2)):
        tf.get_variable("s/a", [2])
    op, feed = slim.assign_from_checkpoint(checkpoint, tf.global_variables())
    run(op, feed)
    np.testing.assert_array_equal(np.concatenate(run(tf.global_variables())), [1, 2])
