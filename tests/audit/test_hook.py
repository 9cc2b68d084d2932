"""AuditHook in a MonitoredTrainingSession."""

import logging

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.audit import AuditHook, samples

ROWS = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)


def build(updates=None):
    p = samples.Program(tf.get_default_graph())
    x = p.rows()
    return x, p.train(p.loss(p.norm(p.dense(x)).output), updates)


def run(hook, x, step, count=3):
    with tf.train.MonitoredTrainingSession(hooks=[hook]) as session:
        for _ in range(count):
            session.run(step, {x: ROWS})


def test_healthy_program_runs(flavour):
    with tf.Graph().as_default():
        x, step = build()
        run(AuditHook(step, check_after=2), x, step)


def test_broken_program_stops_at_the_start(flavour):
    with tf.Graph().as_default():
        x, step = build(())
        with pytest.raises(errors.PlacementError, match="AuditHook: 2 batch-norm findings: BN001"):
            run(AuditHook(), x, step)


def test_log_only(caplog):
    with tf.Graph().as_default(), caplog.at_level(logging.WARNING, "tf1bn.audit"):
        x, step = build(())
        run(AuditHook(step, action="log", check_after=2), x, step)
    assert [record.name for record in caplog.records] == ["tf1bn.audit"] * 2
    assert "after 2 runs 'bn/moving_mean' has not moved" in caplog.records[1].getMessage()


def test_averages_that_become_nan_stop_the_program():
    with tf.Graph().as_default():
        x, step = build()
        with pytest.raises(errors.PlacementError, match="BN025"):
            with tf.train.MonitoredTrainingSession(hooks=[AuditHook(step, check_after=1)]) as session:
                session.run(step, {x: ROWS * float("nan")})


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"action": "ask"}, "unknown action"),
        ({"fail_on": "bad"}, "unknown severity"),
        ({"check_after": -1}, "must be a count"),
    ],
)
def test_impossible_arguments_are_named(arguments, text):
    with pytest.raises(errors.ArgumentError, match=f"AuditHook: .*{text}"):
        AuditHook(**arguments)
