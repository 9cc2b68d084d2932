"""What the summaries of a graph contain, read from the protocol buffer."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.layers.refusals import refused
from tf1bn import errors
from tf1bn.testing import graphs, reference

X = np.random.default_rng(0).normal(2, 3, (6, 2))


@pytest.fixture(autouse=True, params=(graphs.MODES[0], graphs.MODES[3]), ids=str)
def _graph(request):
    with graphs.graph_mode(request.param), tf.Session():
        yield


def _values(fetch, feed=None):
    summary = tf.Summary.FromString(tf.get_default_session().run(fetch, feed))
    return {
        v.tag: v.histo.sum / v.histo.num if v.HasField("histo") else v.simple_value
        for v in summary.value
    }  # fmt: skip


def _start():
    tf.get_default_session().run(tf.global_variables_initializer())


def test_values_are_those_of_the_run_and_nothing_moves():
    step = tf.train.create_global_step()
    x, switch = tf.constant(X), tf.placeholder(tf.bool, [])
    with tf.variable_scope("net"):
        y = tf1bn.batch_norm(x, switch, scope="bn", decay=0.5)
    written = tf1bn.summaries()
    _start()
    session = tf.get_default_session()
    for count in (0, 1, 2):
        if count:
            session.run([y, step.assign_add(1)], {switch: True})
        kept = reference.averages_of([reference.moments(X)] * count, 0.5, reference.Statistics(np.zeros(2), np.ones(2)))
        batch = reference.moments(X)
        for training in (True, False):
            seen = batch if training else kept
            exact = {
                "net/bn/moving_mean": np.mean(kept.mean),
                "net/bn/moving_variance": np.mean(kept.variance),
                "net/bn/batch_mean": np.mean(seen.mean),
                "net/bn/batch_variance": np.mean(seen.variance),
                "net/bn/mean_distance": np.mean(np.abs(seen.mean - kept.mean) / np.sqrt(kept.variance + 1e-3)),
                "net/bn/variance_distance": np.mean(np.abs(np.log((seen.variance + 1e-3) / (kept.variance + 1e-3)))),
                "net/bn/effective_updates": (0, 1, 1.5)[count],
            }
            found = _values(written, {switch: training})
            assert found.keys() == exact.keys()
            for tag, value in exact.items():
                assert found[tag] == pytest.approx(value, rel=1e-5, abs=1e-6), tag


def test_several_layers_and_calls_are_told_apart_and_a_scope_chooses():
    x = tf.constant(X)
    tf1bn.batch_norm(x, True, scope="a")
    tf1bn.batch_norm(x * 2, True, scope="a", reuse=True)
    tf1bn.batch_norm(x, False, scope="b")
    every, one = tf1bn.summaries(), tf1bn.summaries("a", collections=["mine"])
    _start()
    tags = set(_values(every))
    assert {"a/batch_mean", "a/batch_mean_1", "a/moving_mean", "b/moving_mean"} <= tags
    assert "b/batch_mean" not in tags and not any("effective" in tag for tag in tags)
    assert not any(tag.startswith("b/") for tag in _values(one))
    assert len(tf.get_collection("mine")) == len(_values(one))
    merged = _values(tf.summary.merge_all())
    assert set(merged) == tags


def test_without_a_batch_norm_there_is_nothing_to_summarise():
    with refused(errors.ArgumentError, "summaries: there is no batch norm to summarise. .*expected|Expected"):
        tf1bn.summaries()
    tf1bn.batch_norm(tf.constant(X), True, scope="a")
    with refused(errors.ArgumentError, "summaries: there is no batch norm to summarise. Got 'c'"):
        tf1bn.summaries("c")
