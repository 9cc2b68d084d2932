"""The probe: a few runs that settle what a graph cannot tell, and leave no trace."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.audit import probe, samples

ROWS = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)


def codes(found):
    return sorted({item.code for item in found.findings})


def build(gated=True, on_output=False):
    p = samples.Program(tf.get_default_graph())
    x = p.rows()
    bn = p.norm(p.dense(x), on_output=on_output)
    step = p.train(p.loss(bn.output), None if gated else ())
    served = p.apply(p.dense(x), bn, bn.mean, bn.variance)
    return x, bn, step, served


@pytest.fixture
def session(flavour):
    with tf.Graph().as_default(), tf.Session() as running:
        yield running


def test_healthy_program(session):
    x, _, step, served = build()
    session.run(tf.global_variables_initializer())
    found = probe(session, train_op=step, train_feed={x: ROWS}, output=served, feed={x: ROWS})
    assert found[:4] == (True, False, False, True) and found.findings == ()


def test_all_variables_are_restored(session):
    x, _, step, served = build(on_output=True)
    session.run(tf.global_variables_initializer())
    before = session.run(tf.global_variables())
    probe(session, train_op=step, train_feed={x: ROWS}, output=served, feed={x: ROWS})
    for old, new in zip(before, session.run(tf.global_variables()), strict=True):
        np.testing.assert_array_equal(old, new)


def test_variables_are_restored_when_a_run_fails(session):
    x, _, step, _ = build()
    session.run(tf.global_variables_initializer())
    with tf.control_dependencies([step]):
        fails = tf.group(tf.Assert(tf.reduce_sum(x) > 1e9, [x]))
    before = session.run(tf.global_variables())
    with pytest.raises(tf.errors.InvalidArgumentError):
        probe(session, train_op=fails, train_feed={x: ROWS})
    for old, new in zip(before, session.run(tf.global_variables()), strict=True):
        np.testing.assert_array_equal(old, new)


def test_averages_that_stand_still_are_bn001(session):
    x, _, step, _ = build(gated=False)
    session.run(tf.global_variables_initializer())
    found = probe(session, train_op=step, train_feed={x: ROWS})
    assert found.averages_move_in_training is False and codes(found) == ["BN001"]


def test_averages_that_move_at_inference_are_bn014(session):
    x, bn, _, _ = build(on_output=True)
    session.run(tf.global_variables_initializer())
    found = probe(session, output=bn.output, feed={x: ROWS})
    assert found.averages_move_at_inference is True and "BN014" in codes(found)


def test_rows_that_depend_on_each_other_are_bn034(session):
    x, bn, _, _ = build()
    session.run(tf.global_variables_initializer())
    found = probe(session, output=bn.output, feed={x: ROWS})
    assert found.rows_depend_on_others is True and codes(found) == ["BN034"]


def test_initialiser_after_the_restore_is_bn033(session, tmp_path):
    build()
    session.run(tf.global_variables_initializer())
    averages = [v for v in tf.global_variables() if "moving" in v.name]
    session.run([tf.assign(v, tf.ones_like(v) * 5.0) for v in averages])
    path = tf.train.Saver().save(session, str(tmp_path / "model"))
    assert probe(session, checkpoint=path).findings == ()
    session.run(tf.global_variables_initializer())
    found = probe(session, checkpoint=path)
    assert codes(found) == ["BN033"] and found.values_are_initial


def test_nan_in_the_session_is_bn025(session):
    build()
    session.run(tf.global_variables_initializer())
    session.run([tf.assign(v, v * float("nan")) for v in tf.global_variables() if "moving" in v.name])
    assert codes(probe(session)) == ["BN025"]


def test_one_row_is_refused(session):
    x, _, _, served = build()
    session.run(tf.global_variables_initializer())
    with pytest.raises(errors.ArgumentError, match="probe: `feed` must have at least two rows"):
        probe(session, output=served, feed={x: ROWS[:1]})


def test_graph_without_statistics_is_refused(session):
    with pytest.raises(errors.ArgumentError, match="probe: the graph keeps no batch-norm statistics"):
        probe(session)
