"""Small inference graphs of every kind of layer, with batch norm in several spellings."""

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.graph import running

EPSILON = 1e-3


def parameters(channels, scope="bn", scale=True, center=True, shape=None):
    """Returns gamma, beta, mean and variance."""
    shape = shape or [channels]
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        gamma = tf.get_variable("gamma", shape) if scale else None
        beta = tf.get_variable("beta", shape) if center else None
        mean = tf.get_variable("moving_mean", shape, trainable=False)
        variance = tf.get_variable("moving_variance", shape, initializer=tf.ones_initializer(), trainable=False)
    return gamma, beta, mean, variance


def fused(x, first=False, scope="bn", **more):
    channels = int(x.shape[1 if first else -1])
    gamma, beta, mean, variance = parameters(channels, scope, **more)
    gamma = tf.constant(np.ones(channels, np.float32)) if gamma is None else gamma
    beta = tf.zeros([channels]) if beta is None else beta
    layout = "NCHW" if first else "NHWC"
    return tf.nn.fused_batch_norm(x, gamma, beta, mean, variance, EPSILON, layout, is_training=False)[0]


def along(x, first, scope, **more):
    """Returns the parameters in the shape in which they meet x."""
    found = parameters(int(x.shape[1 if first else -1]), scope, **more)
    wide = [1, -1] + [1] * (len(x.shape) - 2)
    return [None if item is None else tf.reshape(item, wide) if first else item for item in found]


def spelled(x, first=False, scope="bn", **more):
    gamma, beta, mean, variance = along(x, first, scope, **more)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)


def divided(x, first=False, scope="bn", **more):
    gamma, beta, mean, variance = along(x, first, scope)
    return (x - mean) / tf.sqrt(variance + EPSILON) * gamma + beta


def kernel(*shape, name="kernel"):
    return tf.get_variable(name, shape)


def bias(size, name="bias"):
    return tf.get_variable(name, [size])


def conv2d(x, norm):
    return norm(tf.nn.conv2d(x, kernel(3, 3, 4, 6), [1, 2, 2, 1], "SAME"))


def conv2d_bias(x, norm):
    return norm(tf.nn.bias_add(tf.nn.conv2d(x, kernel(3, 2, 4, 6), [1, 1, 2, 1], "VALID"), bias(6)))


def conv2d_added(x, norm):
    return norm(tf.nn.conv2d(x, kernel(3, 3, 4, 6, name="weights"), [1, 1, 1, 1], "SAME") + bias(6, "biases"))


def conv2d_explicit(x, norm):
    return norm(tf.nn.conv2d(x, kernel(3, 3, 4, 6), [1, 2, 1, 1], [[0, 0], [2, 0], [1, 3], [0, 0]]))


def channels_first(x, norm):
    x = tf.transpose(x, [0, 3, 1, 2])
    return norm(tf.nn.conv2d(x, kernel(3, 3, 4, 6), [1, 1, 2, 1], "SAME", data_format="NCHW"), first=True)


def channels_first_bias(x, norm):
    y = tf.nn.conv2d(tf.transpose(x, [0, 3, 1, 2]), kernel(3, 3, 4, 6), [1] * 4, "VALID", data_format="NCHW")
    return norm(tf.nn.bias_add(y, bias(6), data_format="NCHW"), first=True)


def channels_first_1d(x, norm):
    rows = tf.reshape(x, [-1, 4, 64])
    return norm(tf.nn.conv1d(rows, kernel(3, 4, 6), 2, "SAME", data_format="NCW"), first=True)


def before_channels_first(x, norm):
    x = tf.abs(tf.transpose(x, [0, 3, 1, 2]))
    return tf.nn.conv2d(norm(x, first=True), kernel(3, 3, 4, 6), [1] * 4, "VALID", data_format="NCHW") + 1.0


def grouped(x, norm):
    return norm(tf.nn.conv2d(x, kernel(3, 3, 2, 6), [1, 1, 1, 1], "SAME"))


def dilated(x, norm):
    return norm(tf.nn.conv2d(x, kernel(3, 3, 4, 6), [1, 1, 1, 1], "SAME", dilations=[1, 2, 1, 1]))


def spaced(x, norm):
    """Dilation as old graphs have it."""
    wide = tf.space_to_batch_nd(x, [2, 2], [[2, 2], [2, 2]])
    y = tf.nn.conv2d(wide, kernel(3, 3, 4, 6), [1, 1, 1, 1], "VALID")
    return norm(tf.batch_to_space_nd(y, [2, 2], [[0, 0], [0, 0]]))


def depthwise(x, norm):
    return norm(tf.nn.depthwise_conv2d(x, kernel(3, 3, 4, 2), [1, 2, 2, 1], "SAME"))


def separable(x, norm):
    return norm(tf.nn.separable_conv2d(x, kernel(3, 3, 4, 2), kernel(1, 1, 8, 5, name="point"), [1] * 4, "SAME"))


def transposed(x, norm):
    batch = tf.shape(x)[0]
    return norm(
        tf.reshape(
            tf.nn.conv2d_transpose(x, kernel(3, 4, 5, 4), tf.stack([batch, 16, 8, 5]), [1, 2, 1, 1], "SAME"),
            [-1, 16, 8, 5],
        )
    )


def conv1d(x, norm):
    rows = tf.reshape(x, [-1, 64, 4])
    return norm(tf.nn.conv1d(rows, kernel(3, 4, 6), 2, "SAME"))


def conv3d(x, norm):
    cubes = tf.reshape(x, [-1, 4, 4, 4, 4])
    return norm(tf.nn.conv3d(cubes, kernel(3, 2, 3, 4, 6), [1, 1, 2, 1, 1], "SAME"))


def conv3d_transposed(x, norm):
    cubes = tf.reshape(x, [-1, 4, 4, 4, 4])
    y = tf.nn.conv3d_transpose(cubes, kernel(3, 2, 3, 6, 4), [4, 8, 4, 4, 6], [1, 2, 1, 1, 1], "SAME")
    return norm(y)


def dense(x, norm):
    return norm(tf.matmul(tf.reshape(x, [-1, 256]), kernel(256, 7)) + bias(7))


def dense_turned(x, norm):
    return norm(tf.matmul(tf.reshape(x, [-1, 256]), kernel(7, 256), transpose_b=True))


def tensordot(x, norm):
    return norm(tf.tensordot(x, kernel(4, 6), [[3], [0]]))


def tensordot_spelled(x, norm):
    """As a dense layer of higher rank is built: flattened, multiplied, and given its shape back."""
    y = tf.matmul(tf.reshape(x, [-1, 4]), kernel(4, 6))
    return norm(tf.nn.bias_add(tf.reshape(y, [-1, 8, 8, 6]), bias(6)))


def dense_to_image(x, norm):
    """The start of a generator: channels appear in a reshape."""
    return norm(tf.reshape(tf.matmul(tf.reshape(x, [-1, 256]), kernel(256, 48)) + bias(48), [-1, 4, 4, 3]))


def unscaled(x, norm):
    return norm(tf.nn.conv2d(x, kernel(3, 3, 4, 6), [1] * 4, "SAME"), scale=False)


def first_fused_op(x, norm):
    """As graphs of TensorFlow 1.0 have it."""
    y = tf.nn.conv2d(x, kernel(3, 3, 4, 6), [1] * 4, "SAME")
    gamma, beta, mean, variance = parameters(6)
    return tf.raw_ops.FusedBatchNorm(
        x=y, scale=gamma, offset=beta, mean=mean, variance=variance, epsilon=EPSILON, is_training=False
    )[0]


def twice(x, norm):
    return norm(norm(tf.nn.conv2d(x, kernel(1, 1, 4, 6), [1] * 4, "SAME"), scope="first"), scope="second")


def before_conv2d(x, norm):
    return tf.nn.relu(tf.nn.conv2d(norm(tf.abs(x)), kernel(3, 3, 4, 6), [1, 2, 2, 1], "VALID"))


def before_grouped(x, norm):
    return tf.nn.conv2d(norm(tf.abs(x)), kernel(3, 3, 2, 6), [1] * 4, "VALID") + bias(6)


def before_depthwise(x, norm):
    return tf.nn.relu(tf.nn.depthwise_conv2d(norm(tf.abs(x)), kernel(3, 3, 4, 2), [1] * 4, "VALID"))


def before_pointwise(x, norm):
    return tf.nn.relu(tf.nn.conv2d(norm(tf.abs(x)), kernel(1, 1, 4, 6), [1, 2, 2, 1], "SAME"))


def before_flattened_dense(x, norm):
    flat = tf.reshape(norm(tf.abs(x)), [-1, 256])
    return tf.nn.relu(tf.matmul(flat, kernel(256, 7)) + bias(7))


def between(x, norm):
    """Into the layer after it, which takes the next one as well."""
    y = tf.matmul(tf.reshape(norm(tf.abs(x), scope="first"), [-1, 256]), kernel(256, 7))
    return divided(y, scope="second")


KINDS = {
    name: value
    for name, value in list(globals().items())
    if callable(value) and name not in ("parameters", "fused", "along", "spelled", "divided", "kernel", "bias")
}
FLAT = ("dense", "dense_turned", "conv1d", "conv3d", "conv3d_transposed", "channels_first_1d")
"""Kinds whose output is not of rank 4, so that no fused batch norm takes it."""


def randomised(session, seed=0):
    """Gives every variable other values: variances positive, the rest of both signs."""
    random = np.random.RandomState(seed)
    values = []
    for variable in tf.global_variables():
        value = random.normal(size=variable.shape.as_list())
        if "variance" in variable.op.name:
            value = np.abs(value) * 2 + 0.05
        values.append((variable, value.astype(np.float32)))
    running.load(session, values)


def saved(folder, seed=0):
    """Saves the default graph with other values for all variables; returns the prefix."""
    with tf.Session() as session:
        tf.global_variables_initializer()
        saver = tf.train.Saver()
        randomised(session, seed)
        return saver.save(session, str(folder / "model"))
