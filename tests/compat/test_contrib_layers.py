"""contrib's layers without batch norm, its scopes of arguments, variables, penalties and named outputs."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import contrib, slim

ROWS = np.random.RandomState(0).randn(4, 3).astype(np.float32)
IMAGES = np.random.RandomState(1).randn(2, 4, 6, 3).astype(np.float32)
LOSSES = tf.GraphKeys.REGULARIZATION_LOSSES


def names(collection: str = tf.GraphKeys.GLOBAL_VARIABLES) -> list[str]:
    return [v.op.name for v in tf.get_collection(collection)]


def test_fully_connected_makes_weights_and_biases_and_a_relu(graph, run):
    y = slim.fully_connected(tf.constant(ROWS), 2, biases_initializer=tf.ones_initializer())
    assert names() == names(tf.GraphKeys.MODEL_VARIABLES) == ["fully_connected/weights", "fully_connected/biases"]
    weights, biases = run(tf.global_variables())
    np.testing.assert_allclose(run(y), np.maximum(ROWS @ weights + biases, 0), rtol=1e-5, atol=1e-6)


def test_a_normalizer_takes_the_place_of_biases(graph):
    slim.conv2d(tf.constant(IMAGES), 4, [3, 3], normalizer_fn=slim.batch_norm)
    leaves = ["weights", "BatchNorm/beta", "BatchNorm/moving_mean", "BatchNorm/moving_variance"]
    assert names() == [f"Conv/{leaf}" for leaf in leaves]


DEFAULT_SCOPES = {
    "Conv": (lambda x: slim.conv2d(x, 2, 3), ["weights", "biases"]),
    "Conv2d_transpose": (lambda x: slim.conv2d_transpose(x, 2, 3), ["weights", "biases"]),
    "SeparableConv2d": (
        lambda x: slim.separable_conv2d(x, 2, 3, 1),
        ["depthwise_weights", "pointwise_weights", "biases"],
    ),
    "BiasAdd": (lambda x: slim.bias_add(x), ["biases"]),
    "LayerNorm": (lambda x: slim.layer_norm(x), ["beta", "gamma"]),
    "InstanceNorm": (lambda x: slim.instance_norm(x), ["beta", "gamma"]),
}


@pytest.mark.parametrize("scope", DEFAULT_SCOPES)
def test_default_scopes_and_names(graph, scope):
    call, leaves = DEFAULT_SCOPES[scope]
    call(tf.constant(IMAGES))
    assert names() == names(tf.GraphKeys.MODEL_VARIABLES) == [f"{scope}/{leaf}" for leaf in leaves]


@pytest.mark.parametrize("rank", [3, 4, 5])
def test_convolution_takes_its_number_of_axes_from_the_input(plain_graph, rank):
    y = slim.convolution(tf.ones([2] + [5] * (rank - 2) + [3]), 4, 3, padding="VALID")
    assert y.shape.as_list() == [2] + [3] * (rank - 2) + [4]


def test_a_separable_convolution_without_outputs_is_depthwise_only(plain_graph):
    y = slim.separable_conv2d(tf.constant(IMAGES), None, 3, 2, stride=2)
    assert y.shape.as_list() == [2, 2, 3, 6]
    assert names() == ["SeparableConv2d/depthwise_weights", "SeparableConv2d/biases"]


def test_layer_norm_and_instance_norm_normalise_each_example(graph, run):
    layer, instance = run([slim.layer_norm(tf.constant(IMAGES)), slim.instance_norm(tf.constant(IMAGES))])
    for y, axes, epsilon in ((layer, (1, 2, 3), 1e-12), (instance, (1, 2), 1e-6)):
        mean, variance = IMAGES.mean(axes, keepdims=True), IMAGES.var(axes, keepdims=True)
        np.testing.assert_allclose(y, (IMAGES - mean) / np.sqrt(variance + epsilon), rtol=1e-4, atol=1e-4)


def test_instance_norm_of_channels_first(plain_graph, run):
    first = slim.instance_norm(tf.transpose(tf.constant(IMAGES), [0, 3, 1, 2]), data_format="NCHW")
    first, last = run([first, slim.instance_norm(tf.constant(IMAGES))])
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), last, rtol=1e-5, atol=1e-5)


def test_pooling_flatten_softmax_and_one_hot(graph, run):
    x = tf.constant(IMAGES)
    pooled = [slim.max_pool2d(x, 2), slim.avg_pool2d(x, [2, 2], outputs_collections="ends", scope="avg")]
    most, mean, flat, soft, hot = run(
        [*pooled, slim.flatten(x), slim.softmax(x), slim.one_hot_encoding(tf.constant([2, 0]), 3)]
    )
    split = IMAGES.reshape(2, 2, 2, 3, 2, 3)
    np.testing.assert_allclose(most, split.max((2, 4)))
    np.testing.assert_allclose(mean, split.mean((2, 4)), rtol=1e-5, atol=1e-6)
    assert flat.shape == (2, 72)
    np.testing.assert_allclose(soft, np.exp(IMAGES) / np.exp(IMAGES).sum(-1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(hot, [[0, 0, 1], [1, 0, 0]])
    assert list(slim.utils.convert_collection_to_dict("ends")) == ["avg"]


def test_dropout_keeps_with_the_given_probability(graph, run):
    y = run(slim.dropout(tf.ones([2000]), 0.8, seed=1))
    assert set(np.unique(y)) == {0.0, 1.25} and 0.75 < np.mean(y > 0) < 0.85
    np.testing.assert_array_equal(run(slim.dropout(tf.ones([5]), is_training=False)), np.ones(5))


def test_repeat_and_stack_number_their_scopes(graph):
    net = slim.repeat(tf.constant(ROWS), 2, slim.fully_connected, 5, scope="fc")
    net = slim.stack(net, slim.fully_connected, [4, 3])
    slim.repeat(net, 1, functools.partial(slim.fully_connected, num_outputs=2))
    scopes = ["fc/fc_1", "fc/fc_2", "Stack/fully_connected_1", "Stack/fully_connected_2", "Repeat/fully_connected_1"]
    assert [name.rpartition("/")[0] for name in names()][::2] == scopes


def test_arg_scope_sets_defaults_which_arguments_override(plain_graph):
    with slim.arg_scope([slim.fully_connected, slim.conv2d], activation_fn=None, biases_initializer=None) as outer:
        slim.fully_connected(tf.constant(ROWS), 2)
        with slim.arg_scope([slim.fully_connected], biases_initializer=tf.zeros_initializer(), scope="inner"):
            y = slim.fully_connected(tf.constant(ROWS), 2, activation_fn=tf.tanh)
    assert slim.current_arg_scope() == {}
    with slim.arg_scope(outer):
        slim.conv2d(tf.constant(IMAGES), 2, 3)
    assert names() == ["fully_connected/weights", "inner/weights", "inner/biases", "Conv/weights"]
    assert y.op.type == "Tanh"
    assert set(outer) == {slim.arg_scope_func_key(slim.fully_connected), slim.arg_scope_func_key(slim.conv2d)}


def test_functions_of_a_program_take_part_in_arg_scope():
    @slim.add_arg_scope
    def mine(a: int, b: int = 1, c: int = 2) -> tuple[int, int, int]:
        """What it does."""
        return a, b, c

    with slim.arg_scope([mine], b=5, c=6):
        assert mine(0, c=7) == (0, 5, 7)
    assert mine(0) == (0, 1, 2) and mine.__doc__ == "What it does."
    assert slim.has_arg_scope(mine) and slim.arg_scoped_arguments(mine) == ("b", "c")


def test_impossible_scopes_are_refused():
    for call, text in (
        (lambda: slim.arg_scope([len], b=1), "len takes no part in arg_scope"),
        (lambda: slim.arg_scope({}, b=1), "arguments beside an earlier scope"),
        (lambda: slim.arg_scope(slim.conv2d, b=1), "neither a list of functions nor an earlier scope"),
    ):
        with pytest.raises(errors.Tf1bnError, match=text), call():
            pass
    with pytest.raises(errors.ArgumentError, match="takes no part"):
        slim.arg_scoped_arguments(len)


def test_variables_are_found_by_scope_suffix_and_name(graph):
    w = slim.variable("w", shape=[2], initializer=tf.zeros_initializer(), collections=["a", "a", "variables"])
    with tf.variable_scope("s"):
        m = slim.model_variable("m", shape=[2], initializer=tf.zeros_initializer(), device="/cpu:0")
    assert tf.get_collection("a") == [w] and slim.get_model_variables() == [m]
    assert slim.get_variables() == [w, m] and slim.get_variables("s") == slim.get_variables(suffix="m") == [m]
    assert slim.get_variables_by_name("m") == slim.get_variables_by_suffix("m", "s") == [m]
    assert slim.get_trainable_variables("w") == [w] and slim.get_local_variables() == []
    assert slim.get_unique_variable("s/m") is m
    assert slim.get_variables_to_restore(include=["w"]) == slim.get_variables_to_restore(exclude=["s"]) == [w]
    assert slim.filter_variables([w, m], ["m"]) == slim.filter_variables([w, m], None, ["^w"], False) == [m]
    assert slim.local_variable(1.0) in tf.local_variables()
    for _ in range(2):
        slim.add_model_variable(w)
    assert slim.get_model_variables() == [m, w]
    with pytest.raises(errors.ArgumentError, match="no variable of that name. Got 's/n'. Did you mean 's/m'"):
        slim.get_unique_variable("s/n")
    with pytest.raises(errors.ArgumentTypeError, match="`exclude` is not a list"):
        slim.get_variables_to_restore(exclude="s")


def test_arguments_of_variables_can_be_scoped(graph):
    with slim.arg_scope([slim.model_variable, slim.variable], device="/cpu:0"):
        with slim.arg_scope([slim.model_variable], collections=["mine"]):
            slim.model_variable("m", shape=[2], initializer=tf.zeros_initializer())
    assert names("mine") == names(tf.GraphKeys.MODEL_VARIABLES) == ["m"]
    assert "CPU:0" in tf.global_variables()[0].device.upper()


def test_regularizers_penalise_weights(plain_graph, run):
    w = tf.constant(ROWS)
    one, two, both, summed = run(
        [
            slim.l1_regularizer(0.5)(w),
            slim.l2_regularizer(0.5)(w),
            slim.l1_l2_regularizer(0.5, 0.25)(w),
            slim.apply_regularization(slim.l2_regularizer(1.0), [w, w]),
        ]
    )
    ones, squares = np.abs(ROWS).sum(), np.square(ROWS).sum() / 2
    np.testing.assert_allclose([one, two], [0.5 * ones, 0.5 * squares], rtol=1e-5)
    np.testing.assert_allclose([both, summed], [0.5 * ones + 0.25 * squares, 2 * squares], rtol=1e-5)
    assert len(tf.get_collection(LOSSES)) == 1
    assert slim.l2_regularizer(0.0)(w) is None and slim.sum_regularizer([None]) is None
    assert slim.sum_regularizer([slim.l1_regularizer(0.0)])(w) is None
    assert slim.l1_l2_regularizer(0.0, 1.0)(w).op.name.startswith("l1_l2_regularizer")
    assert slim.l1_l2_regularizer(1.0, 0.0)(w).op.name.startswith("l1_l2_regularizer")


def test_impossible_regularizers_are_refused(plain_graph):
    for call, text in (
        (lambda: slim.l2_regularizer(1), "`scale` is not possible. Got 1;"),
        (lambda: slim.l1_regularizer(-0.5), "`scale` is not possible"),
        (lambda: slim.apply_regularization(tf.abs, [tf.ones([2])]), "a penalty is not a scalar"),
        (lambda: slim.apply_regularization(slim.l2_regularizer(0.1)), "no weights to regularize"),
    ):
        with pytest.raises(errors.ArgumentError, match=text):
            call()


@pytest.mark.parametrize("uniform", [True, False])
@pytest.mark.parametrize("mode, n", [("FAN_IN", 90), ("FAN_OUT", 180), ("FAN_AVG", 135)])
def test_initializers_have_the_variance_of_their_mode(plain_graph, run, uniform, mode, n):
    values = run(slim.variance_scaling_initializer(2.0, mode, uniform, seed=1)([3, 3, 10, 20]))
    # A normal distribution cut off at two deviations keeps 0.774 of its variance.
    wanted = 2.0 / n if uniform else 1.3 * 0.774 * 2.0 / n
    np.testing.assert_allclose(values.var(), wanted, rtol=0.1)


def test_xavier_is_uniform_over_both_fans(plain_graph, run):
    values = run(slim.xavier_initializer(seed=1)([50, 100]))
    assert 0.95 < np.abs(values).max() / np.sqrt(3.0 / 75) <= 1.0


def test_impossible_initializers_are_refused(plain_graph):
    for arguments, text in (({"mode": "FAN"}, "unknown `mode`. Got 'FAN'"), ({"dtype": tf.int32}, "non-floating")):
        with pytest.raises(errors.ArgumentTypeError, match=text):
            slim.variance_scaling_initializer(**arguments)
    with pytest.raises(errors.ArgumentTypeError, match="non-floating"):
        slim.xavier_initializer()([2, 2], dtype=tf.int32)


def test_named_outputs(plain_graph):
    x, y = tf.constant(1.0, name="x"), tf.constant(2.0, name="y")
    assert slim.utils.collect_named_outputs(None, "a", x) is x and slim.utils.get_tensor_aliases(x) == ["x"]
    slim.utils.collect_named_outputs("ends", "a/", x)
    slim.utils.collect_named_outputs(["ends", "more"], "b", y)
    slim.utils.append_tensor_alias(y, "c")
    assert slim.utils.gather_tensors_aliases([x, y]) == ["a", "b", "c"]
    assert slim.utils.convert_collection_to_dict("ends", clear_collection=True) == {"a": x, "b": y, "c": y}
    assert tf.get_collection("ends") == [] and slim.utils.convert_collection_to_dict("more") == {"b": y, "c": y}


def test_small_shape_questions():
    assert slim.utils.last_dimension(tf.TensorShape([2, 3])) == 3
    assert slim.utils.channel_dimension(tf.TensorShape([2, 3, 4, 5]), "NCHW") == 3
    assert slim.utils.get_variable_collections({"beta": ["a"]}, "gamma") is None


REFUSED: dict[str, tuple[Any, str]] = {
    "outputs": (lambda: slim.fully_connected(tf.constant(ROWS), 2.0), "`num_outputs` must be an integer"),
    "rank": (lambda: slim.conv2d(tf.constant(ROWS), 2, 3), "Convolution expects input with rank 4, got 2"),
    "axes": (lambda: slim.convolution(tf.constant(IMAGES), 2, 3, conv_dims=1), "expects input with rank 3, got 4"),
    "format of conv2d": (
        lambda: slim.conv2d(tf.constant(IMAGES), 2, 3, data_format="CHW"),
        "data_format has to be either",
    ),
    "format of pooling": (lambda: slim.max_pool2d(tf.constant(IMAGES), 2, data_format="HW"), "either NCHW or NHWC"),
    "format of bias_add": (lambda: slim.bias_add(tf.constant(IMAGES), data_format="HW"), "either NCHW or NHWC"),
    "rank of bias_add": (lambda: slim.bias_add(tf.constant(ROWS), data_format="NCHW"), "does not fit NCHW"),
    "channels of bias_add": (lambda: slim.bias_add(tf.placeholder(tf.float32, [2, None])), "undefined channel"),
    "rank of layer_norm": (lambda: slim.layer_norm(tf.placeholder(tf.float32)), "undefined rank"),
    "axis of layer_norm": (lambda: slim.layer_norm(tf.constant(ROWS), begin_norm_axis=2), r"must be < rank\(inputs\)"),
    "shape of layer_norm": (lambda: slim.layer_norm(tf.placeholder(tf.float32, [2, None])), "undefined channels"),
    "rank of instance_norm": (lambda: slim.instance_norm(tf.placeholder(tf.float32)), "undefined rank"),
    "format of instance_norm": (
        lambda: slim.instance_norm(tf.constant(IMAGES), data_format="HW"),
        "data_format has to be either NCHW or NHWC",
    ),
    "softmax": (lambda: slim.softmax(tf.ones([3])), "`logits` must have rank 2 or more"),
    "stack": (lambda: slim.stack(tf.constant(ROWS), slim.fully_connected, 3), "`stack_args` must be a list"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(plain_graph, case):
    call, text = REFUSED[case]
    with pytest.raises(errors.Tf1bnError, match=text):
        call()


ABSENT = {
    "tf.contrib has no 'boosted_trees'": lambda: contrib.boosted_trees,
    "tf.contrib.layers has no 'batch_nrom' in tf1bn. Did you mean 'batch_norm'": lambda: contrib.layers.batch_nrom,
    "tf.contrib.framework has no 'fuse_opp' in tf1bn. Did you mean 'fuse_op'": lambda: contrib.framework.fuse_opp,
    "slim has no 'cov2d' in tf1bn. Did you mean 'conv2d'": lambda: slim.cov2d,
    "slim.learning has no 'trian' in tf1bn. Did you mean 'train'": lambda: slim.learning.trian,
    "tf.contrib.training has no 'no_queue'": lambda: contrib.training.no_queue,
    "tf.contrib.losses has no 'no_loss'": lambda: contrib.losses.no_loss,
}


@pytest.mark.parametrize("text", ABSENT)
def test_absent_names_say_so(text):
    with pytest.raises(errors.AbsentError, match=text):
        ABSENT[text]()


def test_modules_are_reached_from_contrib():
    assert contrib.slim is slim and contrib.layers.batch_norm is slim.batch_norm
    assert contrib.framework.arg_scope is slim.arg_scope and contrib.losses is slim.losses
    assert not hasattr(contrib, "ignite")
    for module in (contrib.layers, contrib.framework, contrib.losses, contrib.training, slim, slim.learning):
        assert all(hasattr(module, name) for name in module.__all__)
