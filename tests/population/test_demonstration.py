"""Networks trained on real digits whose averages were never moved come out as well as those whose averages were."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.population.test_graphs import fused_spelling, moments_spelling
from tf1bn import checkpoint, population
from tf1bn.datasets import batches, digits
from tf1bn.population import Labelled
from tf1bn.testing.graphs import MODES, graph_mode

STEPS, SETTLE, SIZE = 100, 60, 64


def by_hand(x, switch, number):
    """tf.nn.fused_batch_norm or tf.nn.moments, its averages moved inside the branch that trains."""
    width = int(x.shape[-1])
    variables = [
        tf.get_variable(name, [width], initializer=initializer(), trainable=learned)
        for name, initializer, learned in (
            ("gamma", tf.ones_initializer, True),
            ("beta", tf.zeros_initializer, True),
            ("moving_mean", tf.zeros_initializer, False),
            ("moving_variance", tf.ones_initializer, False),
        )
    ]
    spelling = fused_spelling if number == 0 else moments_spelling
    return spelling(x, variables, "switched", switch)


def by_tf1bn(x, switch, number):
    del number
    return tf1bn.batch_norm(x, switch, decay=0.9, scope="batch_norm")


def build(norm):
    """A convolution and a dense layer, each with a batch norm; returns the train op and what moves the averages."""
    images, labels = tf.placeholder(tf.float32, [None, 8, 8, 1], "images"), tf.placeholder(tf.int64, [None], "labels")
    switch = tf.placeholder_with_default(False, [], "is_training")
    make = tf.glorot_uniform_initializer
    with tf.variable_scope("conv"):
        y = tf.nn.conv2d(images, tf.get_variable("kernel", [3, 3, 1, 8], initializer=make(seed=1)), 2, "SAME")
        y = tf.nn.relu(norm(y, switch, 0))
    with tf.variable_scope("hidden"):
        y = tf.matmul(tf.reshape(y, [-1, 128]), tf.get_variable("kernel", [128, 32], initializer=make(seed=2)))
        y = tf.nn.relu(norm(y, switch, 1))
    logits = tf.matmul(y, tf.get_variable("out", [32, 10], initializer=make(seed=3)), name="logits")
    tf.argmax(logits, 1, name="classes")
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
    return tf.train.AdamOptimizer(0.01).minimize(loss), loss


@pytest.mark.parametrize(("norm", "mode"), [(by_hand, MODES[0]), (by_hand, MODES[-1]), (by_tf1bn, MODES[0])])
def test_averages_that_were_never_moved_become_as_good_as_moved_ones(norm, mode, tmp_path):
    data = digits.load(size=8)
    feed = batches.batches(data.train, SIZE, seed=0)
    with graph_mode(mode), tf.Session() as session:
        step, loss = build(norm)
        session.run(tf.global_variables_initializer())
        for number in range(STEPS + SETTLE):
            batch = next(feed)
            fed = {"images:0": batch.images, "labels:0": batch.labels, "is_training:0": True}
            session.run(step if number < STEPS else loss, fed)
        moved = tf.train.Saver().save(session, str(tmp_path / "moved"))
    reader = tf.train.load_checkpoint(moved)
    averages = {n: s for n, s in reader.get_variable_to_shape_map().items() if "/moving_" in n and "Adam" not in n}
    assert len(averages) == 4
    still = {name: np.full(shape, float("variance" in name)) for name, shape in averages.items()}
    never = checkpoint.replace(moved, tmp_path / "never", still).target
    images = [batch.images for batch in batches.in_order(data.train, 100)]
    labelled = Labelled(data.test.images, data.test.labels)
    settled = population.reestimate(f"{moved}.meta", images, checkpoint=moved, labelled=labelled).accuracy_before
    for sequential in (False, True):
        done = population.reestimate(
            f"{moved}.meta", images, checkpoint=never, labelled=labelled, sequential=sequential
        )
        assert done.accuracy_before < 0.7 < 0.9 < settled
        assert done.accuracy_after >= settled - 1.5 / len(data.test.labels)
