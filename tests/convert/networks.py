"""Small networks of TensorFlow 1, one per trap; ``modules.py`` has the same in PyTorch.

Each builds an inference graph in the default graph from placeholders and ends in ``scores``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.compat import contrib, rnn_cell, tf_layers
from tf1bn.examples import models

OUTPUT = "scores"


def _norm(x: Any, training: Any, **options: Any) -> Any:
    return tf1bn.batch_norm(x, training, scope="bn", **options)


def _conv(x: Any, filters: int, size: int, scope: str, training: Any = None, **options: Any) -> Any:
    normalizer = None if training is None else lambda h: _norm(h, training)
    return tf1bn.conv2d(x, filters, size, scope=scope, normalizer=normalizer, **options)


def _images(height: int, width: int, channels: int) -> Any:
    return tf.placeholder(tf.float32, [None, height, width, channels], "images")


def _switch() -> Any:
    return tf.placeholder(tf.bool, [], "is_training")


def mlp() -> Any:
    """The mlp of `tf1bn train`."""
    return models.mlp(_images(12, 12, 1), _switch(), models.ModelOptions()).logits


def cnn() -> Any:
    """The cnn of `tf1bn train`: 19 convolutions, then flattened maps of 76 channels."""
    return models.cnn(_images(12, 12, 1), _switch(), models.ModelOptions()).logits


def resnet() -> Any:
    """Blocks with strides and SAME padding that is asymmetric, and a shortcut of the main path's shape."""
    training = _switch()
    x = tf.nn.relu(_conv(_images(15, 14, 3), 8, 7, "stem", training, strides=2))
    x = tf.nn.max_pool2d(x, 3, 2, "SAME")
    for number, (filters, stride) in enumerate(((8, 1), (12, 2))):
        with tf.variable_scope(f"block{number}"):
            short = _conv(x, filters, 1, "shortcut", training, strides=stride) if stride > 1 else x
            y = tf.nn.relu(_conv(x, filters, 3, "conv1", training, strides=stride))
            x = tf.nn.relu(_conv(y, filters, 3, "conv2", training) + short)
    return tf1bn.dense(tf.reduce_mean(x, [1, 2]), 5, scope="head")


def mobile() -> Any:
    """Depthwise convolutions with a multiplier of 2, dilation, and a separable layer without a norm between."""
    training = _switch()
    x = tf.nn.relu6(_conv(_images(9, 9, 3), 4, 3, "stem", training, strides=2))
    with tf.variable_scope("depthwise"):
        kernel = tf.get_variable("depthwise_weights", [3, 3, 4, 2])
        x = tf.nn.relu6(_norm(tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "SAME"), training))
    x = tf.nn.relu6(_conv(x, 6, 1, "pointwise", training))
    x = _conv(x, 6, 3, "dilated", training, dilation_rate=2)
    with tf.variable_scope("separable"):
        first = tf.get_variable("depthwise_kernel", [3, 3, 6, 1])
        second = tf.get_variable("pointwise_kernel", [1, 1, 6, 7])
        bias = tf.get_variable("bias", [7])
        x = tf.nn.bias_add(tf.nn.separable_conv2d(x, first, second, [1, 1, 1, 1], "VALID"), bias)
    return tf.reduce_mean(x, [1, 2])


def generator() -> Any:
    """A vector becomes maps of several channels, which transposed convolutions enlarge: one with an even kernel."""
    training = _switch()
    x = tf.placeholder(tf.float32, [None, 6], "noise")
    x = tf1bn.dense(x, 3 * 3 * 5, scope="project", normalizer=lambda h: _norm(h, training))
    x = tf.reshape(tf.nn.relu(x), [-1, 3, 3, 5])
    for scope, size, filters in (("up1", 4, 4), ("up2", 5, 2)):
        with tf.variable_scope(scope):
            kernel = tf.get_variable("kernel", [size, size, filters, x.shape[-1]])
            shape = tf.stack([tf.shape(x)[0], x.shape[1] * 2, x.shape[2] * 2, filters])
            y = tf.nn.conv2d_transpose(x, kernel, shape, [1, 2, 2, 1], "SAME")
            y.set_shape([None, x.shape[1] * 2, x.shape[2] * 2, filters])
            if scope == "up1":
                x = tf.nn.relu(_norm(y, training))
            else:
                x = tf.nn.tanh(tf.nn.bias_add(y, tf.get_variable("bias", [filters])))
    return x


def recurrent() -> Any:
    """Two LSTM cells on each other over five steps, the second with a forget bias of its own."""
    x = tf.placeholder(tf.float32, [None, 5, 3], "steps")
    cells = [rnn_cell.BasicLSTMCell(4), rnn_cell.LSTMCell(6, forget_bias=0.5)]
    states = [cell.zero_state(tf.shape(x)[0], tf.float32) for cell in cells]
    for step in range(5):
        y = x[:, step]
        for number, cell in enumerate(cells):
            with tf.variable_scope(f"layer{number}", reuse=step > 0):
                y, states[number] = cell(y, states[number])
    return tf1bn.dense(y, 2, scope="head")


def gated() -> Any:
    """A GRU cell, whose reset gate acts before the product."""
    x = tf.placeholder(tf.float32, [None, 4, 3], "steps")
    cell = rnn_cell.GRUCell(5)
    state = cell.zero_state(tf.shape(x)[0], tf.float32)
    for step in range(4):
        with tf.variable_scope("rnn", reuse=step > 0):
            y, state = cell(x[:, step], state)
    return tf1bn.dense(y, 2, scope="head")


def flattened() -> Any:
    """Maps, flattened; a batch norm over their features; a dense layer whose kernel is stored the other way round."""
    training = _switch()
    x = tf.nn.relu(_conv(_images(6, 5, 2), 3, 3, "conv", strides=2, padding="valid"))
    x = tf.reshape(x, [-1, 2 * 2 * 3])
    x = _norm(x, training)
    with tf.variable_scope("turned"):
        x = tf.matmul(x, tf.get_variable("weights", [4, 12]), transpose_b=True)
        x = tf.nn.relu(tf.nn.bias_add(x, tf.get_variable("biases", [4])))
    return tf1bn.dense(x, 3, scope="head")


def shared() -> Any:
    """One convolution and one batch norm called on two inputs; another norm without gamma, and one without either."""
    training = _switch()
    left, right = (tf.placeholder(tf.float32, [None, 5, 5, 2], name) for name in ("left", "right"))
    found = []
    for number, x in enumerate((left, right)):
        with tf.variable_scope("twin", reuse=number > 0):
            found.append(tf.nn.relu(_conv(x, 4, 3, "conv", training)))
    x = found[0] + 2.0 * found[1]
    with tf.variable_scope("only_beta"):
        x = tf.nn.relu(_norm(x, training, scale=False))
    with tf.variable_scope("neither"):
        x = _norm(x, training, scale=False, center=False)
    return tf.reduce_mean(x, [1, 2])


def averaged() -> Any:
    """Statistics under an ExponentialMovingAverage."""
    training = _switch()
    x = tf.placeholder(tf.float32, [None, 4], "x")
    x = tf1bn.dense(x, 5, scope="hidden", use_bias=False)
    with tf.variable_scope("hidden"):
        x = tf.nn.relu(_norm(x, training, update_strategy="ema"))
    return tf1bn.dense(x, 3, scope="head")


def first() -> Any:
    """Channels first throughout, flattened: no feature changes its place."""
    training = _switch()
    x = tf.placeholder(tf.float32, [None, 2, 6, 6], "images")
    x = tf1bn.conv2d(
        x, 4, 3, strides=2, data_format="channels_first", scope="conv", normalizer=lambda h: _norm(h, training, axis=1)
    )
    x = tf.reshape(tf.nn.relu(x), [-1, 4 * 3 * 3])
    return tf1bn.dense(x, 3, scope="head")


def sequence() -> Any:
    """Embedded words, a convolution over one axis, and the embedding once more as the last layer's kernel."""
    words = tf.placeholder(tf.int32, [None, 6], "words")
    table = tf.get_variable("table", [11, 4])
    x = tf.nn.embedding_lookup(table, words)
    x = tf.nn.relu(tf_layers.conv1d(x, 4, 3, padding="same", name="conv"))
    return tf.matmul(tf.reduce_max(x, 1), table, transpose_b=True)


def slim() -> Any:
    """contrib's layers: no gamma, its own epsilon, a fused op."""
    training = _switch()
    x = contrib.layers.conv2d(
        _images(8, 8, 2), 4, 3, stride=2, normalizer_fn=contrib.layers.batch_norm,
        normalizer_params={"is_training": training}, scope="conv",
    )  # fmt: skip
    return contrib.layers.fully_connected(contrib.layers.flatten(x), 3, activation_fn=None, scope="head")


def renormed() -> Any:
    """Batch renormalization, which keeps averages of its own."""
    x = tf.placeholder(tf.float32, [None, 4], "x")
    return tf1bn.dense(_norm(x, _switch(), renorm=True), 3, scope="head")


ALL = {
    function.__name__: function
    for function in (
        mlp, cnn, resnet, mobile, generator, recurrent, gated, flattened, shared, averaged, first, sequence, slim,
        renormed,
    )
}  # fmt: skip


def save(name: str, folder: Any, *, train: bool = False) -> str:
    """Builds a network, gives every variable numbers far from its initial ones, and saves it; returns the prefix."""
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        scores = tf.identity(ALL[name](), OUTPUT)
        if train:
            step = tf.train.get_or_create_global_step()
            tf.train.AdamOptimizer(0.01).minimize(tf.reduce_sum(tf.square(scores)), step)
        session.run(tf.global_variables_initializer())
        generator = np.random.default_rng(len(name))
        for variable in tf.global_variables():
            if variable.dtype.base_dtype == tf.float32:
                shape = variable.shape.as_list()
                fan = max(1, int(np.prod(shape[:-1])))
                value = generator.normal(size=shape) * (1.5 / np.sqrt(fan) if len(shape) > 1 else 0.3)
                if "gamma" in variable.name or "variance" in variable.name or "moments/" in variable.name:
                    value = generator.uniform(0.5, 1.5, shape)
                session.run(variable.initializer, {variable.initializer.inputs[1]: value})
        return str(tf.train.Saver().save(session, str(folder / name)))
