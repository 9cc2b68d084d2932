"""Layer objects of tf.layers: sizes of any kind, what they tell of themselves, and what they ask of inputs."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import slim
from tf1bn.compat import tf_layers as layers

IMAGES = np.random.RandomState(0).randn(2, 5, 5, 3).astype(np.float32)

SIZES = {
    "numbers": [2, 3],
    "a shape": tf.TensorShape([2, 3]),
    "dimensions": [tf.Dimension(2), tf.Dimension(3)],
    "an array": np.array([2, 3], np.int64),
    "numbers of NumPy": (np.int32(2), np.int64(3)),
}


@pytest.mark.parametrize("kind", SIZES)
def test_windows_and_strides_are_sequences_of_any_kind(plain_graph, kind):
    x, size = tf.constant(IMAGES), SIZES[kind]
    convolved = [
        layers.conv2d(x, np.int64(4), size, size),
        layers.conv2d(x, tf.Dimension(4), tf.constant([2, 3]), size),
        slim.conv2d(x, 4, size, size, padding="VALID"),
        slim.separable_conv2d(x, 4, size, 1, padding="VALID", stride=2),
        layers.max_pooling2d(x, size, size),
        slim.avg_pool2d(x, size, size),
    ]
    assert [y.shape.as_list()[1:3] for y in convolved] == [[2, 1]] * 3 + [[2, 2]] + [[2, 1]] * 2
    transposed = [layers.conv2d_transpose(x, 4, size, size), slim.conv2d_transpose(x, 4, size, size)]
    assert [y.shape.as_list()[1:3] for y in transposed] == [[10, 15]] * 2


@pytest.mark.parametrize("size", ["ab", [2], (2, 2, 2), 0, (3, 0), 2.5, None, tf.TensorShape([2, None])])
def test_what_is_no_window_is_refused(plain_graph, size):
    with pytest.raises(ValueError, match="`kernel_size` is no window size"):
        layers.conv2d(tf.constant(IMAGES), 4, size)


def test_the_number_of_outputs_may_be_a_dimension(plain_graph):
    width = tf.constant(IMAGES).shape[3]
    assert layers.dense(tf.ones([2, 7]), width).shape.as_list() == [2, 3]
    assert slim.fully_connected(tf.ones([2, 7]), np.int64(3)).shape.as_list() == [2, 3]
    for units in (-1, 0, None):
        with pytest.raises(ValueError, match="`units` is not possible"):
            layers.Dense(units)


def test_dense_computes_its_output_shape_from_a_defined_last_dimension():
    layer = layers.Dense(4)
    assert layer.compute_output_shape(np.array([2, 5, 3])).as_list() == [2, 5, 4]
    assert layer.compute_output_shape([None, 3]).as_list() == [None, 4]
    for shape in ([2, None], [3], None):
        with pytest.raises(ValueError, match="rank at least 2 and a defined last dimension"):
            layer.compute_output_shape(shape)


MADE = {
    "Dense": lambda: layers.Dense(2, activation=tf.nn.relu, kernel_initializer=tf.constant_initializer(0.5)),
    "Conv2D": lambda: layers.Conv2D(3, 2, padding="same", use_bias=False),
    "Conv2DTranspose": lambda: layers.Conv2DTranspose(3, [2, 3], strides=2, name="up"),
    "SeparableConv2D": lambda: layers.SeparableConv2D(3, 2, depth_multiplier=2),
    "MaxPooling2D": lambda: layers.MaxPooling2D(2, 3),
    "BatchNormalization": lambda: layers.BatchNormalization(momentum=0.5, scale=False),
    "Dropout": lambda: layers.Dropout(0.3, seed=1),
    "Flatten": lambda: layers.Flatten(),
}


@pytest.mark.parametrize("kind", MADE)
def test_a_configuration_makes_the_same_layer_again(graph, run, kind):
    layer = MADE[kind]()
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config and config["name"] == layer.name
    x = tf.constant(IMAGES)
    assert again(x).shape.as_list() == layer(x).shape.as_list()
    assert [v.shape.as_list() for v in again.weights] == [v.shape.as_list() for v in layer.weights]


def test_a_configuration_is_plain_data():
    config = MADE["Dense"]().get_config()
    assert config["activation"] == "relu" and config["units"] == 2 and config["use_bias"] is True
    assert config["kernel_initializer"]["class_name"] == "Constant"
    assert config["kernel_initializer"]["config"]["value"] == 0.5
    assert layers.Dense(2).get_config()["activation"] == "linear"
    with pytest.raises(ValueError, match="no initializer of that class"):
        layers.Dense(2, kernel_initializer={"class_name": "Nobody", "config": {}})


def test_values_of_variables_are_read_and_set_in_the_default_session(graph):
    layer = layers.Dense(2)
    y = layer(tf.ones([1, 3]))
    with pytest.raises(RuntimeError, match="no default session"):
        layer.get_weights()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        layer.set_weights([np.full([3, 2], 2.0), np.array([1.0, -1.0])])
        np.testing.assert_array_equal(layer.get_weights()[1], [1.0, -1.0])
        np.testing.assert_array_equal(session.run(y), [[7.0, 5.0]])
        with pytest.raises(ValueError, match="do not fit the variables"):
            layer.set_weights([np.zeros([3, 2])])


def test_a_layer_knows_its_calls(plain_graph):
    layer = layers.Dense(2)
    with pytest.raises(AttributeError, match="called 0 times"):
        layer.input  # noqa: B018
    x = tf.placeholder(tf.float32, [None, 3])
    y = layer(x)
    assert layer.input is x and layer.output is y and layer.graph is x.graph
    assert layer.input_shape.as_list() == [None, 3] and layer.output_shape.as_list() == [None, 2]
    z = layer(tf.ones([4, 3]))
    assert layer.get_input_at(0) is x and layer.get_output_at(1) is z
    assert layer.get_output_shape_at(1).as_list() == [4, 2] and layer.get_input_shape_at(0).as_list() == [None, 3]
    with pytest.raises(AttributeError, match="called 2 times.*get_output_at"):
        layer.output  # noqa: B018
    with pytest.raises(AttributeError, match="called 2 times"):
        layer.output_shape  # noqa: B018
    with pytest.raises(ValueError, match="called 2 times"):
        layer.get_input_at(2)
    assert layer.get_input_mask_at(0) is None and layer.compute_mask(x) is None
    assert layer.inbound_nodes == layer.outbound_nodes == []
    with pytest.raises(TypeError, match="takes no mask"):
        layer.compute_mask(x, x)


def test_updates_and_losses_belong_to_inputs(graph):
    layer = layers.BatchNormalization(gamma_regularizer=tf.nn.l2_loss)
    x, other = tf.constant(IMAGES), tf.constant(IMAGES)
    layer(x, training=True)
    layer(other, training=True)
    assert len(layer.get_updates_for(x)) == len(layer.get_updates_for(other)) == 2 and len(layer.updates) == 4
    assert layer.get_updates_for(None) == [] and layer.get_losses_for(x) == []
    assert layer.get_losses_for(None) == layer.losses != []


def test_metrics_signatures_and_scopes_of_a_layer(plain_graph, run):
    class Pair(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = layers.Dense(2, name="first"), layers.Flatten()

    layer = layers.Dense(2, name="d")
    layer.add_metric(tf.constant([1.0, 3.0]), aggregation="mean")
    assert run(layer.metrics) == [2.0]
    with pytest.raises(ValueError, match="unknown aggregation"):
        layer.add_metric(tf.ones([]), aggregation="sum")
    signature = layer.compute_output_signature(tf.TensorSpec([None, 3], tf.float32))
    assert signature.shape.as_list() == [None, 2] and signature.dtype == tf.float32
    assert layer.name_scope() == "d" and not layer.stateful and not layer.dynamic and not layer.supports_masking
    made = type(layer).with_name_scope(lambda self: tf.ones([], name="x"))(layer)
    assert made.op.name == "d/x"
    pair = Pair()
    assert set(pair.submodules) == {pair.first, pair.second}


def test_input_specs_hold_for_later_calls(plain_graph):
    layer = layers.Conv2D(2, 1)
    assert layer.input_spec.ndim == 4
    layer(tf.constant(IMAGES))
    assert layer.input_spec.axes == {-1: 3}
    with pytest.raises(ValueError, match="`inputs` do not fit"):
        layer(tf.ones([2, 5, 5, 4]))
    with pytest.raises(ValueError, match="`inputs` must have rank 4"):
        layers.Conv2D(2, 1)(tf.ones([2, 5, 5]))


def test_an_input_spec_checks_rank_sizes_and_dtype(plain_graph):
    spec = layers.InputSpec(dtype="float32", min_ndim=2, max_ndim=3, axes={-1: 3})
    assert repr(spec) == "InputSpec(dtype=float32, max_ndim=3, min_ndim=2, axes={-1: 3})"
    spec.require(tf.ones([2, 3]))
    spec.require(tf.placeholder(tf.float32, None))
    for wrong in (tf.ones([3]), tf.ones([1, 1, 1, 3]), tf.ones([2, 4])):
        with pytest.raises(errors.ShapeError, match="do not fit"):
            spec.require(wrong)
    with pytest.raises(ValueError, match="another dtype"):
        spec.require(tf.ones([2, 3], tf.int32))
    layers.InputSpec(shape=(None, 3)).require(tf.ones([5, 3]))
    with pytest.raises(errors.ShapeError):
        layers.InputSpec(shape=(None, 3)).require(tf.ones([5, 2]))
    with pytest.raises(ValueError, match="`axes` names an axis"):
        layers.InputSpec(ndim=2, axes={2: 1})


def test_own_layers_take_a_spec_of_their_own(plain_graph):
    class Mine(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.input_spec = [layers.InputSpec(ndim=2), layers.InputSpec(ndim=1)]

        def call(self, inputs):
            return inputs[0] + inputs[1]

    assert Mine()([tf.ones([2, 3]), tf.ones([3])]).shape.as_list() == [2, 3]
    with pytest.raises(ValueError, match="must have rank 2"):
        Mine()([tf.ones([2]), tf.ones([3])])
