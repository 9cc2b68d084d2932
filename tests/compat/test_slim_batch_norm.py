"""slim.batch_norm against NumPy and against what was measured of the original."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.compat import slim

UPDATE_OPS = tf.GraphKeys.UPDATE_OPS
X = np.random.RandomState(0).randn(6, 4, 5, 3).astype(np.float32) * 2 + 1
ROWS = X.reshape(-1, 3)[:24]
SERIES = X[:, 0]


def names(collection: str = tf.GraphKeys.GLOBAL_VARIABLES) -> list[str]:
    return [v.op.name for v in tf.get_collection(collection)]


def variable(leaf: str) -> Any:
    return next(v for v in tf.global_variables() if v.op.name.endswith(leaf))


WAYS = {
    "class, rank 4": ({}, X, 120 / 119),
    "class, rank 3": ({}, SERIES, 1.0),
    "fused, rank 2": ({}, ROWS, 24 / 23),
    "fused, another collection": ({"updates_collections": "mine"}, X, 120 / 119),
    "plain, not fused": ({"updates_collections": "mine", "fused": False}, X, 1.0),
    "plain, rank 3": ({"updates_collections": "mine"}, SERIES, 1.0),
    "class, not fused": ({"fused": False}, ROWS, 1.0),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_moves_its_averages_as_measured(graph, run, way):
    arguments, x, ratio = WAYS[way]
    y = slim.batch_norm(tf.constant(x), decay=0.5, **arguments)
    ops = tf.get_collection(arguments.get("updates_collections", UPDATE_OPS))
    names = [op.name.partition(":")[0].removesuffix("/AssignSubVariableOp") for op in ops]
    assert names == ["BatchNorm/AssignMovingAvg", "BatchNorm/AssignMovingAvg_1"]
    axes = tuple(range(x.ndim - 1))
    wanted = (x - x.mean(axes)) / np.sqrt(x.var(axes) + 1e-3)
    np.testing.assert_allclose(run(y), wanted, rtol=1e-4, atol=1e-4)
    run(ops)
    np.testing.assert_allclose(run(variable("moving_mean")), 0.5 * x.mean(axes), rtol=1e-4)
    np.testing.assert_allclose(run(variable("moving_variance")), 0.5 + 0.5 * ratio * x.var(axes), rtol=1e-4)


def test_beta_without_gamma_is_the_default_and_all_are_model_variables(graph):
    slim.batch_norm(tf.constant(ROWS))
    leaves = ["BatchNorm/beta", "BatchNorm/moving_mean", "BatchNorm/moving_variance"]
    assert names() == names(tf.GraphKeys.MODEL_VARIABLES) == leaves
    assert names(tf.GraphKeys.TRAINABLE_VARIABLES) == ["BatchNorm/beta"]


@pytest.mark.parametrize("x, first", [(ROWS, "beta"), (X, "gamma")], ids=["own way", "class"])
def test_the_order_of_gamma_and_beta_is_that_of_the_way(graph, x, first):
    slim.batch_norm(tf.constant(x), scale=True)
    assert names()[0] == f"BatchNorm/{first}"


def test_unnamed_calls_are_numbered_and_a_reused_scope_shares(graph):
    for reuse in (None, True):
        with tf.variable_scope("s", reuse=reuse):
            slim.batch_norm(slim.batch_norm(tf.constant(ROWS)))
    assert len(names()) == 6 and names()[3] == "s/BatchNorm_1/beta"
    with pytest.raises(ValueError, match="reuse=True cannot be used without a name_or_scope"):
        slim.batch_norm(tf.constant(ROWS), reuse=True)


def test_in_place_updates_run_with_the_output_only_in_training(graph, run):
    training = tf.placeholder(tf.bool, [])
    y = slim.batch_norm(tf.constant(ROWS), decay=0.5, updates_collections=None, is_training=training)
    assert tf.get_collection(UPDATE_OPS) == []
    run(y, {training: False})
    np.testing.assert_array_equal(run(variable("moving_mean")), np.zeros(3))
    run(y, {training: True})
    np.testing.assert_allclose(run(variable("moving_mean")), 0.5 * ROWS.mean(0), rtol=1e-5)


def test_in_place_updates_work_in_branches_and_loops(graph, run):
    x, training = tf.constant(ROWS), tf.placeholder(tf.bool, [])

    def branch(is_training: bool, reuse: Any) -> Any:
        return lambda: slim.batch_norm(
            x, 0.5, updates_collections=None, is_training=is_training, scope="bn", reuse=reuse
        )

    y = tf.cond(training, branch(True, None), branch(False, True))
    run(y, {training: False})
    np.testing.assert_array_equal(run(variable("bn/moving_mean")), np.zeros(3))
    run(y, {training: True})
    np.testing.assert_allclose(run(variable("bn/moving_mean")), 0.5 * ROWS.mean(0), rtol=1e-5)


def test_in_place_updates_in_a_loop_move_once_per_iteration(graph, run):
    def body(i: Any) -> Any:
        y = slim.batch_norm(tf.constant(ROWS), 0.5, updates_collections=None)
        with tf.control_dependencies([y]):
            return i + 1

    run(tf.while_loop(lambda i: i < 3, body, [tf.constant(0)], parallel_iterations=1))
    np.testing.assert_allclose(run(variable("moving_mean")), (1 - 0.5**3) * ROWS.mean(0), rtol=1e-5)


def test_several_collections_each_hold_the_updates(graph):
    slim.batch_norm(tf.constant(ROWS), updates_collections=["a", "b"])
    assert tf.get_collection("a") == tf.get_collection("b") and len(tf.get_collection("a")) == 2


def test_no_collection_at_all_leaves_the_averages(graph, run):
    y = slim.batch_norm(tf.constant(ROWS), updates_collections=[])
    run(y)
    np.testing.assert_array_equal(run(variable("moving_mean")), np.zeros(3))


@pytest.mark.parametrize("updates", [UPDATE_OPS, None])
def test_the_debiased_mean_is_the_weighted_mean_of_batches(graph, run, updates):
    x = tf.placeholder(tf.float32, [None, 3])
    y = slim.batch_norm(x, 0.9, updates_collections=updates, zero_debias_moving_mean=True)
    ops = [y, tf.get_collection(UPDATE_OPS)]
    extra = ["BatchNorm/BatchNorm/moving_mean/biased", "BatchNorm/BatchNorm/moving_mean/local_step"]
    assert names()[-2:] == extra and not set(extra) & set(names(tf.GraphKeys.MODEL_VARIABLES))
    run(ops, {x: ROWS})
    np.testing.assert_allclose(run(variable("BatchNorm/moving_mean")), ROWS.mean(0), rtol=1e-5)
    run(ops, {x: ROWS + 3})
    weighted = (0.9 * 0.1 * ROWS.mean(0) + 0.1 * (ROWS.mean(0) + 3)) / (1 - 0.9**2)
    np.testing.assert_allclose(run(variable("BatchNorm/moving_mean")), weighted, rtol=1e-5)
    assert run(variable("local_step")) == 2
    assert not np.allclose(run(variable("moving_variance")), ROWS.var(0), rtol=0.1)


def test_an_inference_graph_has_nothing_of_debiasing(graph):
    slim.batch_norm(tf.constant(ROWS), zero_debias_moving_mean=True, is_training=False)
    assert not [name for name in names() if "biased" in name]


def test_weights_count_examples(graph, run):
    w = np.array([0, 1, 2, 3, 0, 1] * 4, np.float32)
    y = slim.batch_norm(tf.constant(ROWS), 0.0, batch_weights=tf.constant(w))
    mean = np.average(ROWS, 0, w)
    variance = np.average((ROWS - mean) ** 2, 0, w)
    np.testing.assert_allclose(run(y), (ROWS - mean) / np.sqrt(variance + 1e-3), rtol=1e-3, atol=1e-4)
    run(tf.get_collection(UPDATE_OPS))
    np.testing.assert_allclose(run(variable("moving_mean")), mean, rtol=1e-4)
    np.testing.assert_allclose(run(variable("moving_variance")), variance, rtol=1e-4)


@pytest.mark.parametrize("x, entries", [(X, 0), (ROWS, 2)], ids=["class", "own way"])
def test_what_is_not_trainable_moves_on_the_own_ways_only(graph, x, entries):
    slim.batch_norm(tf.constant(x), trainable=False)
    assert len(tf.get_collection(UPDATE_OPS)) == entries
    assert names(tf.GraphKeys.TRAINABLE_VARIABLES) == []


def test_collections_of_variables_and_outputs(graph):
    y = slim.batch_norm(tf.constant(X), scale=True, variables_collections=["vars"], outputs_collections="ends")
    order = ["moving_mean", "moving_variance", "beta", "gamma"]
    assert names("vars") == [f"BatchNorm/{leaf}" for leaf in order]
    assert slim.utils.convert_collection_to_dict("ends") == {"BatchNorm": y}


def test_initializers_regularizers_and_activation(graph, run):
    y = slim.batch_norm(
        tf.constant(ROWS),
        param_initializers={"beta": tf.constant_initializer(-2.0), "moving_mean": tf.ones_initializer()},
        param_regularizers={"beta": tf.nn.l2_loss},
        activation_fn=tf.nn.relu,
        is_training=False,
    )
    np.testing.assert_allclose(run(y), np.maximum((ROWS - 1) / np.sqrt(1.001) - 2, 0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(run(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)), [6.0])


def test_channels_first(graph, run):
    first = slim.batch_norm(tf.transpose(tf.constant(X), [0, 3, 1, 2]), data_format="NCHW")
    last = slim.batch_norm(tf.constant(X))
    first, last = run([first, last])
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), last, rtol=1e-4, atol=1e-4)


def test_an_enclosing_block_overrides_the_updates(graph, run):
    with tf1bn.default_update_strategy("inline"):
        y = slim.batch_norm(tf.constant(ROWS), 0.5)
        z = slim.batch_norm(tf.constant(ROWS), 0.5, zero_debias_moving_mean=True, scope="debiased")
    assert tf.get_collection(UPDATE_OPS) == []
    run([y, z])
    np.testing.assert_allclose(run(variable("BatchNorm/moving_mean")), 0.5 * ROWS.mean(0), rtol=1e-5)
    np.testing.assert_allclose(run(variable("debiased/moving_mean")), ROWS.mean(0), rtol=1e-5)


def test_registered_updates_in_a_branch_move_with_the_output_and_warn(graph, run):
    training = tf.placeholder(tf.bool, [])
    with pytest.warns(errors.Tf1bnWarning, match="cannot register its updates"):
        y = tf.cond(
            training,
            lambda: slim.batch_norm(tf.constant(ROWS), 0.5, is_training=True, scope="bn"),
            lambda: slim.batch_norm(tf.constant(ROWS), 0.5, is_training=False, scope="bn", reuse=True),
        )
    run(y, {training: True})
    np.testing.assert_allclose(run(variable("bn/moving_mean")), 0.5 * ROWS.mean(0), rtol=1e-5)


REFUSED = {
    "data format": ({"data_format": "channels_last"}, "data_format has to be either NCHW or NHWC"),
    "no switch": ({"is_training": None}, "`is_training` is None"),
    "decay": ({"decay": 1.0}, "batch_norm: `decay` must be in"),
    "renorm in place": ({"renorm": True, "updates_collections": None}, "`renorm` is not supported with"),
    "adjustment in place": ({"adjustment": abs, "updates_collections": None}, "`adjustment` is not supported with"),
    "word of tf.layers": ({"training": True}, "training"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(plain_graph, case):
    arguments, text = REFUSED[case]
    with pytest.raises((ValueError, TypeError), match=text):
        slim.batch_norm(tf.constant(ROWS), **arguments)


@pytest.mark.parametrize("shape", [None, [None, None], [None, 4, 4, None]])
def test_unknown_shapes_are_refused_with_the_word_undefined(plain_graph, shape):
    with pytest.raises(ValueError, match="undefined"):
        slim.batch_norm(tf.placeholder(tf.float32, shape))
