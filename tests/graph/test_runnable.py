"""Channels-first ops that a CPU has no kernel for, run channels last: the values are those of loops in NumPy."""

import itertools

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.graph import runnable

RANDOM = np.random.RandomState(0)
X, CUBES = RANDOM.normal(size=(2, 4, 6, 8)), RANDOM.normal(size=(2, 4, 4, 6, 5))
KERNEL, DEPTHWISE, BACK = (RANDOM.normal(size=shape) for shape in ((3, 2, 4, 6), (3, 2, 4, 2), (3, 2, 5, 4)))
KERNEL_3D, BACK_3D = RANDOM.normal(size=(2, 3, 2, 4, 6)), RANDOM.normal(size=(2, 3, 2, 5, 4))


def windows(x, size, strides, dilations, pads):
    """Yields (place, patch) for every window of a padded channels-first array."""
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    reach = [(n - 1) * d + 1 for n, d in zip(size, dilations, strict=True)]
    counts = [(full - r) // s + 1 for full, r, s in zip(x.shape[2:], reach, strides, strict=True)]
    for place in itertools.product(*map(range, counts)):
        cut = [slice(i * s, i * s + r, d) for i, s, r, d in zip(place, strides, reach, dilations, strict=True)]
        yield place, x[(slice(None), slice(None), *cut)]


def gathered(pairs):
    pairs = list(pairs)
    size = [1 + max(place[axis] for place, _ in pairs) for axis in range(len(pairs[0][0]))]
    result = np.zeros([*pairs[0][1].shape, *size])
    for place, value in pairs:
        result[(slice(None), slice(None), *place)] = value
    return result


def conv(x, kernel, strides, dilations=None, pads=None):
    rank = x.ndim - 2
    dilations, pads = dilations or [1] * rank, pads or [(0, 0)] * rank
    letters = "abc"[:rank]
    found = windows(x, kernel.shape[:rank], strides, dilations, pads)
    return gathered((place, np.einsum(f"ni{letters},{letters}io->no", patch, kernel)) for place, patch in found)


def depthwise(x, kernel, strides):
    found = windows(x, kernel.shape[:2], strides, [1, 1], [(0, 0)] * 2)
    return gathered((place, np.einsum("niab,abim->nim", patch, kernel).reshape(len(x), -1)) for place, patch in found)


def pooled(function, x, size, strides):
    found = windows(x, size, strides, [1] * len(size), [(0, 0)] * len(size))
    return gathered((place, function(patch, axis=tuple(range(2, x.ndim)))) for place, patch in found)


def transposed(x, kernel, strides, size):
    """Each input spreads the kernel over the output."""
    rank = x.ndim - 2
    letters = "abc"[:rank]
    result = np.zeros([len(x), kernel.shape[-2], *size])
    for place in np.ndindex(*x.shape[2:]):
        cut = [slice(i * s, i * s + n) for i, s, n in zip(place, strides, kernel.shape[:rank], strict=True)]
        spread = np.einsum(f"ni,{letters}oi->no{letters}", x[(slice(None), slice(None), *place)], kernel)
        result[(slice(None), slice(None), *cut)] += spread
    return result


def depth_to_space(x):
    n, c, h, w = x.shape
    return x.reshape(n, 2, 2, c // 4, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c // 4, 2 * h, 2 * w)


R = tf.raw_ops
FLAT = {"padding": "VALID", "data_format": "NCHW"}
DEEP = {"padding": "VALID", "data_format": "NCDHW"}
PROGRAMS = {
    "conv2d": (
        lambda x: R.Conv2D(input=x, filter=np.float32(KERNEL), strides=[1, 1, 2, 1], **FLAT),
        lambda: conv(X, KERNEL, [2, 1]),
    ),
    "dilated": (
        lambda x: R.Conv2D(
            input=x,
            filter=np.float32(KERNEL),
            strides=[1, 1, 1, 1],
            dilations=[1, 1, 2, 3],
            padding="EXPLICIT",
            explicit_paddings=[0, 0, 0, 0, 1, 2, 0, 3],
            data_format="NCHW",
        ),
        lambda: conv(X, KERNEL, [1, 1], [2, 3], [(1, 2), (0, 3)]),
    ),
    "depthwise": (
        lambda x: R.DepthwiseConv2dNative(input=x, filter=np.float32(DEPTHWISE), strides=[1, 1, 2, 2], **FLAT),
        lambda: depthwise(X, DEPTHWISE, [2, 2]),
    ),
    "max_pool": (
        lambda x: R.MaxPool(input=x, ksize=[1, 1, 2, 3], strides=[1, 1, 2, 1], **FLAT),
        lambda: pooled(np.max, X, [2, 3], [2, 1]),
    ),
    "max_pool_v2": (
        lambda x: R.MaxPoolV2(input=x, ksize=[1, 1, 2, 3], strides=[1, 1, 2, 1], **FLAT),
        lambda: pooled(np.max, X, [2, 3], [2, 1]),
    ),
    "avg_pool": (
        lambda x: R.AvgPool(value=x, ksize=[1, 1, 3, 2], strides=[1, 1, 1, 2], **FLAT),
        lambda: pooled(np.mean, X, [3, 2], [1, 2]),
    ),
    "transposed": (
        lambda x: R.Conv2DBackpropInput(
            input_sizes=[2, 5, 13, 9], filter=np.float32(BACK), out_backprop=x, strides=[1, 1, 2, 1], **FLAT
        ),
        lambda: transposed(X, BACK, [2, 1], [13, 9]),
    ),
    "transposed_dynamic": (
        lambda x: R.Conv2DBackpropInput(
            input_sizes=tf.stack([tf.shape(x)[0], 5, 13, 9]),
            filter=np.float32(BACK),
            out_backprop=x,
            strides=[1, 1, 2, 1],
            **FLAT,
        ),
        lambda: transposed(X, BACK, [2, 1], [13, 9]),
    ),
    "depth_to_space": (
        lambda x: R.DepthToSpace(input=x, block_size=2, data_format="NCHW"),
        lambda: depth_to_space(X),
    ),
    "conv3d": (
        lambda x: R.Conv3D(input=x, filter=np.float32(KERNEL_3D), strides=[1, 1, 1, 2, 1], **DEEP),
        lambda: conv(CUBES, KERNEL_3D, [1, 2, 1]),
    ),
    "transposed3d": (
        lambda x: R.Conv3DBackpropInputV2(
            input_sizes=[2, 5, 5, 13, 6], filter=np.float32(BACK_3D), out_backprop=x, strides=[1, 1, 1, 2, 1], **DEEP
        ),
        lambda: transposed(CUBES, BACK_3D, [1, 2, 1], [5, 13, 6]),
    ),
    "max_pool3d": (
        lambda x: R.MaxPool3D(input=x, ksize=[1, 1, 2, 3, 1], strides=[1, 1, 2, 1, 1], **DEEP),
        lambda: pooled(np.max, CUBES, [2, 3, 1], [2, 1, 1]),
    ),
    "avg_pool3d": (
        lambda x: R.AvgPool3D(input=x, ksize=[1, 1, 2, 3, 1], strides=[1, 1, 2, 1, 2], **DEEP),
        lambda: pooled(np.mean, CUBES, [2, 3, 1], [2, 1, 2]),
    ),
}


@pytest.mark.parametrize("inside", [False, True], ids=["graph", "function"])
def test_ops_run_channels_last_and_give_what_they_are(inside):
    with tf.Graph().as_default() as graph:
        names = {}
        for name, (build, _) in PROGRAMS.items():
            x = tf.placeholder_with_default(np.float32(CUBES if "3d" in name else X), None, f"{name}/x")
            x.set_shape(CUBES.shape if "3d" in name else X.shape)
            with tf.name_scope(name):
                made = tf.function(build)(x) if inside else build(x)
                names[name] = tf.identity(made, "y").name
        graph_def = graph.as_graph_def(add_shapes=True)
    assert runnable.make_runnable(graph_def) == len(PROGRAMS)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        tf.import_graph_def(graph_def, name="")
        found = session.run(names)
    for name, (_, expected) in PROGRAMS.items():
        np.testing.assert_allclose(found[name], expected(), rtol=0, atol=2e-5, err_msg=name)
