"""Names by which programs fetch what a batch norm of TensorFlow 1 left in a graph."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import slim, tf_layers

SHAPES = {2: [None, 3], 4: [None, 4, 5, 3], 5: [None, 2, 3, 4, 3]}


def _x(rank):
    return tf.placeholder(tf.float32, SHAPES[rank])


def _result(number=0):
    """The name of a result of a conditional below it, which control flow v2 changed."""
    word = "Identity" if tf.control_flow_v2_enabled() else "Merge"
    return f"{word}_{number}" if number else word


def _move(scope, number=0):
    name = f"{scope}/AssignMovingAvg" + (f"_{number}" if number else "")
    return f"{name}/AssignSubVariableOp" if tf.get_variable_scope().use_resource else name


def _entries(collection=tf.GraphKeys.UPDATE_OPS):
    found = tf.get_collection(collection)
    return [("operation", op.name) if isinstance(op, tf.Operation) else ("tensor", op.op.name) for op in found]


# Seen with tf.layers of tf_keras 2.21: the name with a known and with a fed switch.
CLASS = {
    "rank 2": (2, {}, "batchnorm/add_1", "batchnorm/add_1"),
    "rank 4": (4, {}, "FusedBatchNormV3", "cond/"),
    "rank 5": (5, {}, "FusedBatchNormV3", "cond/"),
    "not fused": (4, {"fused": False}, "batchnorm/add_1", "batchnorm/add_1"),
    "virtual batches": (4, {"virtual_batch_size": 2}, "Reshape_1", "Reshape_1"),
    "renorm": (4, {"renorm": True}, "batchnorm/add_1", "batchnorm/add_1"),
}


@pytest.mark.parametrize("case", CLASS)
def test_outputs_of_tf_layers_have_the_names_of_the_original(graph, case):
    rank, arguments, known, fed = CLASS[case]
    for training, name in ((True, known), (False, known), (tf.placeholder(tf.bool, []), fed)):
        y = tf_layers.batch_normalization(_x(rank), training=training, **arguments)
        scope = y.name.partition("/")[0]
        name += _result() if name.endswith("/") else ""
        assert y.name == f"{scope}/{name}:0" and graph.get_tensor_by_name(f"{scope}/{name}:0") is y


def test_entries_of_tf_layers_are_the_operations_of_the_original(graph):
    training = tf.placeholder(tf.bool, [])
    for name, rank, switch in (("known", 2, True), ("fused", 4, training), ("fed", 2, training)):
        tf_layers.batch_normalization(_x(rank), training=switch, name=name)
    moves = [("operation", _move(scope, i)) for scope in ("known", "fused") for i in (0, 1)]
    assert _entries() == [*moves, *(("operation", f"fed/cond_{i}/{_result()}") for i in (2, 3))]


def test_later_calls_of_one_layer_count_on(graph):
    layer, training = tf_layers.BatchNormalization(name="bn"), tf.placeholder(tf.bool, [])
    names = [layer(_x(4), training=switch).op.name for switch in (training, training, True, False)]
    assert names == [f"bn/cond/{_result()}", f"bn/cond_2/{_result()}", "bn/FusedBatchNormV3", "bn/FusedBatchNormV3_1"]
    assert _entries() == [("operation", _move("bn", i)) for i in range(6)]


# Likewise: rank of the input, the name without a bias, and with one.
LINEAR = {
    "conv1d": (3, "Conv1D/Squeeze", "add"),
    "conv2d": (4, "Conv2D", "BiasAdd"),
    "conv3d": (5, "Conv3D", "BiasAdd"),
    "separable_conv1d": (3, "Squeeze", "Squeeze"),
    "separable_conv2d": (4, "separable_conv2d", "BiasAdd"),
    "conv2d_transpose": (4, "conv2d_transpose", "BiasAdd"),
    "conv3d_transpose": (5, "conv3d_transpose", "BiasAdd"),
}


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("name", LINEAR)
def test_outputs_of_convolutions_have_the_names_of_the_original(graph, name, data_format, use_bias):
    rank, *names = LINEAR[name]
    x = tf.placeholder(tf.float32, [None, *range(4, 3 + rank)])
    y = getattr(tf_layers, name)(x, 2, 2, data_format=data_format, use_bias=use_bias, name="c")
    others = {
        ("conv1d", "channels_last", True): "BiasAdd",
        ("conv2d_transpose", "channels_first", False): "transpose_1",
    }
    wanted = others.get((name, data_format, use_bias), names[use_bias])
    assert y.op.name == f"c/{wanted}"


@pytest.mark.parametrize("shape", [[None, 4], [2, None, 3]])
def test_predictions_of_slim_have_the_name_that_programs_fetch(graph, run, shape):
    values = np.arange(24, dtype=np.float32).reshape([-1, 4] if len(shape) == 2 else [2, 4, 3])
    logits = tf.placeholder_with_default(values / 10, shape)
    y = slim.softmax(logits, scope="Predictions")
    assert y.op.name == "Predictions/Reshape_1" and y.shape.as_list() == shape
    powers = np.exp(run(logits))
    np.testing.assert_allclose(run(y), powers / powers.sum(-1, keepdims=True), rtol=1e-5)


# Seen with tf_slim 1.1.0, likewise.
SLIM = {
    "rank 2": (2, {}, "Reshape_1", "Reshape_1"),
    "rank 4": (4, {}, "FusedBatchNormV3", "cond/"),
    "not fused": (2, {"fused": False}, "batchnorm_1/add_1", "batchnorm_1/add_1"),
    "in place": (4, {"updates_collections": None}, "Identity", "cond_1/"),
    "in place, rank 2": (2, {"updates_collections": None}, "Reshape_1", "Reshape_1"),
    "in place, not fused": (4, {"updates_collections": None, "fused": False}, "batchnorm_1/add_1", "batchnorm_1/add_1"),
    "activation": (4, {"activation_fn": tf.nn.relu}, "Relu", "Relu"),
}


@pytest.mark.parametrize("fed", [False, True])
@pytest.mark.parametrize("case", SLIM)
def test_outputs_of_slim_have_the_names_of_the_original(graph, case, fed):
    rank, arguments, *names = SLIM[case]
    y = slim.batch_norm(_x(rank), is_training=tf.placeholder(tf.bool, []) if fed else True, **arguments)
    name = names[fed]
    assert y.name == f"BatchNorm/{name}{_result() if name.endswith('/') else ''}:0"


def test_entries_of_a_named_collection_of_slim_are_tensors_of_the_new_averages(graph, run):
    slim.batch_norm(tf.constant([[1.0, 2.0], [3.0, 6.0]]), decay=0.5, updates_collections="mine")
    assert _entries("mine") == [("tensor", _move("BatchNorm", i)) for i in (0, 1)]
    mean, variance = run(tf.get_collection("mine"))
    assert mean.tolist() == [1.0, 2.0] and variance.tolist() == [0.5 + 0.5 * 2, 0.5 + 0.5 * 8]


@pytest.mark.parametrize(("rank", "fused", "number"), [(2, None, "_1"), (4, None, "_1"), (4, False, "")])
def test_entries_of_slim_with_a_fed_switch_are_results_of_a_conditional(graph, rank, fused, number):
    slim.batch_norm(_x(rank), is_training=tf.placeholder(tf.bool, []), updates_collections="mine", fused=fused)
    assert _entries("mine") == [("tensor", f"BatchNorm/cond{number}/{_result(i)}") for i in (0, 1)]
