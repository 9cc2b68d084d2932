"""Graphs that hold what no layer elsewhere does: each is a question or a refusal, never numbers in the wrong place."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import convert, errors
from tf1bn.compat import rnn_cell
from tf1bn.testing.graphs import MODES, graph_mode


def _variable(name, *shape):
    return tf.get_variable(name, shape)


def _input(*shape):
    return tf.placeholder(tf.float32, [None, *shape], "x")


def weight_norm():
    v, g = _variable("v", 3, 4), _variable("g", 4)
    return tf.matmul(_input(3), g * v * tf.rsqrt(tf.reduce_sum(tf.square(v), 0)))


def kernel_on_the_left():
    return tf.matmul(_variable("w", 4, 3), tf.transpose(_input(3)))


def einsum():
    return tf.einsum("bi,io->bo", _input(3), _variable("w", 3, 4))


def used_both_ways():
    w = _variable("w", 3, 3)
    return tf.matmul(tf.matmul(_input(3), w), w, transpose_b=True)


def unknown_maps():
    return tf.matmul(tf.reshape(_input(4, 4, 2), [-1, 32]), _variable("w", 32, 3))


def peepholes():
    cell = rnn_cell.LSTMCell(4, use_peepholes=True)
    x = _input(3)
    return cell(x, cell.zero_state(tf.shape(x)[0], tf.float32))[0]


def projection():
    cell = rnn_cell.LSTMCell(4, num_proj=2)
    x = _input(3)
    return cell(x, cell.zero_state(tf.shape(x)[0], tf.float32))[0]


def several_axes():
    x = _input(3, 4)
    mean, variance = _variable("moving_mean", 3, 4), _variable("moving_variance", 3, 4)
    return tf.nn.batch_normalization(x, mean, variance, None, None, 1e-3)


QUESTIONS = {
    weight_norm: "computes with it, which is no layer known here",
    kernel_on_the_left: "computes with it, which is no layer known here",
    einsum: "computes with it, which is no layer known here",
    used_both_ways: "used both ways round",
    unknown_maps: "maps whose axes are unknown",
    peepholes: "it has peepholes",
    projection: "its state is projected",
    several_axes: "has several axes",
}


@pytest.mark.parametrize("build", QUESTIONS, ids=lambda build: build.__name__)
def test_what_no_layer_elsewhere_has_is_asked(build):
    with graph_mode() as graph:
        build()
        values = {v.op.name: np.ones(v.shape.as_list(), np.float32) for v in tf.global_variables()}
        plan = convert.plan_conversion(values, graph=graph)
    assert any(QUESTIONS[build] in doubt.text for doubt in plan.doubts), plan.doubts
    with pytest.raises(errors.ConvertError, match="questions are open, nothing was written"):
        plan.require()


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_layer_is_read_in_every_mode(mode):
    with graph_mode(mode) as graph:
        with tf.variable_scope("conv"):
            y = tf.nn.conv2d(_input(4, 4, 2), _variable("kernel", 3, 3, 2, 5), 2, "SAME")
            tf.nn.relu(tf.nn.bias_add(y, _variable("bias", 5)))
        values = {v.op.name: np.ones(v.shape.as_list(), np.float32) for v in tf.global_variables()}
        (layer,) = convert.plan_conversion(values, graph=graph).layers
    assert (layer.kind, sorted(layer.tensors), layer.sure) == ("conv", ["bias", "kernel"], "certain")
    assert layer.traits["amounts"] == [[0, 1], [0, 1]] and layer.traits["activation"] == "Relu"
