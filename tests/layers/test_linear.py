"""dense and conv2d against NumPy."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.testing import reference

RNG = np.random.default_rng(0)


def _value(name):
    return next(v for v in tf.global_variables() if v.op.name == name)


def _start(session):
    session.run(tf.global_variables_initializer())


def _conv(x, kernel, stride, dilation, padding):
    """Cross-correlation of channels-last images, written as loops over the window."""
    height, width = kernel.shape[:2]
    span = [(size - 1) * d + 1 for size, d in zip((height, width), dilation, strict=True)]
    if padding == "same":
        out = [-(-size // s) for size, s in zip(x.shape[1:3], stride, strict=True)]
        total = [max((o - 1) * s + k - n, 0) for o, s, k, n in zip(out, stride, span, x.shape[1:3], strict=True)]
        x = np.pad(x, [(0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)])
    out = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:3], span, stride, strict=True)]
    y = np.zeros((len(x), *out, kernel.shape[-1]))
    for i in range(height):
        for j in range(width):
            top, left = i * dilation[0], j * dilation[1]
            rows = x[:, top : top + stride[0] * (out[0] - 1) + 1 : stride[0]]
            y += rows[:, :, left : left + stride[1] * (out[1] - 1) + 1 : stride[1]] @ kernel[i, j]
    return y


@pytest.mark.parametrize("shape", [(4, 3), (2, 5, 3), (2, 3, 2, 3)], ids=len)
def test_dense_matches_numpy(any_graph, shape):
    x = tf.placeholder(tf.float64, [None, *shape[1:]])
    y = tf1bn.dense(x, 4, bias_initializer=tf.constant_initializer(0.5), activation=tf.nn.relu)
    value = RNG.normal(size=shape)
    with tf.Session() as session:
        _start(session)
        kernel = session.run(_value("dense/kernel"))
        np.testing.assert_allclose(session.run(y, {x: value}), np.maximum(value @ kernel + 0.5, 0), atol=1e-12)
    assert y.shape.as_list() == [None, *shape[1:-1], 4]


@pytest.mark.parametrize("first", [False, True], ids=["last", "first"])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("window", "stride", "dilation"), [(3, 1, 1), ((2, 3), 2, 1), (3, (1, 2), 1), (2, 1, (2, 1))])
def test_conv2d_matches_numpy(graph, first, padding, window, stride, dilation):
    value = RNG.normal(size=(2, 7, 6, 3))
    x = tf.placeholder(tf.float64, [None, 3, 7, 6] if first else [None, 7, 6, 3])
    y = tf1bn.conv2d(
        x, 4, window, strides=stride, padding=padding, dilation_rate=dilation,
        data_format="channels_first" if first else "channels_last", bias_initializer=tf.constant_initializer(0.5),
    )  # fmt: skip
    pair = [(n, n) if isinstance(n, int) else n for n in (stride, dilation)]
    with tf.Session() as session:
        _start(session)
        expected = _conv(value, session.run(_value("conv2d/kernel")), *pair, padding) + 0.5
        found = session.run(y, {x: value.transpose(0, 3, 1, 2) if first else value})
        np.testing.assert_allclose(found.transpose(0, 2, 3, 1) if first else found, expected, atol=1e-12)
    assert y.shape.as_list()[1 if first else 3] == 4


def test_a_normalizer_drops_the_bias_and_stands_in_the_layer_s_scope(any_graph):
    x = tf.placeholder(tf.float64, [None, 3])
    y = tf1bn.dense(x, 4, normalizer=lambda h: tf1bn.batch_norm(h, True), activation=tf.nn.relu)
    names = [v.op.name for v in tf.global_variables()]
    assert names == [
        "dense/kernel",
        *(f"dense/batch_norm/{n}" for n in ("gamma", "beta", "moving_mean", "moving_variance")),
    ]
    value = RNG.normal(size=(5, 3))
    with tf.Session() as session:
        _start(session)
        expected = np.maximum(reference.batch_norm(value @ session.run(_value("dense/kernel"))), 0)
        np.testing.assert_allclose(session.run(y, {x: value}), expected, atol=1e-9)


def test_a_normalizer_for_channels_first(graph):
    x = tf.placeholder(tf.float64, [None, 3, 4, 4])
    y = tf1bn.conv2d(x, 2, 1, data_format="channels_first", normalizer=lambda h: tf1bn.batch_norm(h, True, axis=1))
    value = RNG.normal(size=(2, 3, 4, 4))
    with tf.Session() as session:
        _start(session)
        kernel = session.run(_value("conv2d/kernel"))[0, 0]
        expected = reference.batch_norm(np.einsum("nchw,cd->ndhw", value, kernel), axis=1)
        np.testing.assert_allclose(session.run(y, {x: value}), expected, atol=1e-9)


@pytest.mark.parametrize("use_bias", [True, False])
def test_use_bias_overrides_the_default(graph, use_bias):
    x = tf.placeholder(tf.float32, [None, 3])
    tf1bn.dense(x, 4, normalizer=tf.identity if use_bias else None, use_bias=use_bias)
    assert [v.op.name for v in tf.global_variables()] == ["dense/kernel", "dense/bias"][: 1 + use_bias]


def test_collections_regularizers_initializers_and_sharing(any_graph):
    x = tf.placeholder(tf.float32, [None, 3])
    with tf.variable_scope("net", initializer=tf.constant_initializer(2.0)):
        tf1bn.dense(x, 4, kernel_regularizer=tf.reduce_sum, trainable=False)
        tf1bn.dense(x, 4, kernel_initializer=tf.ones_initializer, bias_regularizer=tf.reduce_sum)
        tf1bn.dense(x, 4, scope="dense", reuse=True)
    names = ["net/dense/kernel", "net/dense/bias", "net/dense_1/kernel", "net/dense_1/bias"]
    assert [v.op.name for v in tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)] == names
    assert [v.op.name for v in tf.global_variables()] == names
    assert [v.op.name for v in tf.trainable_variables()] == names[2:]
    with tf.Session() as session:
        _start(session)
        assert session.run(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == [24.0, 0.0]
        assert [value.flat[0] for value in session.run(tf.global_variables())] == [2, 0, 1, 0]
