"""contrib's losses against their formulas in NumPy: dtypes, shapes, weights, collections."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import slim
from tf1bn.compat.contrib import losses

X = np.array([[0.1, 0.2, 0.4], [0.5, 0.6, 0.9]])
Y = np.array([[0.3, 0.2, 0.1], [1.0, 0.0, 0.5]])
FORMULAS = {
    "absolute_difference": np.abs(X - Y),
    "mean_squared_error": (X - Y) ** 2,
    "log_loss": -Y * np.log(X + 1e-7) - (1 - Y) * np.log(1 - X + 1e-7),
    "sigmoid_cross_entropy": np.log1p(np.exp(X)) - X * Y,
}
WEIGHTS = {
    "a number": (2.0, np.full([2, 3], 2.0)),
    "examples": ([1.0, 0.0], [[1.0] * 3, [0.0] * 3]),
    "examples in a column": ([[1.0], [3.0]], [[1.0] * 3, [3.0] * 3]),
    "whole numbers": ([2, 1], [[2.0] * 3, [1.0] * 3]),
    "entries": ([[1.0, 0.0, 2.0], [0.0, 1.0, 0.5]],) * 2,
    "entries in a column": ([[[1.0], [0.0], [2.0]], [[0.0], [1.0], [0.5]]], [[1.0, 0.0, 2.0], [0.0, 1.0, 0.5]]),
    "nothing": ([[0.0], [0.0]], np.zeros([2, 3])),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("kind", WEIGHTS)
def test_a_loss_is_the_weighted_mean_over_what_has_a_weight(plain_graph, run, name, kind):
    given, full = WEIGHTS[kind]
    loss = getattr(losses, name)(tf.constant(X, tf.float32), tf.constant(Y, tf.float32), given)
    total, count = np.sum(FORMULAS[name] * full), np.count_nonzero(full)
    np.testing.assert_allclose(run(loss), total / count if count else 0.0, rtol=1e-5)
    assert losses.get_losses() == [loss]


def test_integers_are_taken_as_numbers(plain_graph, run):
    a, b = tf.constant([[1, 2, 3]]), tf.constant([[4, 0, 1]])
    assert run(losses.absolute_difference(a, b)) == pytest.approx(7 / 3)
    assert run(losses.mean_squared_error(a, b)) == pytest.approx(17 / 3)
    assert run(losses.cosine_distance(a, b, 1)) == pytest.approx(1 - 7)
    np.testing.assert_allclose(run(losses.hinge_loss(tf.constant([[0.5, -2.0]]), tf.constant([[1, 0]]))), [[0.5, 0.0]])


def test_shapes_that_do_not_fit_are_refused(plain_graph):
    wide, narrow = tf.ones([2, 3]), tf.ones([2, 2])
    for name in (*FORMULAS, "hinge_loss", "softmax_cross_entropy", "mean_pairwise_squared_error"):
        with pytest.raises(ValueError, match="incompatible"):
            getattr(losses, name)(wide, narrow)
    with pytest.raises(ValueError, match="`labels` must not be None"):
        losses.log_loss(wide)
    with pytest.raises(ValueError, match="`weights` cannot be None"):
        losses.compute_weighted_loss(wide, None)
    with pytest.raises(ValueError, match="rank of `losses` is unknown"):
        losses.compute_weighted_loss(tf.placeholder(tf.float32, None))
    with pytest.raises(ValueError, match="more axes than the losses"):
        losses.compute_weighted_loss(tf.ones([2]), tf.ones([2, 3]))
    with pytest.raises(ValueError, match="more axes than the losses"):  # four weights, but not of four examples
        losses.sparse_softmax_cross_entropy(tf.ones([4, 3]), [[0], [1], [2], [0]], tf.ones([2, 2]))
    with pytest.raises(ValueError, match="specify 'axis'"):
        losses.cosine_distance(wide, wide)


@pytest.mark.parametrize("labels", [[0, 2], [[0], [2]]])
@pytest.mark.parametrize("weights", [1.0, [1.0, 3.0], [[1.0], [3.0]]])
def test_sparse_labels_and_weights_may_be_columns(plain_graph, run, labels, weights):
    loss = losses.sparse_softmax_cross_entropy(tf.constant(X, tf.float32), labels, weights)
    each = np.log(np.exp(X).sum(1)) - X[[0, 1], [0, 2]]
    np.testing.assert_allclose(run(loss), np.mean(each * np.ravel(weights)), rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_smoothing_moves_labels_to_the_middle(plain_graph, run, smoothing):
    x, hot = tf.constant(X, tf.float32), np.array([[0, 1, 0], [1, 0, 0]])
    softmax = losses.softmax_cross_entropy(x, hot, [1.0, 2.0], smoothing)
    rows = hot * (1 - smoothing) + smoothing / 3
    each = np.log(np.exp(X).sum(1)) - np.sum(rows * X, 1)
    np.testing.assert_allclose(run(softmax), np.mean(each * [1, 2]), rtol=1e-5)
    sigmoid = losses.sigmoid_cross_entropy(x, hot, label_smoothing=smoothing)
    moved = hot * (1 - smoothing) + smoothing / 2
    np.testing.assert_allclose(run(sigmoid), np.mean(np.log1p(np.exp(X)) - X * moved), rtol=1e-5)


def test_pairs_are_compared_within_an_example(plain_graph, run):
    loss = losses.mean_pairwise_squared_error(tf.constant(X), tf.constant(Y), [1.0, 0.5])
    d = X - Y
    pairs = [np.mean((row[:, None] - row[None, :]) ** 2) for row in d]
    np.testing.assert_allclose(run(loss), pairs[0] + 0.5 * pairs[1], rtol=1e-4)


def test_a_loss_keeps_its_dtype_and_its_scope(plain_graph):
    loss = losses.compute_weighted_loss(tf.ones([2], tf.float64))
    assert loss.dtype == tf.float64
    assert losses.absolute_difference(tf.ones([2]), tf.ones([2]), scope="mine").op.name == "mine/value"


def test_add_loss_takes_part_in_arg_scope(plain_graph):
    with slim.arg_scope([losses.add_loss], loss_collection="mine"):
        losses.add_loss(tf.ones([]))
    losses.add_loss(tf.ones([]), None)
    assert len(tf.get_collection("mine")) == 1 and losses.get_losses() == []


def test_weights_of_unknown_size_may_be_columns(plain_graph, run):
    x, column = tf.constant(X, tf.float32), tf.placeholder(tf.float32, [None, None])
    each = np.log(np.exp(X).sum(1)) - X[[0, 1], [0, 2]]
    hot = losses.softmax_cross_entropy(x, [[1, 0, 0], [0, 0, 1]], column)
    sparse = losses.sparse_softmax_cross_entropy(x, [0, 2], column)
    np.testing.assert_allclose(run([hot, sparse], {column: [[2.0], [0.0]]}), [2 * each[0]] * 2, rtol=1e-5)
