"""Transposed convolutions keep the batch that `output_shape` names; values are those of the adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.compat import contrib_nn, transposed

RANDOM = np.random.RandomState(0)
KERNEL = RANDOM.randn(3, 3, 2, 5)


def unknown(*sizes: int) -> tf.Tensor:
    return tf.placeholder(tf.float32, [None, *sizes])


def kernel() -> tf.Tensor:
    return tf.constant(KERNEL, tf.float32)


CALLS = {
    "by position": lambda x: transposed.conv2d_transpose(x, kernel(), [6, 8, 8, 2], [1, 2, 2, 1]),
    "by name": lambda x: transposed.conv2d_transpose(x, kernel(), output_shape=[6, 8, 8, 2], strides=[1, 2, 2, 1]),
    "a tensor": lambda x: transposed.conv2d_transpose(x, kernel(), tf.constant([6, 8, 8, 2]), [1, 2, 2, 1]),
    "a shape": lambda x: transposed.conv2d_transpose(x, kernel(), tf.TensorShape([6, 8, 8, 2]), [1, 2, 2, 1]),
    "half a tensor": lambda x: transposed.conv2d_transpose(
        x, kernel(), tf.stack([6, tf.shape(x)[1] * 2, 8, 2]), [1, 2, 2, 1]
    ),
    "backprop": lambda x: transposed.conv2d_backprop_input([6, 8, 8, 2], kernel(), x, [1, 2, 2, 1], "SAME"),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_batch_that_a_program_names_is_known(plain_graph, run, name: str) -> None:
    x = unknown(4, 4, 5)
    result = CALLS[name](x)
    assert result.shape.as_list()[0] == 6
    given, other = RANDOM.randn(6, 4, 4, 5), RANDOM.randn(6, 8, 8, 2)
    forward = tf.nn.conv2d(tf.constant(other, tf.float32), kernel(), strides=[1, 2, 2, 1], padding="SAME")
    # The adjoint: <A other, given> = <other, A* given>.
    left, right = np.sum(run(forward) * given), np.sum(other * run(result, {x: given}))
    np.testing.assert_allclose(left, right, rtol=1e-4)


def test_a_batch_of_the_run_stays_unknown(plain_graph) -> None:
    x = unknown(4, 4, 5)
    sizes: Any = [tf.shape(x)[0], 8, 8, 2]
    for output_shape in (sizes, tf.stack(sizes), tf.placeholder(tf.int32, [4])):
        result = transposed.conv2d_transpose(x, kernel(), output_shape, [1, 2, 2, 1])
        assert result.shape.as_list()[0] is None


def test_other_ranks_and_dilated_ones_keep_it_too(plain_graph) -> None:
    flat = tf.zeros([3, 2, 5])
    assert contrib_nn.conv1d_transpose(unknown(4, 5), flat, [6, 8, 2], 2).shape.as_list() == [6, 8, 2]
    assert transposed.conv1d_transpose(unknown(4, 5), flat, [6, 8, 2], 2).shape.as_list() == [6, 8, 2]
    wide = transposed.atrous_conv2d_transpose(unknown(8, 8, 5), kernel(), [6, 8, 8, 2], 2, "SAME")
    assert wide.shape.as_list()[0] == 6


def test_another_batch_than_the_input_has_is_refused_as_before(plain_graph) -> None:
    with pytest.raises(ValueError, match="Dimension"):
        transposed.conv2d_transpose(tf.zeros([3, 4, 4, 5]), kernel(), [6, 8, 8, 2], [1, 2, 2, 1])
