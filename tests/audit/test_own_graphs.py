"""The graphs of this library, in every strategy and mode, are clean under every rule."""

import itertools

import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.audit import audit

STRATEGIES = ("inline", "collection", "ema", "frozen")
MODES = ("true", "false", "placeholder", "variable")


def switch(mode):
    if mode == "placeholder":
        return tf.placeholder_with_default(False, [], "is_training")
    if mode == "variable":
        return tf.get_variable("mode", [], tf.bool, tf.zeros_initializer(), trainable=False)
    return mode == "true"


def build(strategy, mode, rank, train, batch_statistics):
    shape = {2: [None, 4], 4: [None, 6, 6, 3]}[rank]
    arguments = {} if batch_statistics is None else {"use_batch_statistics": batch_statistics}
    with tf.Graph().as_default() as graph:
        y, flag = tf.placeholder(tf.float32, shape, "x"), switch(mode)
        for _ in range(2):
            y = tf1bn.batch_norm(y, flag, update_strategy=strategy, **arguments)
        loss = tf.reduce_mean(tf.square(y))
        if train == "minimize":
            tf1bn.minimize(tf.train.AdamOptimizer(), loss)
        elif train == "with_updates":
            tf1bn.with_updates(tf.train.GradientDescentOptimizer(0.1).minimize(loss))
        tf.train.Saver()
    return graph


TRAINED = list(itertools.product(("minimize", "with_updates", None), (None, True, False)))
# Each way to train with rows or with images in turn, and from mode to mode with the other: rank and way show in
# different parts of a graph. The other half is in the exhaustive part.
HALVES = (0, pytest.param(1, marks=pytest.mark.exhaustive, id="the other ranks"))
# The mix of both is exhaustive, too: the corpus and the rules are audited in it.
FLAVOURS = ("reference-v1", "resource-v2", pytest.param("resource-v1", marks=pytest.mark.exhaustive))


@pytest.mark.parametrize("flavour", FLAVOURS, indirect=True)
@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(("strategy", "mode"), itertools.product(STRATEGIES, MODES))
def test_clean_live_and_as_a_file(strategy, mode, half, flavour, tmp_path):
    turn = STRATEGIES.index(strategy) + MODES.index(mode) + half
    for number, (train, batch) in enumerate(TRAINED):
        graph = build(strategy, mode, (2, 4)[(turn + number) % 2], train, batch)
        with graph.as_default():
            tf.train.export_meta_graph(str(tmp_path / "model.meta"))
        for report in (audit(graph), audit(tmp_path / "model.meta")):
            assert report.findings == () and len(report.sites) == 2
