"""A step is checked before it is timed, and what is fetched is really computed."""

import dataclasses

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.benchmark import check, counting, implementations, peers, step
from tf1bn.benchmark.options import Options
from tf1bn.testing import reference

SHAPE = (12, 5, 4)
TINY = Options(peers=("textbook",), rounds=2, milliseconds=0.0, sessions=2, quiet=True, shapes=(SHAPE,), relu=(False,))


def broken(name, change):
    """Returns the textbook, wrong in one place."""

    def normalize(x, is_training):
        return change(implementations.textbook(x, is_training))

    return implementations.Implementation(name, normalize)


def unmoved(y):
    """Returns the output without the control inputs that move the averages."""
    with tf.get_default_graph().as_default():
        for op in tf.get_default_graph().get_operations():
            if op.control_inputs:
                op._remove_all_control_inputs()
    return y


@tf.custom_gradient
def lost_gradient(y):
    return tf.identity(y), lambda dy: 0.9 * dy


WRONG = {
    "output": (broken("output", lambda y: y * 1.001), "y by"),
    "gradient": (broken("gradient", lost_gradient), "dx by"),
    "averages": (broken("averages", unmoved), "moving_mean by"),
    "not a number": (broken("not a number", lambda y: y + np.float32(np.nan)), "y by inf"),
}


@pytest.fixture(scope="module")
def problem():
    return step.make(SHAPE, relu=False, mean=0.0, seed=3)


def test_the_wanted_results_are_those_of_numpy(problem):
    ones, zeros = np.ones(SHAPE[-1]), np.zeros(SHAPE[-1])
    gradients = reference.batch_gradients(problem.x, ones, problem.dy)
    start = reference.Statistics(zeros, ones)
    kept, kept_unbiased = (
        reference.moving_averages([problem.x], implementations.DECAY, start, bessel=bessel) for bessel in (False, True)
    )
    wanted = {
        "y": reference.batch_norm(problem.x),
        "dx": gradients.x,
        "dgamma": gradients.gamma,
        "dbeta": gradients.beta,
        "moving_mean": kept.mean,
        "moving_variance": kept.variance,
    }
    assert set(wanted) == set(problem.wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(problem.wanted[name], value, rtol=1e-9, atol=1e-12, err_msg=name)
    np.testing.assert_allclose(problem.wanted_unbiased, kept_unbiased.variance, rtol=1e-9)


@pytest.mark.parametrize("relu", [False, True])
def test_every_implementation_of_our_own_and_the_textbook_are_right(relu):
    problem = step.make(SHAPE, relu=relu, mean=2.0, seed=3)
    for variant in (*implementations.OWN, implementations.TEXTBOOK):
        found = step.deviations(step.results(step.build(variant, problem), problem, TINY), problem)
        assert not check.complaint(found, 1e-5), (variant.name, found)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_variant_is_reported_and_not_timed(monkeypatch, name):
    variant, words = WRONG[name]
    monkeypatch.setattr(implementations, "OWN", ())
    monkeypatch.setattr(implementations, "chosen", lambda names: ([variant, implementations.TEXTBOOK], {}))
    [case] = step.run(TINY)
    assert name not in case.times and "textbook" in case.times
    assert case.absent[name].startswith("wrong: ") and words in case.absent[name]


def test_a_peer_that_does_not_take_an_input_is_reported_and_an_error_of_our_own_is_not_hidden(monkeypatch):
    def refuse(x, is_training):
        raise ValueError("rank 3 is too much\nfor me")

    variant = implementations.Implementation("fussy", refuse)
    monkeypatch.setattr(implementations, "chosen", lambda names: ([variant], {}))
    monkeypatch.setattr(implementations, "OWN", implementations.OWN[:1])
    [case] = step.run(TINY)
    assert case.absent == {"fussy": "does not take it: ValueError: rank 3 is too much"} and "fussy" not in case.times
    monkeypatch.setattr(implementations, "OWN", (dataclasses.replace(variant, name="tf1bn"),))
    with pytest.raises(ValueError, match="too much"):
        step.run(TINY)


def test_a_peer_that_is_not_installed_is_reported_as_absent(monkeypatch):
    monkeypatch.setattr(peers, "missing", lambda name: "" if name == "textbook" else "not installed: it")
    found, absent = implementations.chosen(("slim", "textbook", "tensorpack"))
    assert [each.name for each in found] == ["textbook"]
    assert absent == {"slim": "not installed: it", "tensorpack": "not installed: it"}


def test_small_inputs_have_several_sessions_and_every_round_is_kept():
    [case] = step.run(TINY)
    assert all(np.shape(sessions) == (2, 2) for sessions in case.times.values())
    assert set(case.times) == {"ident", "tf1bn", "tf1bn_collection", "tf1bn_again", "tf1bn_precise", "textbook"}
    assert max(case.errors.values()) < 1e-6


def test_what_a_step_fetches_are_the_ops_that_compute_and_no_group(problem):
    built = step.build(implementations.TEXTBOOK, problem)
    assert [op.type for op in built.ops if op.type == "NoOp"] == []
    assert {tensor.op for tensor in built.results.values()} <= set(built.ops)
    waiting = step.build(implementations.OWN[1], problem)
    assert len(waiting.ops) > len(waiting.results) and waiting.graph.get_collection(tf.GraphKeys.UPDATE_OPS)


def test_upstream_gradients_are_zero_where_rounding_decides_the_sign():
    problem = step.make((4000, 4), relu=True, mean=0.0, seed=0)
    y = reference.batch_norm(problem.x)
    near = np.abs(y) < 1e-3
    assert near.any() and not problem.dy[near].any() and np.count_nonzero(problem.dy) > 0.99 * problem.dy.size - 1


def test_ops_behind_a_fetch_are_counted_in_functions_too_and_unneeded_ones_are_not():
    with tf.Graph().as_default():
        a = tf.get_variable("a", [], use_resource=True).value()
        b = a + 1.0  # a read, a constant, an addition
        tf.square(b)
        assert counting.behind([b.op]) == 3
        with tf.control_dependencies([b.op]):
            assert counting.behind([tf.constant(2.0).op]) == 4
        plain = counting.behind([tf.cond(tf.placeholder(tf.bool, []), lambda: b * 2.0, lambda: b).op])
        assert plain > 3 + 2


def test_a_named_kernel_is_timed_where_it_can_serve_the_input(monkeypatch):
    monkeypatch.setattr(implementations, "OWN", ())
    options = dataclasses.replace(TINY, peers=(), shapes=((8, 4, 4, 3), (16, 6)), kernels=("plain", "fused_wide"))
    cases = step.run(options)
    assert all("tf1bn:plain" in case.times for case in cases)
    assert all("tf1bn:fused_wide" in {**case.times, **case.absent} for case in cases)
    assert "tf1bn:fused_wide" in cases[0].times


def test_an_unknown_kernel_is_refused():
    with pytest.raises(errors.UnknownNameError, match="unknown kernel 'fuse'"):
        step.plan(dataclasses.replace(TINY, kernels=("fuse",)))
