"""A reducer of one member changes nothing, and workers that exchange nothing share one decay."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.distribute import Allreduce, Collectives, Grouped, Replicas, Statistics
from tf1bn.testing import graphs, reference

EXTREMES = (graphs.Mode(True, True), graphs.Mode(False, False))
ALONE = {
    "replicas": Replicas(),
    "collectives": Collectives(1),
    "allreduce": Allreduce(lambda tensor, name: tf.identity(tensor), 1),
    "grouped": Grouped(Collectives(1), 1),
    "one round": Statistics(Collectives(1), rounds=1),
    "nothing": Statistics(),
}
X = np.random.default_rng(2).normal(2, 3, (6, 3))


def run(y, feed=None, times=1):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(times):
            found = session.run(y, feed)
        return found, {v.op.name: session.run(v) for v in tf.global_variables()}


@pytest.mark.parametrize("mode", EXTREMES, ids=str)
@pytest.mark.parametrize("name", ALONE)
def test_one_member_is_the_plain_layer_in_training_and_inference(name, mode):
    with graphs.graph_mode(mode), tf.device("/cpu:0"):
        switch = tf.placeholder(tf.bool, [])
        y = tf1bn.batch_norm(tf.constant(X), switch, scope="bn", decay=0.9, statistics=ALONE[name])
        found, variables = run(y, {switch: True})
        np.testing.assert_allclose(found, reference.batch_norm(X), 1e-9, 1e-12)
        start = reference.Statistics(np.zeros(3), np.ones(3))
        expected = reference.moving_averages([X], 0.9, start)
        np.testing.assert_allclose(variables["bn/moving_mean"], expected.mean, 1e-9)
        np.testing.assert_allclose(variables["bn/moving_variance"], expected.variance, 1e-9)
        found, variables = run(y, {switch: False})
        np.testing.assert_allclose(found, reference.normalize(X, start), 1e-9)
        assert not variables["bn/moving_mean"].any()


@pytest.mark.parametrize("writers", [1, 4])
@pytest.mark.parametrize("tensor", [False, True])
def test_updates_by_each_of_several_writers_move_the_averages_by_the_decay_once(writers, tensor):
    with graphs.graph_mode():
        decay = tf.constant(0.9, tf.float64) if tensor else 0.9
        y = tf1bn.batch_norm(tf.constant(X), True, scope="bn", decay=decay, statistics=Statistics(writers=writers))
        _, variables = run(y, times=writers)
    np.testing.assert_allclose(variables["bn/moving_mean"], 0.1 * X.mean(0), 1e-7)


@pytest.mark.parametrize("index", [0, 1])
def test_of_workers_without_exchange_the_first_one_moves_the_averages(index):
    with graphs.graph_mode():
        y = tf1bn.batch_norm(tf.constant(X), True, scope="bn", statistics=Statistics(averages="first", index=index))
        _, variables = run(y)
    assert variables["bn/moving_mean"].any() == (index == 0)


def test_averages_that_normalise_while_they_move_are_read_before():
    with graphs.graph_mode(), tf.device("/cpu:0"):
        y = tf1bn.batch_norm(
            tf.constant(X), True, scope="bn", decay=0.5, use_batch_statistics=False, statistics=Collectives(1)
        )
        found, variables = run(y)
    np.testing.assert_allclose(found, X / np.sqrt(1 + 1e-3), 1e-9)
    np.testing.assert_allclose(variables["bn/moving_mean"], 0.5 * X.mean(0), 1e-9)


def test_accumulated_averages_are_those_of_unequal_and_empty_micro_batches_together():
    sizes, start = (8, 8, 0, 3), 0
    rows = np.random.default_rng(4).normal(700, 1, (19, 3))
    with graphs.graph_mode(), tf.Session() as session:
        x, last = tf.placeholder(tf.float64, [None, 3]), tf.placeholder(tf.bool, [])
        counted = tf1bn.batch_norm(x, True, scope="k", decay=0.9, update_strategy=tf1bn.Accumulated(4))
        told = tf1bn.batch_norm(x, True, scope="last", decay=0.9, update_strategy=tf1bn.Accumulated(last))
        session.run(tf.global_variables_initializer())
        for i, size in enumerate(sizes):
            averages = session.run([v for v in tf.global_variables() if "moving_mean" in v.name])
            assert not np.any(averages)
            session.run([counted, told], {x: rows[start : start + size], last: i == 3})
            start += size
        found = {v.op.name: session.run(v) for v in tf.global_variables()}
    for scope in ("k", "last"):
        np.testing.assert_allclose(found[f"{scope}/moving_mean"], 0.1 * rows.mean(0), 1e-9)
        np.testing.assert_allclose(found[f"{scope}/moving_variance"], 0.9 + 0.1 * rows.var(0), 1e-9)
        assert found[f"{scope}/accumulated_count"] == 0
