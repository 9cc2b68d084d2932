"""TensorFlow Probability beside our layer, and what its own batch norm needs in a graph."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

probability = pytest.importorskip(
    "tensorflow_probability", reason="run by `make test-neighbours`, where TensorFlow Probability is installed"
)

import tf1bn  # noqa: E402
from tf1bn import audit  # noqa: E402
from tf1bn.testing.graphs import MODES, graph_mode  # noqa: E402

STEPS = 3


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_a_likelihood_trains_through_our_layer(mode, values):
    wanted = values @ np.float32([1, 0, -1, 0.5])
    with graph_mode(mode), tf.Session() as session:
        training = tf.placeholder_with_default(True, [])
        h = tf1bn.batch_norm(tf.constant(values), training, scope="bn", decay=0.5)
        place = tf.squeeze(tf1bn.dense(h, 1, scope="dense"), 1)
        normal = probability.distributions.Normal(place, 2.0)
        loss = -tf.reduce_mean(normal.log_prob(wanted))
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        session.run(tf.global_variables_initializer())
        losses = [session.run([loss, train])[0] for _ in range(STEPS)]
        [mean] = session.run(tf.global_variables("bn/moving_mean"))
        where, after = session.run([place, loss], {training: False})
    np.testing.assert_allclose(mean, (1 - 0.5**STEPS) * values.mean(0, dtype=np.float64), 1e-5, 1e-6)
    by_hand = ((wanted - where.astype(np.float64)) / 2) ** 2 / 2 + np.log(2) + np.log(2 * np.pi) / 2
    np.testing.assert_allclose(after, by_hand.mean(), 1e-5)
    assert losses[-1] < losses[0]


def test_the_averages_of_its_bijector_stand_still_and_the_audit_tells(values):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, values.shape)
        bijector = probability.bijectors.BatchNormalization()
        loss = tf.reduce_mean(tf.square(bijector.inverse(x)))
        updates = bijector.batchnorm.updates
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        assert not tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        assert {finding.code for finding in audit.audit(graph, train_op=train).findings} == {"BN005"}
        session.run(tf.global_variables_initializer())
        session.run(train, {x: values})
        assert not session.run(bijector.batchnorm.moving_mean).any()
        session.run([train, updates], {x: values})
        moved = session.run(bijector.batchnorm.moving_mean)
        both = tf.group(train, *updates)
        assert not audit.audit(graph, train_op=both).findings
    np.testing.assert_allclose(moved, 0.01 * values.mean(0, dtype=np.float64), 1e-4, 1e-6)
