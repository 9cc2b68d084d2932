"""From a training graph to an inference graph, and what a .meta file carries."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.core import records
from tf1bn.strategies.ema import Ema
from tf1bn.testing import reference
from tf1bn.testing.reference import Statistics

RNG = np.random.default_rng(0)
BATCHES = list(RNG.normal(2, 3, (4, 8, 5)))
PROBE = RNG.normal(0, 2, (6, 5))


def _network(x, training, strategy, units=5):
    h = tf1bn.dense(x, units, scope="one", kernel_initializer=tf.random_normal_initializer(seed=1))
    return tf1bn.batch_norm(h, training, update_strategy=strategy, scope="bn")


def _x():
    return tf.placeholder(tf.float64, [None, 5], name="x")


@pytest.mark.parametrize("strategy", ["inline", "collection", "ema", "frozen", Ema(zero_debias=True)], ids=str)
def test_a_plain_saver_carries_training_into_a_separate_inference_graph(any_graph, tmp_path, strategy):
    prefix = str(tmp_path / "model")
    x = _x()
    y = _network(x, True, strategy)
    step = tf1bn.minimize(tf.train.GradientDescentOptimizer(0.1), tf.reduce_mean(tf.square(y - 1.0)))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for batch in BATCHES:
            session.run(step, {x: batch})
        tf.train.Saver().save(session, prefix)
        names = ("one/kernel", "one/bias", "bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance")
        by_name = {v.op.name: v for v in tf.global_variables()}
        kernel, bias, gamma, beta, mean, variance = session.run([by_name[name] for name in names])
    assert (strategy == "frozen") == bool(np.all(mean == 0))
    expected = reference.normalize(PROBE @ kernel + bias, Statistics(mean, variance), gamma, beta)
    with tf.Graph().as_default(), tf.Session() as session:
        x = _x()
        y = _network(x, False, strategy)
        tf.train.Saver().restore(session, prefix)
        np.testing.assert_allclose(session.run(y, {x: PROBE}), expected, rtol=1e-9)
        one_by_one = np.concatenate([session.run(y, {x: PROBE[i : i + 1]}) for i in range(len(PROBE))])
        np.testing.assert_allclose(one_by_one, expected, rtol=1e-9)


def test_variables_to_restore_of_a_shared_object_load_weights_and_statistics(any_graph, tmp_path):
    prefix = str(tmp_path / "model")
    ema = tf.train.ExponentialMovingAverage(0.5)
    x = tf.placeholder(tf.float32, [None, 5])
    y = _network(x, True, Ema(ema))
    train = tf1bn.minimize(tf.train.GradientDescentOptimizer(0.5), tf.reduce_mean(tf.square(y - x)))
    with tf.control_dependencies([train]):
        step = ema.apply(tf.trainable_variables())
    kernel = next(v for v in tf.global_variables() if v.op.name == "one/kernel")
    with tf.Session() as session:
        # Under control flow v2 the object reads a reference variable before its initializer has run.
        weights = tf.trainable_variables()
        session.run(tf.variables_initializer(weights))
        session.run(tf.variables_initializer([v for v in tf.global_variables() if not any(v is w for w in weights)]))
        shadow = start = session.run(kernel)
        for batch in BATCHES:
            session.run(step, {x: batch})
            shadow = 0.5 * shadow + 0.5 * session.run(kernel)
        assert not np.allclose(shadow, start)
        tf.train.Saver().save(session, prefix)
        by_name = {v.op.name: v for v in tf.global_variables()}
        mean, last = session.run([by_name["bn/moving_mean"], kernel])
    with tf.Graph().as_default(), tf.Session() as session:
        ema = tf.train.ExponentialMovingAverage(0.5)
        _network(tf.placeholder(tf.float32, [None, 5]), False, Ema(ema))
        wanted = ema.variables_to_restore()
        assert "bn/moving_mean/ExponentialMovingAverage" in wanted
        assert "one/kernel/ExponentialMovingAverage" in wanted
        tf.train.Saver(wanted).restore(session, prefix)
        by_name = {v.op.name: v for v in tf.global_variables()}
        np.testing.assert_allclose(session.run(by_name["one/kernel"]), shadow, rtol=1e-5)
        assert not np.allclose(last, shadow)
        np.testing.assert_allclose(session.run(by_name["bn/moving_mean"]), mean, rtol=1e-6)


def test_records_survive_a_meta_file(any_graph, tmp_path):
    x, p = tf.placeholder(tf.float32, [None, 4], name="x"), tf.placeholder(tf.bool, [], name="p")
    tf1bn.batch_norm(x, p, scope="a", update_strategy="collection", decay=0.5, epsilon=1e-4, center=False)
    tf.cond(p, lambda: tf1bn.batch_norm(x, True, scope="b", decay=tf.constant(0.5)), lambda: x)
    written = records.read()
    assert [record["scope"] for record in written] == ["a", "b"]
    first = written[0]
    expected = {
        "version": 1,
        "strategy": "collection",
        "placement": "update_ops",
        "decay": 0.5,
        "epsilon": 1e-4,
        "center": False,
        "scale": True,
        "axis": [1],
        "bessel_correction": False,
        "numeric_guard": None,
        "kernel": "plain",
        "inputs": "x:0",
        "is_training": "p:0",
        "use_batch_statistics": "p:0",
    }
    assert {key: first[key] for key in expected} == expected
    assert first["updates"] == [entry.name for entry in tf.get_collection(tf.GraphKeys.UPDATE_OPS)]
    assert (written[1]["decay"], written[1]["is_training"], written[1]["placement"]) == (None, True, "output")
    path = str(tmp_path / "graph.meta")
    tf.train.export_meta_graph(path)
    with tf.Graph().as_default() as imported:
        tf.train.import_meta_graph(path)
        assert records.read() == records.read(imported) == written
        # What waits in a collection is still found, and still carried by a train op.
        assert "a/moving_mean" in {v.op.name for v in tf.global_variables()}
        step = tf1bn.with_updates(tf.no_op(), scope="a")
        assert len(step.control_inputs) == 2
