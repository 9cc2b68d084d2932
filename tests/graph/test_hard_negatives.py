"""What normalises and is no batch norm: no site is found in it, however it is spelled."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.audit import audit
from tf1bn.testing import graphs

EPSILON = 1e-5


def parameter(name, shape, value=1.0):
    return tf.get_variable(name, shape, initializer=tf.constant_initializer(value))


def affine(shape):
    return parameter("gamma", shape), parameter("beta", shape, 0.0)


# ---- five spellings of (x - mean) / sqrt(variance + epsilon) * gamma + beta over given axes --------------------


def by_moments(x, axes, gamma, beta):
    mean, variance = tf.nn.moments(x, axes, keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)


def by_hand(x, axes, gamma, beta):
    mean = tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(x - mean), axes, keepdims=True)
    return gamma * (x - mean) / tf.sqrt(variance + EPSILON) + beta


def by_squares(x, axes, gamma, beta):
    mean = tf.reduce_mean(x, axes, keepdims=True)
    variance = tf.reduce_mean(x * x, axes, keepdims=True) - tf.square(mean)
    inverse = tf.rsqrt(variance + EPSILON) * gamma
    return x * inverse + (beta - mean * inverse)


def by_tiles(x, axes, gamma, beta):
    mean, variance = tf.nn.moments(x, axes, keepdims=True)
    sizes = tf.where([axis in [a % x.shape.rank for a in axes] for axis in range(x.shape.rank)], tf.shape(x),
                     tf.ones([x.shape.rank], tf.int32))  # fmt: skip
    return (x - tf.tile(mean, sizes)) / tf.tile(tf.sqrt(variance + EPSILON), sizes) * gamma + beta


def by_sums(x, axes, gamma, beta):
    """As layers of Keras' backends do: sums over a dynamic count, then a power."""
    count = tf.cast(tf.reduce_prod(tf.gather(tf.shape(x), axes)), tf.float32)
    mean = tf.expand_dims(tf.squeeze(tf.reduce_sum(x, axes, keepdims=True) / count, axes[-1:]), axes[-1])
    variance = tf.reduce_sum(tf.math.squared_difference(x, mean), axes, keepdims=True) / count
    return tf.math.multiply(x - mean, tf.pow(variance + EPSILON, -0.5)) * gamma + beta


SPELLINGS = (by_moments, by_hand, by_squares, by_tiles, by_sums)
LAYOUTS = {"rows": [None, 6], "sequence": [None, 7, 6], "NHWC": [None, 4, 4, 6], "NCHW": [None, 6, 4, 4]}


def features(layout):
    """Activations as a layer with a bias gives them: the bias is no statistic of the norm behind it."""
    x = tf.placeholder(tf.float32, LAYOUTS[layout])
    spread = [1, 6, 1, 1] if layout == "NCHW" else [6]
    return x * parameter("kernel", spread) + parameter("bias", spread)


def layer(x, layout):
    """Over all axes of one example, over the last one, and (of rank 4) over the channels alone."""
    rank = x.shape.rank
    shape = [1, 6, 1, 1] if layout == "NCHW" else [6]
    choices = {(-1,), tuple(range(1, rank)), (1,) if layout == "NCHW" else (rank - 1,)}
    for axes in sorted(choices):
        yield lambda spelling, a=axes: spelling(x, list(a), *affine(shape))


def group(x, layout):
    inner = x.shape.as_list()[1:]
    if layout == "NCHW":
        parts, axes, shape = tf.reshape(x, [-1, 2, 3, 4, 4]), [2, 3, 4], [1, 2, 3, 1, 1]
    else:
        parts = tf.reshape(x, [-1, *inner[:-1], 2, 3])
        axes, shape = [*range(1, len(inner)), len(inner) + 1], [2, 3]
    yield lambda spelling: tf.reshape(spelling(parts, axes, *affine(shape)), tf.shape(x))


def instance(x, layout):
    axes = {"rows": [1], "sequence": [1], "NHWC": [1, 2], "NCHW": [2, 3]}[layout]
    yield lambda spelling: spelling(x, axes, *affine([1, 6, 1, 1] if layout == "NCHW" else [6]))


def inside_a_loop(x, layout):
    """One example at a time: its first axis is not the batch."""

    def mapped(spelling):
        gamma, beta = affine([6])
        return tf.map_fn(lambda row: spelling(row, [-1], gamma, beta), x)

    if layout == "rows":
        yield mapped


QUICK = {graphs.MODES[0]: ("sequence", "NCHW"), graphs.MODES[-1]: ("rows", "NHWC")}


def assert_no_batch_norm(graph):
    for source in (graph, graph.as_graph_def()):
        report = audit(source)
        assert ([site.scope for site in report.sites], report.findings) == ([], ())


@pytest.mark.parametrize(
    ("mode", "layout"),
    [
        pytest.param(mode, layout, id=f"{layout}-{mode}", marks=[] if layout in quick else pytest.mark.exhaustive)
        for mode, quick in QUICK.items()
        for layout in LAYOUTS
    ],
)
def test_norms_of_one_example_are_no_batch_norm(layout, mode):
    """All of a layout in one graph: each has a scope that names it."""
    with graphs.graph_mode(mode) as graph:
        x, outputs = features(layout), []
        for kind in (layer, group, instance, inside_a_loop):
            for spelling, (number, norm) in itertools.product(SPELLINGS, enumerate(kind(x, layout))):
                with tf.variable_scope(f"{kind.__name__}_{spelling.__name__}_{number}"):
                    outputs.append(tf.reduce_mean(tf.square(norm(spelling))))
        # Every third one is trained: a norm is told by its forward pass, and gradients are most of the work.
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.add_n(outputs[::3]))
        tf.train.Saver()
    assert_no_batch_norm(graph)


def by_fused_examples(x):
    """One example and group per row of a batch of one: the fused kernel's own moments are not over the batch."""
    shape = tf.shape(x)
    rows = tf.reshape(x, tf.stack([1, shape[0] * 2, -1, 1]))
    ones, zeros = tf.fill([shape[0] * 2], 1.0), tf.zeros([shape[0] * 2])
    y = tf.nn.fused_batch_norm(rows, ones, zeros, data_format="NCHW")[0]
    return tf.reshape(y, shape)


def by_fused_instances(x):
    rows = tf.transpose(x, [1, 2, 0, 3])
    rows = tf.reshape(rows, tf.concat([[1], tf.shape(rows)[:2], [-1]], 0))
    count = tf.shape(rows)[3:]
    y = tf.nn.fused_batch_norm(rows, tf.ones(count), tf.zeros(count))[0]
    return tf.transpose(tf.reshape(y, [4, 4, -1, 6]), [2, 0, 1, 3])


def by_l2(x):
    return tf.nn.l2_normalize(x, -1) * parameter("scale", [6])


def by_root_mean_square(x):
    return x * tf.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + 1e-6) * parameter("scale", [6])


def by_response(x):
    return tf.nn.local_response_normalization(x)


def by_pixels(x):
    """Progressive GANs."""
    return x * tf.rsqrt(tf.reduce_mean(x * x, axis=3, keepdims=True) + 1e-8)


def by_l2_over_batch(x):
    """A norm of columns, as spectral and cosine layers take of rows and weights."""
    return x / tf.sqrt(tf.reduce_sum(tf.square(x), 0, keepdims=True) + 1e-12)


def by_image(x):
    return tf.map_fn(tf.image.per_image_standardization, x)


def by_constants(x):
    mean, deviation = np.array([0.4] * 6, np.float32), np.array([0.2] * 6, np.float32)
    return (x - mean) / deviation


def by_constant_variance(x):
    mean, variance = tf.constant([0.4] * 6), tf.constant([0.04] * 6)
    return (x - mean) * tf.rsqrt(variance + 1e-3)


def by_weights(x):
    """Salimans and Kingma: w = g v / |v|."""
    v, g = parameter("v", [6, 6], 0.3), parameter("g", [6])
    return tf.tensordot(x, g * v / tf.sqrt(tf.reduce_sum(tf.square(v), [0]) + 1e-8), 1)


def by_standardised_weights(x):
    """Qiao et al.: each filter has mean 0 and variance 1."""
    w = parameter("w", [6, 6], 0.3)
    mean, variance = tf.nn.moments(w, [0], keepdims=True)
    return tf.tensordot(x, (w - mean) * tf.rsqrt(variance + 1e-5) * parameter("gain", [6]), 1)


def by_fixed_unit_weights(x):
    return tf.tensordot(x, tf.nn.l2_normalize(parameter("w", [6, 6], 0.3), 0), 1)


def by_spectrum(x):
    w = parameter("w", [6, 6], 0.3)
    u = tf.get_variable("u", [1, 6], trainable=False)
    v = tf.nn.l2_normalize(tf.matmul(u, w))
    return tf.tensordot(x, w / tf.reduce_sum(tf.matmul(v, w, transpose_b=True) * u), 1)


def by_demodulation(x):
    """StyleGAN 2: filters scaled by a style, then to unit length."""
    w = parameter("w", [6, 6], 0.3) * tf.reduce_mean(x, [1, 2])[:, :, None]
    w *= tf.rsqrt(tf.reduce_sum(tf.square(w), [1], keepdims=True) + 1e-8)
    return tf.einsum("bhwi,bio->bhwo", x, w)


OTHERS = (
    *(by_fused_examples, by_fused_instances, by_l2, by_root_mean_square, by_response, by_pixels, by_l2_over_batch),
    *(by_image, by_constants, by_constant_variance, by_weights, by_standardised_weights, by_fixed_unit_weights),
    *(by_spectrum, by_demodulation),
)  # fmt: skip


@pytest.mark.parametrize("mode", QUICK, ids=str)
def test_other_norms_are_no_batch_norm(mode):
    with graphs.graph_mode(mode) as graph:
        x, outputs = tf.placeholder(tf.float32, LAYOUTS["NHWC"]), []
        for spelling in OTHERS:
            with tf.variable_scope(spelling.__name__):
                outputs.append(tf.reduce_mean(tf.square(spelling(x) * parameter("after", [6]))))
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.add_n(outputs))
        tf.train.Saver()
    assert_no_batch_norm(graph)


# ---- running statistics of what is fed, which scale it in training as well --------------------------------------


def _kept(shape):
    make = lambda name, value: tf.get_variable(  # noqa: E731
        name, shape, initializer=tf.constant_initializer(value), trainable=False
    )
    return make("mean", 0.0), make("var", 1.0), make("count", 1e-4) if shape == [] else tf.get_variable("count", [])


def observations_by_root(x):
    """As the running mean of baselines: clipped, the sums kept in variables."""
    mean, variance, count = _kept([6])
    batch_mean, batch_variance = tf.nn.moments(x, [0])
    tf.group(
        tf.assign(mean, mean + (batch_mean - mean) / count), tf.assign(variance, variance + batch_variance / count)
    )
    return tf.clip_by_value((x - mean) / tf.sqrt(variance + 1e-8), -5.0, 5.0)


def observations_by_inverse_root(x):
    mean, variance, _ = _kept([6])
    batch_mean, batch_variance = tf.nn.moments(x, [0])
    tf.group(tf.assign(mean, 0.9 * mean + 0.1 * batch_mean), tf.assign(variance, 0.9 * variance + 0.1 * batch_variance))
    return (x - mean) * tf.rsqrt(variance + 1e-8)


def observations_by_the_op(x):
    mean, variance, _ = _kept([6])
    batch_mean, batch_variance = tf.nn.moments(x, [0])
    tf.group(tf.assign_sub(mean, 0.1 * (mean - batch_mean)), tf.assign_sub(variance, 0.1 * (variance - batch_variance)))
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-8)


def observations_by_power(x):
    mean, variance, _ = _kept([6])
    batch_mean, batch_variance = tf.nn.moments(x, [0])
    tf.group(tf.assign_add(mean, 0.1 * (batch_mean - mean)), tf.assign_add(variance, 0.1 * (batch_variance - variance)))
    return tf.multiply(x - mean, tf.pow(variance + 1e-8, -0.5))


def observations_the_step_waits_for(x):
    mean, variance, _ = _kept([6])
    batch_mean, batch_variance = tf.nn.moments(x, [0])
    with tf.control_dependencies([tf.assign_sub(mean, 0.1 * (mean - batch_mean)),
                                  tf.assign_sub(variance, 0.1 * (variance - batch_variance))]):  # fmt: skip
        return (tf.identity(x) - mean) / tf.sqrt(variance + 1e-8)


OBSERVATIONS = (
    *(observations_by_root, observations_by_inverse_root, observations_by_the_op, observations_by_power),
    observations_the_step_waits_for,
)


@pytest.mark.parametrize("mode", QUICK, ids=str)
def test_standardised_inputs_are_no_batch_norm(mode):
    with graphs.graph_mode(mode) as graph:
        x, outputs = tf.placeholder(tf.float32, [None, 6]), []
        for spelling in OBSERVATIONS:
            with tf.variable_scope(spelling.__name__):
                outputs.append(tf.reduce_mean(tf.square(spelling(x) @ parameter("after", [6, 3]))))
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.add_n(outputs))
        tf.train.Saver()
    assert_no_batch_norm(graph)


@pytest.mark.parametrize("mode", QUICK, ids=str)
def test_batch_norm_of_inputs_without_gamma_and_beta_is_one_in_training_and_beside_it(mode):
    """The first layer of many networks: two sites, one of which is an evaluation with the same averages."""
    with graphs.graph_mode(mode) as graph:
        x = tf.placeholder(tf.float32, [None, 6])
        mean, variance, _ = _kept([6])
        moments = tf.nn.moments(x, [0])
        moved = [tf.assign_sub(v, 0.1 * (v - m)) for v, m in zip((mean, variance), moments, strict=True)]
        y = tf.nn.batch_normalization(x, *moments, None, None, 1e-3) @ parameter("after", [6, 3])
        with tf.control_dependencies(moved):
            tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(tf.square(y)))
        tf.nn.batch_normalization(tf.placeholder(tf.float32, [None, 6]), mean, variance, None, None, 1e-3)
    assert [site.mode for site in audit(graph).sites] == ["batch", "moving"]
