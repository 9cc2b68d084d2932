"""Graphs that were trained channels first, exported on a machine that may not run them so."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import export

IMAGES = np.random.RandomState(0).normal(size=(3, 4, 6, 6)).astype(np.float32)


@pytest.mark.parametrize("form", ["meta", "frozen", "saved_model", "tflite"])
def test_a_channels_first_network_is_exported_and_checked(form, tmp_path):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 4, 6, 6], "x")
        kernel = tf.get_variable("kernel", [3, 3, 4, 5])
        y = tf.nn.conv2d(x, kernel, [1, 1, 1, 1], "SAME", data_format="NCHW")
        y = tf.nn.relu(tf1bn.batch_norm(y, True, axis=1, decay=0.5))
        tf.nn.max_pool2d(y, 2, 2, "VALID", data_format="NCHW", name="y")
        session.run(tf.global_variables_initializer())
        done = export.export(graph, session, "y", tmp_path / "out", to=form, feed={"x": IMAGES})
    assert "1 outputs are those of the rewritten graph" in done.checks
