"""In-place updates of the drop-ins in loops whose iterations overlap: each lands once."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.compat import contrib, slim

STEPS = 60


def _loop(layer: Any, parallel_iterations: int = 32) -> Any:
    """Returns what runs ``layer`` in independent iterations; the i-th has the mean 1 in channel i alone."""

    def body(i: Any, outputs: Any) -> Any:
        return i + 1, outputs.write(i, layer(tf.one_hot(tf.stack([i, i]), STEPS)))

    start = tf.TensorArray(tf.float32, STEPS, element_shape=[2, STEPS])
    _, outputs = tf.while_loop(
        lambda i, _: i < STEPS, body, [tf.constant(0), start], parallel_iterations=parallel_iterations
    )
    return outputs.stack()


def _in_place(x: Any, is_training: Any = True, **options: Any) -> Any:
    given = {"updates_collections": None, "scope": "bn", "reuse": tf.AUTO_REUSE} | options
    return slim.batch_norm(x, 0.9, is_training=is_training, **given)


def _in_cond(x: Any) -> Any:
    return tf.cond(tf.reduce_sum(x) > 0, lambda: _in_place(x), lambda: _in_place(x, False))


LAYERS = {
    "slim": _in_place,
    "contrib": lambda x: contrib.layers.batch_norm(
        x, 0.9, is_training=True, updates_collections=None, scope="bn", reuse=tf.AUTO_REUSE
    ),
    "a tensor as switch": lambda x: _in_place(x, tf.reduce_sum(x) > 0),
    "tf.cond in the loop": _in_cond,
}


@pytest.mark.parametrize("layer", LAYERS)
def test_overlapping_iterations_each_move_the_averages_once(graph, layer):
    with pytest.warns(errors.Tf1bnWarning, match="in an order that may differ from run to run"):
        step = _loop(LAYERS[layer]).op
    mean = next(v for v in tf.global_variables() if v.op.name == "bn/moving_mean")
    # The channel of an iteration tells by its share how many came after it: all counts from 0 to 59, each once.
    exact = np.sort(0.1 * 0.9 ** np.arange(STEPS))
    with tf.Session() as session:
        for _ in range(10):
            session.run(tf.global_variables_initializer())
            session.run(step)
            np.testing.assert_allclose(np.sort(session.run(mean)), exact, rtol=1e-5)


def test_a_loop_of_equal_batches_ends_where_numpy_does(graph, run):
    x = tf.constant([[40.0, 1.0], [60.0, 3.0]])

    def body(i: Any) -> Any:
        with tf.control_dependencies([_in_place(x)]):
            return i + 1

    run(tf.while_loop(lambda i: i < STEPS, body, [tf.constant(0)], parallel_iterations=32))
    by_name = {v.op.name: v for v in tf.global_variables()}
    kept = 0.9**STEPS
    np.testing.assert_allclose(run(by_name["bn/moving_mean"]), (1 - kept) * np.array([50.0, 2.0]), rtol=1e-5)
    spread = 2.0 * np.array([100.0, 1.0])  # with Bessel's correction
    np.testing.assert_allclose(run(by_name["bn/moving_variance"]), kept + (1 - kept) * spread, rtol=1e-5)


def test_what_depends_on_an_order_wants_iterations_one_after_the_other(graph):
    debiased = lambda x: _in_place(x, zero_debias_moving_mean=True)  # noqa: E731
    with pytest.raises(errors.PlacementError, match="`zero_debias_moving_mean` moves several variables that depend"):
        _loop(debiased)
    assert not tf.global_variables()
    sequential = tf1bn.Inline(sequential_loops=True)
    with tf1bn.default_update_strategy(sequential):  # a promise of the program
        _loop(debiased, parallel_iterations=1)


def test_a_loop_that_says_that_it_goes_step_by_step(plain_graph, run):
    with tf.variable_scope("", use_resource=True):
        before = tf.control_flow_v2_enabled()
        tf.disable_control_flow_v2()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", errors.Tf1bnWarning)
                step = _loop(lambda x: _in_place(x, zero_debias_moving_mean=True), parallel_iterations=1)
        finally:
            (tf.enable_control_flow_v2 if before else tf.disable_control_flow_v2)()
    run(step.op)
    mean = next(v for v in tf.global_variables() if v.op.name == "bn/moving_mean")
    shares = 0.1 * 0.9 ** np.arange(STEPS)[::-1] / (1 - 0.9**STEPS)
    np.testing.assert_allclose(run(mean), shares, rtol=1e-4)
