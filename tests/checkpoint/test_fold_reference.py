"""The NumPy convolutions that folded layers are compared with, against TensorFlow in float64."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.checkpoint import fold_reference
from tf1bn.graph.folding.linear import linear
from tf1bn.graph.model import GraphModel

RANDOM = np.random.RandomState(0)
X4, X5 = RANDOM.normal(size=(2, 7, 6, 4)), RANDOM.normal(size=(2, 5, 4, 6, 4))


def kernel(*shape):
    return RANDOM.normal(size=shape)


CASES = {
    "same": lambda: tf.nn.conv2d(X4, kernel(3, 2, 4, 5), [1, 2, 3, 1], "SAME"),
    "valid": lambda: tf.nn.conv2d(X4, kernel(3, 2, 4, 5), [1, 2, 1, 1], "VALID"),
    "dilated": lambda: tf.nn.conv2d(X4, kernel(3, 3, 4, 5), [1, 1, 1, 1], "SAME", dilations=[1, 2, 1, 1]),
    "explicit": lambda: tf.nn.conv2d(X4, kernel(3, 3, 4, 5), [1, 2, 1, 1], [[0, 0], [0, 2], [3, 1], [0, 0]]),
    "depthwise": lambda: tf.nn.depthwise_conv2d(X4, kernel(3, 2, 4, 3), [1, 2, 2, 1], "SAME"),
    "three axes": lambda: tf.nn.conv3d(X5, kernel(2, 3, 3, 4, 5), [1, 2, 1, 3, 1], "SAME"),
    "transposed": lambda: tf.nn.conv2d_transpose(X4, kernel(3, 4, 5, 4), [2, 14, 17, 5], [1, 2, 3, 1], "SAME"),
    "transposed valid": lambda: tf.nn.conv2d_transpose(X4, kernel(3, 2, 5, 4), [2, 15, 7, 5], [1, 2, 1, 1], "VALID"),
    "transposed 3": lambda: tf.nn.conv3d_transpose(
        X5, kernel(3, 2, 3, 5, 4), [2, 10, 4, 6, 5], [1, 2, 1, 1, 1], "SAME"
    ),
    "matmul": lambda: tf.matmul(X4[0, 0], kernel(5, 4), transpose_b=True),
    "rows": lambda: tf.linalg.matmul(X4, kernel(4, 5)),
}


@pytest.mark.parametrize("name", CASES)
def test_layer_gives_what_tensorflow_gives(name):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        output = CASES[name]()
        node = next(node for node in GraphModel(graph).nodes if linear(node) is not None)
        layer = linear(node)
        operation = graph.get_operation_by_name(node.name)
        expected, x, weights = session.run(
            [operation.outputs[0], *(operation.inputs[at] for at in ((2, 1) if "transposed" in name else (0, 1)))]
        )
        assert output.shape == expected.shape
    got = fold_reference.apply(layer, weights, x, expected.shape)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    assert fold_reference.terms(layer, weights) == weights.size // expected.shape[-1]


def test_grouped_convolution_is_one_convolution_per_group():
    with tf.Graph().as_default() as graph:
        tf.nn.conv2d(X4, tf.constant(kernel(3, 3, 2, 6)), [1, 1, 1, 1], "SAME")
        layer = next(filter(None, map(linear, GraphModel(graph).nodes)))
    weights = kernel(3, 3, 2, 6)
    whole = fold_reference.apply(layer, weights, X4, (2, 7, 6, 6))
    for group in range(2):
        ins, outs = slice(2 * group, 2 * group + 2), slice(3 * group, 3 * group + 3)
        part = fold_reference.apply(layer, weights[..., outs], X4[..., ins], (2, 7, 6, 3))
        np.testing.assert_allclose(whole[..., outs], part, rtol=0, atol=1e-12)


def test_batch_to_space_gives_what_tensorflow_gives():
    x, block, crops = RANDOM.normal(size=(12, 3, 4, 2)), np.array([2, 3]), np.array([[1, 0], [2, 1]])
    with tf.Graph().as_default(), tf.Session() as session:
        expected = session.run(tf.batch_to_space_nd(x, block, crops))
    np.testing.assert_array_equal(fold_reference.batch_to_space(x, block, crops), expected)
