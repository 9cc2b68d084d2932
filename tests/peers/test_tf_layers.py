"""tf1bn.compat.tf_layers beside the original: names, shapes, dtypes, order, collections, outputs, gradients."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tests.peers import beside
from tests.peers.beside import Feeds
from tf1bn.compat import tf_layers

RNG = np.random.RandomState(0)


def array(*shape: int, dtype: str = "float32") -> Any:
    return (RNG.randn(*shape) * 1.5 + 0.5).astype(dtype)


def square(w: Any) -> Any:
    return tf.reduce_sum(tf.square(w))


SHAPES = {2: (12, 4), 3: (6, 5, 4), 4: (6, 4, 5, 4), 5: (4, 3, 4, 2, 4)}
BN = {
    "default": {},
    "inputs of rank 3": {"rank": 3},
    "inputs of rank 4": {"rank": 4},
    "inputs of rank 5": {"rank": 5},
    "not fused": {"rank": 4, "fused": False},
    "fused asked for": {"rank": 4, "fused": True},
    "fused asked for at rank 2": {"fused": True},
    "channels first": {"rank": 4, "axis": 1},
    "channels second": {"rank": 4, "axis": 2},
    "channels first at rank 5": {"rank": 5, "axis": 1},
    "two axes": {"rank": 4, "axis": [1, 2]},
    "momentum": {"momentum": 0.7, "epsilon": 1e-5},
    "epsilon of 1e-8": {"rank": 4, "epsilon": 1e-8},
    "no center": {"center": False},
    "no scale": {"rank": 4, "scale": False},
    "neither": {"rank": 4, "center": False, "scale": False},
    "initializers": {
        "beta_initializer": tf.ones_initializer(),
        "gamma_initializer": tf.constant_initializer(2.0),
        "moving_mean_initializer": tf.constant_initializer(0.5),
        "moving_variance_initializer": tf.constant_initializer(3.0),
    },
    "regularizers": {"beta_regularizer": square, "gamma_regularizer": square},
    "not trainable": {"trainable": False},
    "not trainable at rank 4": {"rank": 4, "trainable": False},
    "named": {"name": "norm"},
    "named with a slash": {"name": "a/b"},
    "renorm": {"renorm": True, "renorm_clipping": {"rmax": 2.0, "rmin": 0.5, "dmax": 1.0}, "renorm_momentum": 0.8},
    "renorm at rank 4": {"rank": 4, "renorm": True},
    "virtual batches": {"virtual_batch_size": 4},
    "virtual batches at rank 4": {"rank": 4, "virtual_batch_size": 2},
    "adjustment": {
        "rank": 4,
        "adjustment": lambda shape: (tf.ones([shape[0], 1, 1, 1]) * 1.5, tf.ones([shape[0], 1, 1, 1]) * 0.25),
    },
    "half precision": {"dtype": "float16"},
    "half precision at rank 4": {"rank": 4, "dtype": "float16"},
    "double precision": {"dtype": "float64"},
    "double precision at rank 4": {"rank": 4, "dtype": "float64"},
}


@pytest.mark.parametrize("training", ["True", "False", "fed True", "fed False", "constant"])
@pytest.mark.parametrize("case", BN)
def test_batch_normalization(case: str, training: str, resource: bool) -> None:
    arguments = dict(BN[case])
    rank, dtype = arguments.pop("rank", 2), arguments.pop("dtype", "float32")
    fed = {"fed True": True, "fed False": False}.get(training)

    def build(layers: Any, inputs: Any) -> Any:
        switch = {"True": True, "False": False, "constant": tf.constant(True)}.get(training)
        given = inputs["training"] if fed is not None else switch
        return layers.batch_normalization(inputs["x"], training=given, **arguments)

    exact = dtype != "float16"
    beside.both(
        tf.layers,
        tf_layers,
        build,
        Feeds({"x": array(*SHAPES[rank], dtype=dtype)}, fed),
        resource,
        **({} if exact else {"rtol": 2e-2, "atol": 5e-2}),
    )


def two_unnamed(layers: Any, inputs: Any) -> Any:
    y = layers.batch_normalization(inputs["x"], training=True)
    return layers.batch_normalization(y, training=True)


def scope_reused(layers: Any, inputs: Any) -> Any:
    for reuse in (None, True, tf.AUTO_REUSE):
        with tf.variable_scope("s", reuse=reuse):
            y = layers.batch_normalization(inputs["x"], training=reuse is None)
            y = layers.dense(layers.batch_normalization(y), 3)
    return y


def reused_by_argument(layers: Any, inputs: Any) -> Any:
    layers.batch_normalization(inputs["x"], training=True, name="bn")
    layers.batch_normalization(inputs["x"], training=False, name="bn", reuse=tf.AUTO_REUSE)
    return layers.batch_normalization(inputs["x"], training=True, name="bn", reuse=True)


def reused_without_name(layers: Any, inputs: Any) -> Any:
    layers.batch_normalization(inputs["x"])
    layers.batch_normalization(inputs["x"])
    return layers.batch_normalization(inputs["x"], reuse=True)


def reuse_cannot_be_switched_off(layers: Any, inputs: Any) -> Any:
    layers.batch_normalization(inputs["x"], name="bn")
    with tf.variable_scope("", reuse=True):
        return layers.batch_normalization(inputs["x"], name="bn", reuse=False)


def less_is_reused(layers: Any, inputs: Any) -> Any:
    layers.batch_normalization(inputs["x"], name="bn")
    return layers.batch_normalization(inputs["x"], name="bn", reuse=True, scale=False)


def one_object_twice(layers: Any, inputs: Any) -> Any:
    layer = layers.BatchNormalization(momentum=0.5, name="bn")
    layer(inputs["x"], training=True)
    y = layer.apply(inputs["x"] * 2.0, training=True)
    assert [v.op.name for v in layer.variables] == ["bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance"]
    assert [v.op.name for v in layer.trainable_variables] == ["bn/gamma", "bn/beta"]
    assert [v.op.name for v in layer.non_trainable_variables] == ["bn/moving_mean", "bn/moving_variance"]
    assert (layer.gamma.op.name, layer.moving_variance.op.name) == ("bn/gamma", "bn/moving_variance")
    assert len(layer.updates) == 4 and layer.name == "bn" and layer.losses == []
    return y


def object_with_scope(layers: Any, inputs: Any) -> Any:
    layer = layers.BatchNormalization(_scope="outer", _reuse=tf.AUTO_REUSE, trainable=True)
    with tf.variable_scope("elsewhere"):
        layer(inputs["x"], training=True)
    first = layers.Dense(4)
    second = layers.Dense(4)
    assert (layer.name, first.name, second.name) == ("batch_normalization_1", "dense_1", "dense_2")
    with tf.variable_scope("late"):
        y = second.apply(inputs["x"], scope="chosen")
    assert second.scope_name == "late/chosen"
    return first(y)


def regularized_scope(layers: Any, inputs: Any) -> Any:
    with tf.variable_scope("s", regularizer=square, initializer=tf.constant_initializer(0.3)):
        y = layers.dense(inputs["x"], 4, kernel_regularizer=square, activity_regularizer=square)
        return layers.batch_normalization(y, training=True, gamma_regularizer=square)


def partitioned_scope(layers: Any, inputs: Any) -> Any:
    with tf.variable_scope("s", partitioner=tf.fixed_size_partitioner(2)):
        y = layers.dense(inputs["x"], 4, use_bias=False)
        return layers.batch_normalization(y, training=True)


def renaming_getter(layers: Any, inputs: Any) -> Any:
    def getter(getter: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        return getter(name.replace("moving_mean", "mean/EMA"), *args, **kwargs)

    with tf.variable_scope("s", custom_getter=getter):
        return layers.batch_normalization(layers.dense(inputs["x"], 4), training=True)


def in_name_scope(layers: Any, inputs: Any) -> Any:
    with tf.name_scope("ns"):
        y = layers.batch_normalization(inputs["x"], training=True)
    assert y.op.name.startswith("ns/batch_normalization/")
    return y


def regularizer_under_reuse(layers: Any, inputs: Any) -> Any:
    for reuse in (False, True):
        y = layers.dense(inputs["x"], 4, kernel_regularizer=square, bias_regularizer=square, name="d", reuse=reuse)
    return layers.batch_normalization(y)


PROGRAMS = [
    two_unnamed,
    scope_reused,
    reused_by_argument,
    reused_without_name,
    reuse_cannot_be_switched_off,
    less_is_reused,
    one_object_twice,
    object_with_scope,
    regularized_scope,
    partitioned_scope,
    renaming_getter,
    in_name_scope,
    regularizer_under_reuse,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_program(program: Any, resource: bool) -> None:
    races = program in (reused_by_argument, one_object_twice)
    beside.both(tf.layers, tf_layers, program, Feeds({"x": array(12, 4)}), resource, races=races)


def same_name_twice(layers: Any, x: Any) -> Any:
    layers.batch_normalization(x, name="bn")
    layers.batch_normalization(x, name="bn")


def scope_entered_twice(layers: Any, x: Any) -> Any:
    for _ in range(2):
        with tf.variable_scope("s"):
            layers.batch_normalization(x)


def nothing_to_reuse(layers: Any, x: Any) -> Any:
    layers.batch_normalization(x, name="bn", reuse=True)


def more_is_reused(layers: Any, x: Any) -> Any:
    layers.batch_normalization(x, name="bn", scale=False)
    layers.batch_normalization(x, name="bn", reuse=True)


def other_channels(layers: Any, x: Any) -> Any:
    layers.batch_normalization(x, name="bn")
    layers.batch_normalization(x[:, :2], name="bn", reuse=True)


def dense_twice(layers: Any, x: Any) -> Any:
    layers.dense(x, 3, name="d")
    layers.dense(x, 3, name="d")


def unknown_channels(layers: Any, x: Any) -> Any:
    layers.batch_normalization(tf.placeholder(tf.float32, [None, None]))


def unknown_rank(layers: Any, x: Any) -> Any:
    layers.batch_normalization(tf.placeholder(tf.float32))


def conv_of_unknown_channels(layers: Any, x: Any) -> Any:
    layers.conv2d(tf.placeholder(tf.float32, [None, 4, 4, None]), 3, 3)


def axis_out_of_range(layers: Any, x: Any) -> Any:
    layers.batch_normalization(x, axis=2)


def axis_twice(layers: Any, x: Any) -> Any:
    layers.batch_normalization(x, axis=[1, 1])


def no_virtual_batch(layers: Any, x: Any) -> Any:
    layers.batch_normalization(x, virtual_batch_size=0)


def training_is_text(layers: Any, x: Any) -> Any:
    layers.batch_normalization(x, training="yes")


def whole_numbers(layers: Any, x: Any) -> Any:
    layers.batch_normalization(tf.ones([2, 3], tf.int32), training=True)


REFUSED = [
    same_name_twice,
    scope_entered_twice,
    nothing_to_reuse,
    more_is_reused,
    other_channels,
    dense_twice,
    unknown_channels,
    unknown_rank,
    conv_of_unknown_channels,
    axis_out_of_range,
    axis_twice,
    no_virtual_batch,
    training_is_text,
    whole_numbers,
]


@pytest.mark.parametrize("program", REFUSED, ids=lambda program: program.__name__)
def test_what_the_original_refuses_is_refused_with_the_same_class(program: Any) -> None:
    raised = []
    for layers in (tf.layers, tf_layers):
        with tf.Graph().as_default(), pytest.raises((ValueError, TypeError)) as caught:
            program(layers, tf.placeholder(tf.float32, [None, 4]))
        raised.append(ValueError if isinstance(caught.value, ValueError) else TypeError)
    assert raised[0] is raised[1]


LINEAR: dict[str, tuple[Any, tuple[int, ...]]] = {
    "dense": (lambda t, x: t.dense(x, 3), (6, 4)),
    "dense of rank 3": (lambda t, x: t.dense(x, 3, activation=tf.nn.relu), (3, 5, 4)),
    "dense by position": (lambda t, x: t.dense(x, 3, tf.tanh, False, tf.ones_initializer()), (6, 4)),
    "dense with names": (lambda t, x: t.dense(x, 3, activation="relu", kernel_initializer="he_normal"), (6, 4)),
    "dense, all regularized": (
        lambda t, x: t.dense(
            x, 3, kernel_regularizer=square, bias_regularizer=square, activity_regularizer=square, name="d"
        ),
        (6, 4),
    ),
    "dense, fixed": (lambda t, x: t.dense(x, 3, trainable=False), (6, 4)),
    "conv1d": (lambda t, x: t.conv1d(x, 3, 3), (3, 7, 4)),
    "conv1d same, strided": (lambda t, x: t.conv1d(x, 3, 3, 2, "same"), (3, 7, 4)),
    "conv1d causal, dilated": (lambda t, x: t.Conv1D(3, 2, padding="causal", dilation_rate=2)(x), (3, 7, 4)),
    "conv1d, channels first": (lambda t, x: t.conv1d(x, 3, 3, data_format="channels_first"), (3, 4, 7)),
    "conv2d": (lambda t, x: t.conv2d(x, 3, 3), (3, 6, 7, 4)),
    "conv2d same, strided": (lambda t, x: t.conv2d(x, 3, (3, 2), (2, 2), "SAME", activation=tf.nn.relu), (3, 6, 7, 4)),
    "conv2d dilated": (lambda t, x: t.conv2d(x, 3, 3, dilation_rate=2, padding="same"), (3, 6, 7, 4)),
    "conv2d without bias": (lambda t, x: t.conv2d(x, 3, 3, use_bias=False, name="c"), (3, 6, 7, 4)),
    "conv2d regularized": (
        lambda t, x: t.conv2d(x, 3, 3, kernel_regularizer=square, activity_regularizer=square),
        (3, 6, 7, 4),
    ),
    "conv3d": (lambda t, x: t.conv3d(x, 3, 2), (2, 4, 5, 3, 4)),
    "conv3d same, strided": (lambda t, x: t.conv3d(x, 3, 3, (1, 2, 2), "same"), (2, 4, 5, 3, 4)),
    "conv2d_transpose": (lambda t, x: t.conv2d_transpose(x, 3, 3), (3, 4, 5, 4)),
    "conv2d_transpose same, strided": (lambda t, x: t.conv2d_transpose(x, 3, 3, 2, "same"), (3, 4, 5, 4)),
    "conv2d_transpose valid, strided": (lambda t, x: t.conv2d_transpose(x, 3, (2, 3), (3, 2)), (3, 4, 5, 4)),
    "conv3d_transpose": (lambda t, x: t.conv3d_transpose(x, 3, 2), (2, 3, 4, 3, 4)),
    "conv3d_transpose same, strided": (lambda t, x: t.conv3d_transpose(x, 3, 3, 2, "same"), (2, 3, 4, 3, 4)),
    "separable_conv1d": (lambda t, x: t.separable_conv1d(x, 3, 3), (3, 7, 4)),
    "separable_conv1d same, strided": (
        lambda t, x: t.separable_conv1d(x, 3, 3, strides=2, padding="same", depth_multiplier=2),
        (3, 7, 4),
    ),
    "separable_conv2d": (lambda t, x: t.separable_conv2d(x, 3, 3), (3, 6, 7, 4)),
    "separable_conv2d, all": (
        lambda t, x: t.separable_conv2d(
            x,
            3,
            (3, 3),
            (2, 2),
            "same",
            depth_multiplier=2,
            activation=tf.nn.relu,
            depthwise_regularizer=square,
            pointwise_regularizer=square,
        ),
        (3, 6, 7, 4),
    ),
    "separable_conv2d dilated": (lambda t, x: t.separable_conv2d(x, 3, 2, dilation_rate=2), (3, 6, 7, 4)),
    "dropout, inference": (lambda t, x: t.dropout(x, 0.4), (6, 4)),
    "flatten": (lambda t, x: t.flatten(x), (3, 4, 5)),
    "flatten of rank 2": (lambda t, x: t.flatten(x), (3, 4)),
    "flatten, channels first": (lambda t, x: t.flatten(x, data_format="channels_first"), (3, 4, 5)),
    "max_pooling1d": (lambda t, x: t.max_pooling1d(x, 2, 2), (3, 7, 4)),
    "max_pooling1d same": (lambda t, x: t.max_pooling1d(x, 3, 1, "same"), (3, 7, 4)),
    "average_pooling1d": (lambda t, x: t.average_pooling1d(x, 3, 2), (3, 7, 4)),
    "max_pooling2d": (lambda t, x: t.max_pooling2d(x, 2, 2), (3, 6, 7, 4)),
    "max_pooling2d same": (lambda t, x: t.max_pooling2d(x, (3, 2), (2, 1), "same"), (3, 6, 7, 4)),
    "average_pooling2d": (lambda t, x: t.average_pooling2d(x, [2, 3], [2, 2], padding="same"), (3, 6, 7, 4)),
    "max_pooling3d": (lambda t, x: t.max_pooling3d(x, 2, 2), (2, 4, 5, 3, 4)),
    "average_pooling3d": (lambda t, x: t.average_pooling3d(x, 2, (1, 2, 1), "same"), (2, 4, 5, 3, 4)),
}


@pytest.mark.parametrize("case", LINEAR)
def test_layer(case: str, resource: bool) -> None:
    function, shape = LINEAR[case]
    beside.both(tf.layers, tf_layers, lambda t, i: function(t, i["x"]), Feeds({"x": array(*shape)}), resource)


@pytest.mark.parametrize("case", LINEAR)
def test_output_shapes_told_in_advance_are_those_of_the_outputs(case: str) -> None:
    function, shape = LINEAR[case]
    with tf.Graph().as_default():
        y = function(tf_layers, tf.placeholder(tf.float32, [None, *shape[1:]]))
    assert y.shape.as_list()[0] is None
    assert None not in y.shape.as_list()[1:]


def network(layers: Any, inputs: Any) -> Any:
    y = layers.conv2d(inputs["x"], 4, 3, use_bias=False)
    y = tf.nn.relu(layers.batch_normalization(y, training=inputs["training"]))
    y = layers.max_pooling2d(y, 2, 2)
    y = layers.separable_conv2d(y, 4, 2, padding="same")
    y = layers.conv2d_transpose(y, 3, 2)
    y = layers.dense(layers.flatten(y), 5)
    y = layers.batch_normalization(y, training=inputs["training"], renorm=True)
    return layers.dropout(y, 0.5, training=False)


@pytest.mark.parametrize("training", [True, False])
def test_network(training: bool, resource: bool) -> None:
    beside.both(
        tf.layers, tf_layers, network, Feeds({"x": array(8, 8, 8, 3)}, training), resource, rtol=1e-3, atol=1e-3
    )


def test_checkpoints_are_exchanged_both_ways(tmp_path: pathlib.Path) -> None:
    feeds = Feeds({"x": array(8, 8, 8, 3)}, True)
    beside.restored(tf.layers, tf_layers, network, feeds, tmp_path)
    beside.restored(tf_layers, tf.layers, network, feeds, tmp_path)
