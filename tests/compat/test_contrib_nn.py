"""contrib.nn and contrib.util against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_nn as nn
from tf1bn.compat import graph_ops_used

LOGITS = np.array([[1.0, -0.5, 2.0], [0.0, 0.3, -1.0]])


def test_losses_take_the_logits_first(plain_graph, run):
    logs = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))
    shares = np.array([[0.2, 0.3, 0.5], [1.0, 0, 0]])
    labels = tf.constant(shares)
    soft = nn.deprecated_flipped_softmax_cross_entropy_with_logits(LOGITS, labels)
    sparse = nn.deprecated_flipped_sparse_softmax_cross_entropy_with_logits(LOGITS, [2, 0])
    sigmoid = nn.deprecated_flipped_sigmoid_cross_entropy_with_logits(LOGITS, shares)
    found = run([soft, sparse, sigmoid])
    np.testing.assert_allclose(found[0], -(shares * logs).sum(1))
    np.testing.assert_allclose(found[1], -logs[[0, 1], [2, 0]])
    right = 1 / (1 + np.exp(-LOGITS))
    np.testing.assert_allclose(found[2], -shares * np.log(right) - (1 - shares) * np.log(1 - right))
    assert tf.gradients(soft, labels) == [None]


def test_dropout_of_selu_keeps_mean_and_variance(plain_graph, run):
    x = np.random.RandomState(0).randn(200, 500)
    y = run(nn.alpha_dropout(tf.constant(x), 0.7, seed=1))
    assert abs(y.mean()) < 0.02 and abs(y.var() - 1) < 0.03
    values, counts = np.unique(y.round(9), return_counts=True)
    low = np.isclose(y, values[counts.argmax()], atol=1e-8)  # the one value that all dropped ones have
    assert abs(low.mean() - 0.3) < 0.01
    np.testing.assert_allclose(np.diff(y[~low]) / np.diff(x[~low]), y[~low].std() / x[~low].std(), rtol=1e-6)
    np.testing.assert_allclose(run(nn.alpha_dropout(tf.constant(x), 1.0)), x)
    with pytest.raises(ValueError, match="`keep_prob` is not possible. Got 0; expected above 0"):
        nn.alpha_dropout(x, 0)


def test_small_functions(plain_graph, run):
    values = np.array([[5.0, 1, 4, 2, 3]])
    kernel = np.random.RandomState(1).randn(3, 2, 4)
    wide = nn.conv1d_transpose(np.ones([1, 3, 4]), tf.constant(kernel), [1, 5, 2], 1, "VALID")
    found = run([nn.nth_element(values, 1), nn.nth_element(values, 1, reverse=True), wide])
    np.testing.assert_array_equal(found[:2], [[2], [4]])
    wanted = np.zeros([1, 5, 2])
    for place in range(3):
        wanted[0, place : place + 3] += kernel.sum(2)
    np.testing.assert_allclose(found[2], wanted)
    older = nn.conv1d_transpose(
        value=np.ones([1, 3, 4]), filter=tf.constant(kernel), output_shape=[1, 5, 2], stride=1, padding="VALID"
    )
    np.testing.assert_allclose(run(older), wanted)
    with pytest.raises(TypeError, match="`strides` is missing"):
        nn.conv1d_transpose(np.ones([1, 3, 4]), kernel, [1, 5, 2])
    with pytest.raises(TypeError, match="`input` was given, and `value`, its older name, too"):
        nn.conv1d_transpose(np.ones([1, 3, 4]), kernel, [1, 5, 2], 1, value=0)
    soft, clipped = run([nn.scaled_softplus(LOGITS, 0.5), nn.scaled_softplus(LOGITS, 0.5, 1.0)])
    np.testing.assert_allclose(soft, 0.5 * np.log1p(np.exp(LOGITS / 0.5)))
    np.testing.assert_allclose(clipped, np.minimum(soft, 1))


WEIGHTS, BIASES = np.random.RandomState(2).randn(6, 3), np.random.RandomState(3).randn(6)
INPUTS = np.random.RandomState(4).randn(2, 3)
TRUE, DRAWN = np.array([[1], [4]]), np.array([0, 5, 2])
EXPECTED = np.array([0.5, 0.25, 0.75])


def sampled_loss(drawn, expected, true_expected=0.5):
    """The cross entropy of the true class among the drawn ones, each logit less the log of its expected count."""
    logits = INPUTS @ WEIGHTS.T + BIASES
    losses = []
    for row, (true,) in enumerate(TRUE):
        among = [logits[row, true] - np.log(true_expected), *(logits[row, drawn] - np.log(expected))]
        losses.append(np.log(np.exp(among).sum()) - among[0])
    return losses


def drawn_values():
    counts = tf.constant(np.full([2, 1], 0.5)), tf.constant(EXPECTED)
    return (tf.constant(DRAWN), *counts)


def test_a_sampled_softmax_of_one_true_class(plain_graph, run):
    given = [tf.constant(each) for each in (WEIGHTS, BIASES, TRUE, INPUTS)]
    loss = nn.sampled_sparse_softmax_loss(*given, 3, 6, drawn_values())
    np.testing.assert_allclose(run(loss), sampled_loss(DRAWN, EXPECTED))


@pytest.mark.parametrize("temperature", [0.1, 3.0])
def test_the_likeliest_of_the_sampled_classes_are_kept(plain_graph, run, temperature):
    likely = np.log(np.exp((INPUTS @ WEIGHTS.T + BIASES) / temperature).sum(0))[DRAWN]
    kept = np.argsort(-likely)[:2]
    given = [tf.constant(each) for each in (WEIGHTS, BIASES, TRUE, INPUTS)]
    loss = nn.rank_sampled_softmax_loss(*given, 3, 2, 6, 1, drawn_values(), temperature, True, "div")
    np.testing.assert_allclose(run(loss), sampled_loss(DRAWN[kept], EXPECTED[kept]))
    single = [tf.cast(each, tf.float32) if each.dtype == tf.float64 else each for each in given]
    drawing = nn.rank_sampled_softmax_loss(*single, 3, 2, 6, 1, None, temperature, True, "mod")
    assert np.isfinite(run(drawing)).all()


@pytest.mark.parametrize(
    ("counts", "strategy", "text"),
    [
        ((7, 2), "div", "num_sampled cannot be greater than num_classes. Got 7"),
        ((3, 3), "div", "num_resampled must be less than num_sampled. Got 3"),
        ((3, 2), "mode", "unsupported partition_strategy. Got 'mode'"),
    ],
)
def test_samples_that_are_not_possible_are_refused(counts, strategy, text):
    with pytest.raises(ValueError, match=text):
        nn.rank_sampled_softmax_loss(WEIGHTS, BIASES, TRUE, INPUTS, *counts, 6, 1, None, 1.0, True, strategy)


def test_ops_of_a_graph_are_named_with_those_of_its_functions():
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32)
        tf.raw_ops.PartitionedCall(
            args=[x], Tout=[tf.float32], f=tf.function(tf.sin, [tf.TensorSpec([], tf.float32)]).get_concrete_function()
        )
    definition = graph.as_graph_def()
    used = graph_ops_used.ops_used_by_graph_def(definition)
    assert {"Placeholder", "PartitionedCall", "Sin"} <= set(used)
    with tf.Graph().as_default() as plain:
        tf.square(tf.placeholder(tf.float32), name="a")
    stripped = graph_ops_used.stripped_op_list_for_graph(plain.as_graph_def())
    assert [op.name for op in stripped.op] == ["Placeholder", "Square"] and not stripped.op[0].description
    assert graph_ops_used.ops_used_by_graph_def(plain.as_graph_def()) == ["Placeholder", "Square"]
