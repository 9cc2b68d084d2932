"""tf_layers.batch_normalization against NumPy and against what was measured of the original."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.compat import tf_layers

UPDATE_OPS = tf.GraphKeys.UPDATE_OPS
X = np.random.RandomState(0).randn(6, 4, 5, 3).astype(np.float32) * 2 + 1
ROWS = X.reshape(-1, 3)[:24]


def names(collection: str = tf.GraphKeys.GLOBAL_VARIABLES) -> list[str]:
    return [v.op.name for v in tf.get_collection(collection)]


def normalized(x: Any, epsilon: float = 1e-3) -> Any:
    axes = tuple(range(x.ndim - 1))
    return (x - x.mean(axes)) / np.sqrt(x.var(axes) + epsilon)


@pytest.mark.parametrize("x, ratio", [(ROWS, 1.0), (X, 120 / 119)], ids=["rank 2", "rank 4"])
def test_a_training_call_normalises_by_the_batch_and_registers_two_operations(graph, run, x, ratio):
    y = tf_layers.batch_normalization(tf.constant(x), training=True, momentum=0.9)
    ops = tf.get_collection(UPDATE_OPS)
    names = [op.name.removesuffix("/AssignSubVariableOp") for op in ops]
    assert names == ["batch_normalization/AssignMovingAvg", "batch_normalization/AssignMovingAvg_1"]
    np.testing.assert_allclose(run(y), normalized(x), rtol=1e-4, atol=1e-4)
    mean, variance = tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)[2:]
    np.testing.assert_array_equal(run([mean, variance]), [np.zeros(3), np.ones(3)])
    run(ops)
    axes = tuple(range(x.ndim - 1))
    np.testing.assert_allclose(run(mean), 0.1 * x.mean(axes), rtol=1e-4)
    np.testing.assert_allclose(run(variance), 0.9 + 0.1 * ratio * x.var(axes), rtol=1e-4)


BESSEL = {
    "rank 4": ({}, (6, 4, 5, 3), True),
    "rank 4, channels first": ({"axis": 1}, (6, 3, 4, 5), True),
    "rank 5": ({}, (2, 3, 2, 2, 3), True),
    "half precision": ({"dtype": np.float16}, (6, 4, 5, 3), True),
    "not fused": ({"fused": False}, (6, 4, 5, 3), False),
    "rank 3": ({"fused": True}, (6, 5, 3), False),
    "axis 2": ({"axis": 2}, (6, 4, 3, 5), False),
    "double precision": ({"dtype": np.float64}, (6, 4, 5, 3), False),
    "adjustment": ({"adjustment": lambda shape: (1.0, 0.0)}, (6, 4, 5, 3), False),
}


@pytest.mark.parametrize("case", BESSEL)
def test_the_moving_variance_is_unbiased_where_the_original_took_the_fused_kernel(plain_graph, run, case):
    arguments, shape, unbiased = BESSEL[case]
    arguments = dict(arguments)
    x = np.random.RandomState(1).randn(*shape).astype(arguments.pop("dtype", np.float32))
    tf_layers.batch_normalization(tf.constant(x), training=True, momentum=0.0, **arguments)
    run(tf.get_collection(UPDATE_OPS))
    axis = arguments.get("axis", -1) % len(shape)
    axes = tuple(i for i in range(len(shape)) if i != axis)
    n = x.size / 3
    wanted = x.astype(np.float64).var(axes) * (n / (n - 1) if unbiased else 1)
    (variance,) = (v for v in tf.global_variables() if "moving_variance" in v.op.name)
    np.testing.assert_allclose(run(variance), wanted, rtol=2e-3 if x.dtype == np.float16 else 1e-4)


def test_the_test_attribute_switches_the_correction_off(plain_graph, run):
    layer = tf_layers.BatchNormalization(momentum=0.0)
    layer._bessels_correction_test_only = False
    layer(tf.constant(X), training=True)
    run(layer.updates)
    np.testing.assert_allclose(run(layer.moving_variance), X.var((0, 1, 2)), rtol=1e-4)


def test_inference_is_the_default_and_registers_nothing(graph, run):
    y = tf_layers.batch_normalization(tf.constant(ROWS))
    assert tf.get_collection(UPDATE_OPS) == []
    np.testing.assert_allclose(run(y), ROWS / np.sqrt(1 + 1e-3), rtol=1e-5)


def test_variables_are_in_the_order_of_the_original_and_in_no_model_collection(graph):
    tf_layers.batch_normalization(tf.constant(ROWS), renorm=True)
    leaves = ["gamma", "beta", "moving_mean", "moving_variance", "moving_stddev", "renorm_mean", "renorm_stddev"]
    assert names() == [f"batch_normalization/{leaf}" for leaf in leaves]
    assert names(tf.GraphKeys.TRAINABLE_VARIABLES) == ["batch_normalization/gamma", "batch_normalization/beta"]
    assert names(tf.GraphKeys.MODEL_VARIABLES) == names(tf.GraphKeys.MOVING_AVERAGE_VARIABLES) == []


@pytest.mark.parametrize(
    "arguments, shape, parameters",
    [
        ({"axis": [1, 2]}, (2, 3, 4, 4), [1, 3, 4, 1]),
        ({"virtual_batch_size": 2}, (4, 3), [1, 1, 3]),
        ({"virtual_batch_size": 2}, (4, 2, 2, 3), [1, 1, 1, 1, 3]),
        ({}, (4, 3), [3]),
    ],
)
def test_shapes_of_parameters(plain_graph, arguments, shape, parameters):
    tf_layers.batch_normalization(tf.ones(shape), training=True, **arguments)
    assert [v.shape.as_list() for v in tf.global_variables()] == [parameters] * 4


@pytest.mark.parametrize(
    "dtype, wanted", [(tf.float16, tf.float32), (tf.bfloat16, tf.float32), (tf.float64, tf.float64)]
)
def test_parameters_are_at_least_single_precision(plain_graph, dtype, wanted):
    y = tf_layers.batch_normalization(tf.ones([4, 3], dtype), training=True)
    assert y.dtype == dtype
    assert {v.dtype.base_dtype for v in tf.global_variables()} == {wanted}


def test_a_fed_switch_decides_in_each_run(graph, run):
    training = tf.placeholder(tf.bool, [])
    y = tf_layers.batch_normalization(tf.constant(ROWS), training=training, momentum=0.5)
    ops = tf.get_collection(UPDATE_OPS)
    mean = tf.global_variables()[2]
    assert len(ops) == 2
    run(ops, {training: False})
    np.testing.assert_array_equal(run(mean), np.zeros(3))
    got, _ = run([y, ops], {training: True})
    np.testing.assert_allclose(got, normalized(ROWS), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(run(mean), 0.5 * ROWS.mean(0), rtol=1e-5)


@pytest.mark.parametrize("training, moves", [(1, True), (0, False), (np.True_, True)])
def test_numbers_and_numpy_bools_are_switches(plain_graph, training, moves):
    tf_layers.batch_normalization(tf.constant(ROWS), training=training)
    assert len(tf.get_collection(UPDATE_OPS)) == 2 * moves


def test_a_constant_switch_is_folded(plain_graph):
    tf_layers.batch_normalization(tf.constant(ROWS), training=tf.constant(False))
    assert tf.get_collection(UPDATE_OPS) == []


@pytest.mark.parametrize("x", [ROWS, X], ids=["rank 2", "rank 4"])
def test_an_untrainable_layer_uses_the_batch_and_moves_nothing(graph, run, x):
    y = tf_layers.batch_normalization(tf.constant(x), training=True, trainable=False)
    assert tf.get_collection(UPDATE_OPS) == names(tf.GraphKeys.TRAINABLE_VARIABLES) == []
    np.testing.assert_allclose(run(y), normalized(x), rtol=1e-4, atol=1e-4)


def test_an_empty_batch_leaves_the_averages(graph, run):
    x = tf.placeholder(tf.float32, [None, 3])
    tf_layers.batch_normalization(x, training=True)
    run(tf.get_collection(UPDATE_OPS), {x: np.zeros([0, 3])})
    np.testing.assert_array_equal(run(tf.global_variables()[2:]), [np.zeros(3), np.ones(3)])


def test_several_calls_of_one_step_all_count(graph, run):
    layer = tf_layers.BatchNormalization(momentum=0.5)
    layer(tf.constant(ROWS), training=True)
    layer.apply(tf.constant(ROWS + 1), training=True)
    assert len(layer.updates) == 4 and layer.updates == tf.get_collection(UPDATE_OPS)
    run(layer.updates)
    first, second, moved = ROWS.mean(0), (ROWS + 1).mean(0), run(layer.moving_mean)
    # Which of the two comes first is not fixed.
    orders = [0.5 * (0.5 * first) + 0.5 * second, 0.5 * (0.5 * second) + 0.5 * first]
    assert any(np.allclose(moved, order, rtol=1e-5, atol=0) for order in orders)


def test_what_a_layer_object_tells(graph):
    layer = tf_layers.BatchNormalization(name="bn", beta_constraint=abs, gamma_regularizer=tf.nn.l2_loss)
    layer(tf.constant(ROWS))
    assert [v.op.name for v in layer.variables] == ["bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance"]
    assert [v.op.name for v in layer.trainable_variables] == ["bn/gamma", "bn/beta"]
    assert [v.op.name for v in layer.non_trainable_variables] == ["bn/moving_mean", "bn/moving_variance"]
    assert (layer.name, layer.scope_name, layer.dtype, layer.built) == ("bn", "bn", "float32", True)
    assert layer.losses == tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES) and len(layer.losses) == 1
    assert layer.losses[0].op.name.startswith("bn/gamma/Regularizer/")
    assert (layer.beta_constraint, layer.gamma_constraint) == (abs, None)
    assert layer.beta.constraint is abs
    assert layer.count_params() == 12
    assert layer.compute_output_shape([None, 3]).as_list() == [None, 3]


def test_constraints_reach_the_optimizer(graph, run):
    layer = tf_layers.BatchNormalization(gamma_constraint=lambda g: tf.clip_by_value(g, 0.0, 0.5))
    y = layer(tf.constant(ROWS), training=True)
    train = tf.train.GradientDescentOptimizer(0.0).minimize(tf.reduce_sum(y))
    run(train)
    np.testing.assert_array_equal(run(layer.gamma), [0.5] * 3)


def test_a_regularizer_is_added_once_under_reuse(graph):
    for reuse in (False, True):
        tf_layers.batch_normalization(tf.constant(ROWS), gamma_regularizer=tf.nn.l2_loss, name="bn", reuse=reuse)
    assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 1


def test_a_scope_regularizes_the_averages_too_as_the_original_did(graph):
    with tf.variable_scope("s", regularizer=tf.nn.l2_loss):
        tf_layers.batch_normalization(tf.constant(ROWS))
    assert len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == 4


def test_unnamed_layers_are_numbered_and_shared_in_order_when_a_scope_reuses(graph):
    x = tf.constant(ROWS)
    for reuse in (False, True):
        with tf.variable_scope("s", reuse=reuse):
            tf_layers.batch_normalization(x)
            tf_layers.batch_normalization(x)
    assert len(tf.global_variables()) == 8
    assert names()[0] == "s/batch_normalization/gamma" and names()[4] == "s/batch_normalization_1/gamma"


def test_reuse_without_a_name_takes_the_first(graph):
    x = tf.constant(ROWS)
    tf_layers.batch_normalization(x)
    tf_layers.batch_normalization(x)
    tf_layers.batch_normalization(x, reuse=True)
    assert len(tf.global_variables()) == 8


def test_objects_are_numbered_apart_from_scopes(plain_graph):
    layers = [tf_layers.BatchNormalization() for _ in range(2)]
    layers[1](tf.constant(ROWS))
    assert [layer.name for layer in layers] == ["batch_normalization_1", "batch_normalization_2"]
    assert layers[1].scope_name == "batch_normalization"


def refused(error: type[Exception], text: str, call: Any) -> None:
    with pytest.raises(error, match=text):
        call()


def test_reuse_that_cannot_be_is_refused(graph):
    x = tf.constant(ROWS)
    tf_layers.batch_normalization(x, name="bn", scale=False)
    refused(ValueError, "does not exist", lambda: tf_layers.batch_normalization(x, name="bn", reuse=True))
    refused(ValueError, "already exists", lambda: tf_layers.batch_normalization(x, name="bn", scale=False))
    refused(ValueError, "does not exist", lambda: tf_layers.batch_normalization(x, name="other", reuse=True))
    wrong = tf.constant(ROWS[:, :2])
    refused(ValueError, "shape", lambda: tf_layers.batch_normalization(wrong, name="bn", reuse=True, scale=False))


def test_impossible_arguments_are_refused_in_the_words_of_tf_layers(plain_graph):
    x, bn = tf.constant(ROWS), tf_layers.batch_normalization
    refused(errors.ArgumentError, "batch_normalization: `momentum` must be in", lambda: bn(x, momentum=1.5))
    refused(errors.ArgumentError, "`renorm_momentum` must be in", lambda: bn(x, renorm=True, renorm_momentum=2.0))
    refused(errors.ArgumentTypeError, "`training` cannot be used as a switch", lambda: bn(x, training="yes"))
    refused(
        errors.ArgumentTypeError, "`training` is None, which left the decision to Keras", lambda: bn(x, training=None)
    )
    refused(errors.ArgumentError, "`axis` is outside", lambda: bn(x, axis=2))
    refused(errors.ArgumentError, "`axis` must name each channel axis once", lambda: bn(x, axis=[1, 1]))
    refused(errors.ArgumentError, "`virtual_batch_size` must be at least 1", lambda: bn(x, virtual_batch_size=0))
    refused(errors.ArgumentTypeError, "not floating point", lambda: bn(tf.ones([2, 3], tf.int32)))
    unknown = tf.placeholder(tf.float32, [None, None])
    refused(errors.ShapeError, "undefined `axis` dimension", lambda: bn(unknown))
    refused(errors.ShapeError, "undefined rank", lambda: bn(tf.placeholder(tf.float32)))
    refused(errors.ArgumentTypeError, "unsupported argument `mask`", lambda: tf_layers.BatchNormalization()(x, mask=x))
    refused(
        errors.ArgumentTypeError, "unsupported argument `input_shape`", lambda: tf_layers.Dense(3, input_shape=(2,))
    )
    refused(errors.ArgumentError, "no initializer of that name", lambda: bn(x, gamma_initializer="one"))


def test_in_a_branch_the_averages_move_with_the_output_and_a_warning_says_so(graph, run):
    x, training = tf.constant(ROWS), tf.placeholder(tf.bool, [])

    def branch(is_training: bool) -> Any:
        return lambda: tf_layers.batch_normalization(
            x, training=is_training, momentum=0.5, name="bn", reuse=tf.AUTO_REUSE
        )

    with pytest.warns(errors.Tf1bnWarning, match="inside a tf.cond branch cannot register its updates"):
        y = tf.cond(training, branch(True), branch(False))
    mean = next(v for v in tf.global_variables() if "moving_mean" in v.op.name)
    run(y, {training: False})
    np.testing.assert_array_equal(run(mean), np.zeros(3))
    run(y, {training: True})
    np.testing.assert_allclose(run(mean), 0.5 * ROWS.mean(0), rtol=1e-5)


def test_in_a_loop_a_call_that_moves_averages_is_refused(graph):
    def body(i: Any, x: Any) -> Any:
        return i + 1, tf_layers.batch_normalization(x, training=True)

    with pytest.raises(errors.PlacementError, match="averages cannot move inside a tf.while_loop body"):
        tf.while_loop(lambda i, x: i < 3, body, [tf.constant(0), tf.constant(ROWS)])


@pytest.mark.parametrize("strategy", ["inline", "ema", "frozen", tf1bn.Collection("mine")], ids=str)
def test_an_enclosing_block_overrides_how_averages_are_kept(graph, run, strategy):
    with tf1bn.default_update_strategy(strategy):
        layer = tf_layers.BatchNormalization(momentum=0.5)
        y = layer(tf.constant(ROWS), training=True)
    assert layer.updates == tf.get_collection(UPDATE_OPS) == []
    run([y, tf.get_collection("mine")])
    moved = np.zeros(3) if strategy == "frozen" else 0.5 * ROWS.mean(0)
    np.testing.assert_allclose(run(layer.moving_mean), moved, rtol=1e-5)


def test_a_merged_block_moves_shared_averages_once(graph, run):
    layer = tf_layers.BatchNormalization(momentum=0.5)
    with tf1bn.merged_updates():
        layer(tf.constant(ROWS), training=True)
        layer(tf.constant(ROWS + 1), training=True)
    run(tf.get_collection(UPDATE_OPS))
    np.testing.assert_allclose(run(layer.moving_mean), 0.5 * (ROWS.mean(0) + 0.5), rtol=1e-5)


def test_records_and_minimize_know_the_layers(graph, run):
    y = tf_layers.batch_normalization(tf.constant(ROWS), training=True, momentum=0.5)
    (site,) = tf1bn.layers_of()
    assert (site.scope, site.state, site.strategy, site.placement) == (
        "batch_normalization",
        "train",
        "collection",
        UPDATE_OPS,
    )
    run(tf1bn.minimize(tf.train.GradientDescentOptimizer(0.0), tf.reduce_sum(y)))
    np.testing.assert_allclose(run(tf.global_variables()[2]), 0.5 * ROWS.mean(0), rtol=1e-5)


def test_a_training_graph_saves_and_an_inference_graph_restores(tmp_path):
    def build(training: bool) -> Any:
        y = tf_layers.dense(tf.constant(ROWS), 4, activation=tf.nn.relu)
        return tf_layers.batch_normalization(y, training=training, momentum=0.0)

    with tf.Graph().as_default(), tf.Session() as session:
        y = build(True)
        session.run(tf.global_variables_initializer())
        session.run(tf.get_collection(UPDATE_OPS))
        trained = session.run(y)
        path = tf.train.Saver().save(session, str(tmp_path / "model"))
    with tf.Graph().as_default(), tf.Session() as session:
        y = build(False)
        tf.train.Saver().restore(session, path)
        np.testing.assert_allclose(session.run(y), trained, rtol=1e-4, atol=1e-5)
