"""Small channels-first networks, one for each thing that a graph does with images."""

from __future__ import annotations

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn

R = tf.raw_ops
RANDOM = np.random.RandomState(3)
NCHW = {"data_format": "NCHW"}


def number(*shape):
    return tf.constant(RANDOM.normal(size=shape).astype(np.float32))


def conv(x, out=6, size=3, strides=1, **more):
    kernel = number(size, size, int(x.shape[1]), out)
    return tf.nn.conv2d(x, kernel, [1, 1, strides, 1], "SAME", **NCHW, **more)


def conv_bias(x):
    return tf.nn.bias_add(conv(x, strides=2), number(6), **NCHW)


def dilated(x):
    return conv(x, dilations=[1, 1, 2, 1])


def spaced(x):
    """Dilation as old graphs have it."""
    wide = tf.space_to_batch_nd(x, [1, 2, 2], [[0, 0], [2, 2], [2, 2]])
    y = tf.nn.conv2d(wide, number(3, 3, 4, 6), [1] * 4, "VALID", **NCHW)
    return tf.batch_to_space_nd(y, [1, 2, 2], [[0, 0]] * 3)


def explicit(x):
    pads = [[0, 0], [0, 0], [2, 0], [1, 3]]
    return tf.nn.conv2d(x, number(3, 3, 4, 6), [1, 1, 2, 1], pads, **NCHW)


def depthwise(x):
    return tf.nn.depthwise_conv2d(x, number(3, 3, 4, 2), [1, 1, 2, 2], "SAME", **NCHW)


def transposed(x):
    rows = tf.shape(x)[0]
    return tf.nn.conv2d_transpose(x, number(3, 4, 5, 4), tf.stack([rows, 5, 12, 8]), [1, 1, 2, 1], "SAME", **NCHW)


def transposed_static(x):
    return tf.nn.conv2d_transpose(x, number(3, 4, 5, 4), [2, 5, 12, 8], [1, 1, 2, 1], "SAME", **NCHW)


def cubes(x):
    y = tf.nn.conv3d(tf.reshape(x, [-1, 4, 4, 6, 2]), number(2, 3, 2, 4, 6), [1, 1, 1, 2, 1], "SAME", "NCDHW")
    y = tf.nn.max_pool3d(y, 2, [1, 1, 2, 1, 1], "SAME", data_format="NCDHW")
    return tf.nn.avg_pool3d(tf1bn.batch_norm(y, False, axis=1, scope="cubes"), 2, 1, "VALID", data_format="NCDHW")


def rows(x):
    """A convolution over one dimension."""
    y = tf.nn.conv1d(tf.reshape(x, [-1, 4, 48]), number(3, 4, 6), 2, "SAME", data_format="NCW")
    return tf.nn.relu(y + number(6, 1))


def pools(x):
    y = tf.nn.max_pool2d(conv(x), [3, 2], [2, 1], "SAME", **NCHW)
    return tf.nn.avg_pool2d(y, 2, 1, "VALID", **NCHW)


def normalised(x):
    return tf.nn.relu(tf1bn.batch_norm(conv(x), True, axis=1, scope="normalised"))


def fused(x):
    y = R.FusedBatchNormV3(
        x=conv(x),
        scale=number(6),
        offset=number(6),
        mean=number(6),
        variance=tf.abs(number(6)) + 0.1,
        is_training=False,
        **NCHW,
    ).y
    return tf.nn.leaky_relu(y)


def parameters(x):
    y = conv(x) * number(6, 1, 1) + number(1, 6, 1, 1) - number(1) * 0.5
    return tf.maximum(y, number(1, 1, 6, 8)) / (2.0 + tf.abs(number(8))) + number(6, 6, 8)


def residual(x):
    y = conv(x, out=4)
    return tf.nn.elu(y + x) * tf.sigmoid(tf.reduce_mean(y, [2, 3], keepdims=True))


def squeezed_excited(x):
    """A dense layer on the means of channels scales the image."""
    y = conv(x)
    scale = tf.sigmoid(tf.matmul(tf.reduce_mean(y, [2, 3]), number(6, 6)))
    return y * tf.reshape(scale, [-1, 6, 1, 1])


def padded(x):
    y = conv(tf.pad(x, [[0, 0], [0, 0], [1, 2], [0, 1]], "REFLECT"))
    return tf.pad(y, [[0, 0], [1, 0], [0, 2], [1, 1]], constant_values=3.0)


def joined(x):
    left, right = tf.split(conv(x), 2, 1)
    first, second = tf.split(right, [1, 2], axis=-3)
    return tf.concat([left, x, second, first * 2.0], 1)


def cut(x):
    y = conv(x)[:, 1:5:2, ::-1, 2:]
    return tf.slice(y, [0, 0, 1, 0], [-1, 2, 3, -1])


def one_row(x):
    return conv(x)[:, :, 0]


def gathered(x):
    return tf.reverse(tf.gather(conv(x), [3, 0, 5], axis=1), [2])


def tiled(x):
    return tf.tile(conv(x), [1, 2, 1, 3])


def reductions(x):
    y = conv(x)
    return tf.reduce_max(y, 1) + tf.reduce_sum(y, [1, 2])[:, None] + tf.reduce_min(y)


def argument(x):
    return tf.argmax(conv(x), 1)


def flattened(x):
    y = tf.nn.relu(tf.reshape(conv(x), [-1, 6 * 6 * 8]))
    return tf.nn.softmax(tf.matmul(y, number(288, 5)) + number(5))


def flattened_turned(x):
    y = tf.reshape(conv(x), [-1, 288]) * number(288)
    return tf.matmul(y, number(5, 288), transpose_b=True)


def pooled_dense(x):
    y = tf.squeeze(tf.nn.avg_pool2d(conv(x), [6, 8], 1, "VALID", **NCHW), [2, 3])
    return tf.matmul(y, number(6, 3))


def resized(x):
    """As TensorFlow resizes: between two transpositions."""
    y = tf.image.resize_bilinear(tf.transpose(conv(x), [0, 2, 3, 1]), [9, 10])
    return conv(tf.transpose(y, [0, 3, 1, 2]), out=2)


def channel_softmax(x):
    return tf.transpose(tf.nn.softmax(tf.transpose(conv(x), [0, 2, 3, 1])), [0, 3, 1, 2])


def shuffled(x):
    return (
        tf.depth_to_space(conv(x, out=8), 2, data_format="NCHW")
        + tf.space_to_depth(tf.depth_to_space(conv(x, out=32), 4, data_format="NCHW"), 2, data_format="NCHW")[:, :2]
    )


def selected(x):
    y = conv(x)
    return tf.where(y > 0.0, y, tf.zeros_like(y)) + tf.where_v2(y > number(6, 1, 1), y, 1.0)


def from_channels_last(x):
    """Images that are channels last until the first convolution."""
    return conv(tf.transpose(tf.transpose(x, [0, 2, 3, 1]) * 2.0, [0, 3, 1, 2]))


def sized(x):
    y = conv(x, out=5)
    return tf.reshape(tf.reduce_mean(y, [2, 3]), tf.stack([tf.shape(y)[0], tf.shape(y)[1], 1, 1]))


KINDS = {
    name: value
    for name, value in list(globals().items())
    if callable(value) and getattr(value, "__module__", "") == __name__ and name not in ("number", "conv")
}
