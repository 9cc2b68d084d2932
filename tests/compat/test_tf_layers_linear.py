"""Dense, convolutional, pooling and shape layers of tf_layers against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import tf_layers as layers

RNG = np.random.RandomState(0)
IMAGES = RNG.randn(2, 5, 6, 3).astype(np.float32)
ROWS = RNG.randn(4, 3).astype(np.float32)
LOSSES = tf.GraphKeys.REGULARIZATION_LOSSES


def names() -> list[str]:
    return [v.op.name for v in tf.global_variables()]


def slid(x: Any, kernel: Any, strides: tuple[int, int] = (1, 1)) -> Any:
    """The cross-correlation of images with a kernel, nothing padded."""
    h, w = kernel.shape[:2]
    rows = range(0, x.shape[1] - h + 1, strides[0])
    columns = range(0, x.shape[2] - w + 1, strides[1])
    windows = [[np.tensordot(x[:, i : i + h, j : j + w], kernel, 3) for j in columns] for i in rows]
    return np.transpose(np.asarray(windows), [2, 0, 1, 3])


def test_dense_multiplies_adds_and_activates(graph, run):
    layer = layers.Dense(2, activation=tf.nn.relu, bias_initializer=tf.ones_initializer())
    y = layer(tf.constant(ROWS))
    kernel, bias = run(layer.variables)
    np.testing.assert_allclose(run(y), np.maximum(ROWS @ kernel + bias, 0), rtol=1e-5, atol=1e-6)
    assert names() == ["dense/kernel", "dense/bias"] and y.op.name == "dense/Relu"
    assert (layer.units, layer.use_bias, layer.activation) == (2, True, tf.nn.relu)
    assert layer.compute_output_shape([None, 7, 3]).as_list() == [None, 7, 2]
    assert tf.get_collection(tf.GraphKeys.MODEL_VARIABLES) == []


def test_dense_of_higher_rank_multiplies_the_last_axis(graph, run):
    y = layers.dense(tf.constant(IMAGES), 2, use_bias=False)
    np.testing.assert_allclose(run(y), IMAGES @ run(tf.global_variables()[0]), rtol=1e-5, atol=1e-5)


def test_two_calls_of_one_object_share_and_the_second_is_numbered_as_an_op(graph):
    layer = layers.Dense(2)
    assert [layer(tf.constant(ROWS)).op.name for _ in range(2)] == ["dense/BiasAdd", "dense/BiasAdd_1"]
    assert len(tf.global_variables()) == 2


def test_the_activity_loss_is_per_example(graph, run):
    layer = layers.Dense(2, activity_regularizer=lambda y: tf.reduce_sum(tf.square(y)))
    y = layer(tf.constant(ROWS))
    assert layer.losses == tf.get_collection(LOSSES) and callable(layer.activity_regularizer)
    np.testing.assert_allclose(run(layer.losses[0]), np.sum(np.square(run(y))) / 4, rtol=1e-5)


def test_regularizers_of_layer_and_scope_both_count_and_once_under_reuse(graph, run):
    with tf.variable_scope("s", regularizer=tf.nn.l2_loss, reuse=tf.AUTO_REUSE):
        for _ in range(2):
            layers.dense(tf.constant(ROWS), 2, kernel_regularizer=tf.nn.l2_loss, use_bias=False, name="d")
    first, second = run(tf.get_collection(LOSSES))
    assert first == second


def test_a_scope_initializes_kernels_and_a_fixed_layer_trains_nothing(graph, run):
    with tf.variable_scope("s", initializer=tf.constant_initializer(0.5)):
        layer = layers.Dense(2, trainable=False)
        layer(tf.constant(ROWS))
    assert layer.trainable_variables == tf.trainable_variables() == []
    np.testing.assert_array_equal(run(layer.non_trainable_variables[0]), np.full([3, 2], 0.5))


@pytest.mark.parametrize("strides", [(1, 1), (2, 3)])
def test_conv2d_slides_a_window(graph, run, strides):
    y = layers.conv2d(tf.constant(IMAGES), 4, [3, 2], strides)
    kernel = run(tf.global_variables()[0])
    np.testing.assert_allclose(run(y), slid(IMAGES, kernel, strides), rtol=1e-4, atol=1e-5)
    assert names() == ["conv2d/kernel", "conv2d/bias"]


def test_channels_first_is_channels_last_transposed(graph, run):
    given = {"kernel_initializer": tf.constant_initializer(RNG.randn(3, 3, 3, 4))}
    last = layers.conv2d(tf.constant(IMAGES), 4, 3, padding="same", **given)
    first = layers.conv2d(
        tf.transpose(tf.constant(IMAGES), [0, 3, 1, 2]), 4, 3, padding="same", data_format="channels_first", **given
    )
    first, last = run([first, last])
    np.testing.assert_allclose(first, np.transpose(last, [0, 3, 1, 2]), rtol=1e-5, atol=1e-5)


def test_conv1d_and_conv3d_are_conv2d_with_one_axis_less_or_more(graph, run):
    kernel = RNG.randn(2, 3, 3, 4).astype(np.float32)
    y1 = layers.conv1d(tf.constant(IMAGES[:, 0]), 4, 3, kernel_initializer=tf.constant_initializer(kernel[:1]))
    y3 = layers.conv3d(tf.constant(IMAGES[:, None]), 4, (1, 2, 3), kernel_initializer=tf.constant_initializer(kernel))
    y1, y3 = run([y1, y3])
    np.testing.assert_allclose(y1, slid(IMAGES[:, :1], kernel[:1])[:, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(y3[:, 0], slid(IMAGES, kernel), rtol=1e-4, atol=1e-5)


def test_a_causal_convolution_sees_no_later_entry(graph, run):
    x = tf.placeholder(tf.float32, [1, 6, 2])
    layer = layers.Conv1D(3, 2, padding="causal", dilation_rate=2)
    y = layer(x)
    base = np.ones([1, 6, 2], np.float32)
    later = base.copy()
    later[:, 4:] = 7
    one, two = run(y, {x: base}), run(y, {x: later})
    np.testing.assert_array_equal(one[:, :4], two[:, :4])
    assert layer.compute_output_shape([1, 6, 2]).as_list() == [1, 6, 3] == list(one.shape)


@pytest.mark.parametrize("padding, size", [("valid", (11, 13)), ("same", (10, 12))])
def test_a_transposed_convolution_is_the_gradient_of_a_convolution(graph, run, padding, size):
    x = tf.placeholder(tf.float32, [None, 5, 6, 3])
    layer = layers.Conv2DTranspose(4, 3, 2, padding)
    y = layer(x)
    assert y.shape.as_list() == [None, *size, 4] == layer.compute_output_shape(x.shape).as_list()
    kernel = tf.convert_to_tensor(layer.kernel)
    image = tf.zeros([2, *size, 4])
    back = tf.nn.conv2d(image, kernel, strides=2, padding=padding.upper())
    wanted = tf.gradients(back, image, tf.constant(IMAGES))[0]
    np.testing.assert_allclose(*run([y, wanted], {x: IMAGES}), rtol=1e-4, atol=1e-5)


def test_a_transposed_convolution_of_volumes(graph, run):
    y = layers.conv3d_transpose(tf.ones([1, 2, 3, 2, 2]), 3, 2, 2, kernel_initializer=tf.ones_initializer())
    np.testing.assert_array_equal(run(y), np.full([1, 4, 6, 4, 3], 2.0))


def test_a_separable_convolution_is_two_convolutions(graph, run):
    layer = layers.SeparableConv2D(4, (2, 3), depth_multiplier=2, bias_initializer=tf.ones_initializer())
    y = layer(tf.constant(IMAGES))
    depthwise, pointwise, bias = run([layer.depthwise_kernel, layer.pointwise_kernel, layer.bias])
    each = [slid(IMAGES[..., c : c + 1], depthwise[:, :, c : c + 1]) for c in range(3)]
    wanted = np.concatenate(each, -1) @ pointwise[0, 0] + bias
    np.testing.assert_allclose(run(y), wanted, rtol=1e-4, atol=1e-5)
    scope = "separable_conv2d"
    assert names() == [f"{scope}/depthwise_kernel", f"{scope}/pointwise_kernel", f"{scope}/bias"]


def test_a_separable_convolution_over_one_axis(graph, run):
    layer = layers.SeparableConv1D(4, 3, strides=2)
    y = layer(tf.constant(IMAGES[:, 0]))
    depthwise, pointwise = run([layer.depthwise_kernel, layer.pointwise_kernel])
    each = [slid(IMAGES[:, :1, :, c : c + 1], depthwise[None, :, c : c + 1], (1, 2)) for c in range(3)]
    np.testing.assert_allclose(run(y), (np.concatenate(each, -1) @ pointwise[0])[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind, reduce", [("max", np.max), ("average", np.mean)])
@pytest.mark.parametrize("form", ["channels_last", "channels_first"])
def test_pooling_reduces_each_window(graph, run, kind, reduce, form):
    volume = RNG.randn(2, 4, 6, 4, 3).astype(np.float32)
    for rank in (1, 2, 3):
        x = volume[:, 0, 0] if rank == 1 else volume[:, 0] if rank == 2 else volume
        given = x if form == "channels_last" else np.moveaxis(x, -1, 1)
        y = run(getattr(layers, f"{kind}_pooling{rank}d")(tf.constant(given), 2, 2, data_format=form))
        y = y if form == "channels_last" else np.moveaxis(y, 1, -1)
        split = x.reshape([2, *[n for size in x.shape[1:-1] for n in (size // 2, 2)], 3])
        np.testing.assert_allclose(y, reduce(split, tuple(range(2, 2 * rank + 1, 2))), rtol=1e-5, atol=1e-6)


def test_pooling_moves_by_its_strides_and_wants_them(plain_graph):
    layer = layers.MaxPooling2D((2, 3), (2, 3))
    assert layer(tf.ones([1, 6, 6, 2])).shape.as_list() == [1, 3, 2, 2]
    assert layer.compute_output_shape([None, 6, None, 2]).as_list() == [None, 3, None, 2]
    with pytest.raises(ValueError, match="`strides` must not be None"):
        layers.max_pooling2d(tf.ones([1, 6, 6, 2]), 2, None)


def test_dropout_scales_what_it_keeps_and_is_the_identity_in_inference(graph, run):
    x, training = tf.ones([1000]), tf.placeholder(tf.bool, [])
    y = layers.dropout(x, 0.25, training=training, seed=3)
    np.testing.assert_array_equal(run(y, {training: False}), np.ones(1000))
    kept = run(y, {training: True})
    assert set(np.unique(kept)) <= {0.0, np.float32(1 / 0.75)} and 0.2 < np.mean(kept == 0) < 0.3


def test_dropout_drops_whole_rows_by_noise_shape(graph, run):
    y = run(layers.dropout(tf.ones([50, 4]), 0.5, noise_shape=[None, 1], training=True, seed=1))
    assert set(map(tuple, y)) == {(0.0,) * 4, (2.0,) * 4}


@pytest.mark.parametrize("shape, flat", [((4, 2, 3), (4, 6)), ((4, 5), (4, 5)), ((4,), (4, 1))])
def test_flatten_keeps_the_batch(graph, run, shape, flat):
    assert run(layers.flatten(tf.ones(shape))).shape == flat


def test_flatten_of_unknown_sizes(graph, run):
    x = tf.placeholder(tf.float32, [None, None, 3])
    y = layers.flatten(x)
    assert y.shape.as_list() == [None, None]
    assert run(y, {x: np.ones([2, 4, 3])}).shape == (2, 12)
    assert layers.Flatten().compute_output_shape(None).as_list() == [None, None]


def test_flatten_of_channels_first_moves_channels_last(graph, run):
    x = np.arange(12).reshape(1, 3, 4)
    y = run(layers.flatten(tf.constant(x, tf.float32), data_format="channels_first"))
    np.testing.assert_array_equal(y, x.transpose(0, 2, 1).reshape(1, 12))


class Scaled(layers.Layer):
    """What user code wrote as a layer of its own."""

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_variable("factor", [input_shape[-1]], initializer="ones", regularizer=tf.nn.l2_loss)
        self.add_update(tf.no_op(name="mine"))
        super().build(input_shape)

    def call(self, inputs: Any, twice: bool = False) -> Any:
        return inputs * self.factor * (2.0 if twice else 1.0)


def test_user_code_subclasses_the_base(graph, run):
    layer = Scaled()
    y = layer(ROWS, twice=True)
    np.testing.assert_allclose(run(y), ROWS * 2, rtol=1e-6)
    assert names() == ["scaled/factor"] and layer.name == "scaled_1"
    assert layer.updates == tf.get_collection(tf.GraphKeys.UPDATE_OPS) and len(layer.losses) == 1
    layer.trainable = False
    assert (layer.updates, layer.trainable_weights) == ([], []) and len(layer.non_trainable_weights) == 1


@pytest.mark.parametrize(
    "name, snake",
    [("Conv2DTranspose", "conv2d_transpose"), ("MyRNNCell", "my_rnn_cell"), ("MaxPooling2D", "max_pooling2d")],
)
def test_class_names_in_snake_case(name, snake):
    assert layers.base.snake_case(name) == snake


@pytest.mark.parametrize("name", sorted(layers.words.INITIALIZERS))
def test_every_named_initializer_initializes(plain_graph, run, name):
    assert np.all(np.isfinite(run(layers.dense(tf.ones([2, 3]), 3, kernel_initializer=name))))


@pytest.mark.parametrize("name", sorted(layers.words.ACTIVATIONS))
def test_every_named_activation_activates(plain_graph, run, name):
    assert np.all(np.isfinite(run(layers.dense(tf.ones([2, 3]), 3, activation=name))))


REFUSED = {
    "rank of dense": (lambda: layers.dense(tf.ones([3]), 2), "min_ndim=2"),
    "features of dense": (lambda: layers.dense(tf.placeholder(tf.float32, [2, None]), 2), "defined last dimension"),
    "rank of a convolution": (lambda: layers.conv2d(tf.ones([2, 3]), 2, 3), "must have rank 4"),
    "channels": (lambda: layers.conv2d(tf.placeholder(tf.float32, [2, 4, 4, None]), 2, 3), "channel dimension"),
    "window": (lambda: layers.conv2d(tf.ones([2, 4, 4, 1]), 2, (3, 3, 3)), "`kernel_size` is no window size"),
    "stride of zero": (lambda: layers.max_pooling2d(tf.ones([2, 4, 4, 1]), 2, 0), "`strides` is no window size"),
    "text as a window": (lambda: layers.conv1d(tf.ones([2, 4, 1]), 2, "3x3"), "`kernel_size` is no window size"),
    "padding": (lambda: layers.conv2d(tf.ones([2, 4, 4, 1]), 2, 3, padding="causal"), "`padding` is unknown"),
    "data format": (lambda: layers.conv2d(tf.ones([2, 4, 4, 1]), 2, 3, data_format="NHWC"), "`data_format` is unknown"),
    "rank of pooling": (lambda: layers.max_pooling2d(tf.ones([2, 4, 1]), 2, 2), "must have rank 4"),
    "activation": (lambda: layers.dense(tf.ones([2, 3]), 2, activation="rellu"), "Did you mean 'relu'"),
    "argument": (lambda: layers.Dense(2, weights=[1]), "unsupported argument `weights`"),
    "switch": (lambda: layers.dropout(tf.ones([2]), training=None), "`training` is None"),
    "parameters before a call": (lambda: layers.Dense(2).count_params(), "has no variables yet"),
    "scope before a call": (lambda: layers.Dense(2).scope_name, "has no scope yet"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(plain_graph, case):
    call, text = REFUSED[case]
    with pytest.raises(errors.Tf1bnError, match=text):
        call()


def test_eager_mode_is_refused():
    if tf.executing_eagerly():
        with pytest.raises(errors.GraphModeError, match="no graph to build in"):
            layers.dense(tf.ones([2, 3]), 2)
