"""Layers of Keras 3 in a graph of TensorFlow 1, beside ours: trained, saved and restored together."""

import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

if "TF1BN_NEIGHBOURS" not in os.environ:
    pytest.skip("run by `make test-neighbours`: to load Keras costs seconds", allow_module_level=True)
keras = pytest.importorskip("keras", minversion="3.0")

import tf1bn  # noqa: E402
from tf1bn.testing import reference  # noqa: E402
from tf1bn.testing.graphs import MODES, graph_mode  # noqa: E402

DECAY, STEPS = 0.5, 3


def network(x, is_training):
    """Two dense layers of Keras with our batch norm between them."""
    hidden = keras.layers.Dense(3, name="hidden")(x)
    y = tf1bn.batch_norm(hidden, is_training, scope="bn", decay=DECAY)
    return hidden, keras.layers.Dense(1, name="out")(tf.nn.relu(y))


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_they_train_with_one_optimizer_and_restore_from_one_checkpoint(mode, values, tmp_path):
    with graph_mode(mode), tf.Session() as session:
        switch = tf.placeholder_with_default(False, [])
        hidden, y = network(tf.constant(values), switch)
        step = tf.train.GradientDescentOptimizer(0.05).minimize(tf.reduce_mean(tf.square(y - 1)))
        session.run(tf.global_variables_initializer())
        start, batches = session.run(tf.trainable_variables()), []
        for _ in range(STEPS):
            batches.append(session.run([hidden, step], {switch: True})[0].astype(np.float64))
        assert all(np.abs(a - b).max() > 0 for a, b in zip(start, session.run(tf.trainable_variables()), strict=True))
        wanted = reference.moving_averages(batches, DECAY, reference.Statistics(np.zeros(3), np.ones(3)))
        for leaf, value in (("mean", wanted.mean), ("variance", wanted.variance)):
            np.testing.assert_allclose(session.run(tf.global_variables(f"bn/moving_{leaf}")[0]), value, 1e-4, 1e-5)
        served = session.run(y)
        tf.train.Saver().save(session, str(tmp_path / "model"))
    names = {name for name, _ in tf.train.list_variables(str(tmp_path / "model"))}
    assert {"hidden/kernel", "hidden/bias", "bn/gamma", "bn/moving_mean", "out/kernel"} <= names
    with graph_mode(mode), tf.Session() as session:
        _, y = network(tf.constant(values), False)
        tf.train.Saver().restore(session, str(tmp_path / "model"))
        np.testing.assert_allclose(session.run(y), served, 1e-5, 1e-6)


def test_what_keras_would_do_in_each_call_is_done_once():
    """The state of its dropout never moves in a graph, so every step drops the same values."""
    with graph_mode(), tf.Session() as session:
        y = keras.layers.Dropout(0.5)(tf.ones([64]), training=True)
        session.run(tf.global_variables_initializer())
        np.testing.assert_array_equal(session.run(y), session.run(y))
        y = tf.nn.dropout(tf.ones([64]), rate=0.5)
        assert (session.run(y) != session.run(y)).any()
