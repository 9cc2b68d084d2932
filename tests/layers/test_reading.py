"""Where averages are read: outside of the branches that freezers do not see through, and in the order asked for."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn

ONES = np.ones([4, 2], np.float32)


def _ancestors(tensor):
    found, todo = set(), [tensor.op]
    while todo:
        op = todo.pop()
        if op not in found:
            found.add(op)
            todo += [source.op for source in op.inputs] + list(op.control_inputs)
    return found


def _mean():
    return next(v for v in tf.global_variables() if v.op.name == "bn/moving_mean")


def _infer(x):
    return tf1bn.batch_norm(x, False, scope="bn", reuse=True, center=False, scale=False, epsilon=0.0)


def _made(x):
    """Makes the variables of the layer."""
    tf1bn.batch_norm(x, False, scope="bn", center=False, scale=False)


@pytest.mark.parametrize("renorm", [False, True])
def test_no_reference_variable_enters_a_branch_of_the_output(any_graph, renorm):
    x, switch = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.bool, [])
    y = tf1bn.batch_norm(x, switch, update_strategy="collection", renorm=renorm)
    outer = tf.cond(tf.placeholder(tf.bool, []), lambda: tf1bn.batch_norm(x, False), lambda: x)
    assert not [op.name for tensor in (y, outer) for op in _ancestors(tensor) if op.type == "RefSwitch"]


def test_a_training_call_does_not_read_its_averages(any_graph):
    y = tf1bn.batch_norm(tf.placeholder(tf.float32, [4, 2]), True, update_strategy="collection")
    assert not [op.name for op in _ancestors(y) if "moving_" in op.name]


def test_a_read_in_a_branch_waits_for_what_its_conditional_waits_for(any_graph):
    x, taken = tf.constant(ONES), tf.placeholder(tf.bool, [])
    _made(x)
    slow = tf.reduce_sum(tf.linalg.matmul(tf.ones([300, 300]), tf.ones([300, 300])))
    assigned = _mean().assign(tf.ones([2]) * slow * 0 + 3.0)
    with tf.control_dependencies([assigned]):
        y = tf.cond(taken, lambda: _infer(x), lambda: x)
    with tf.Session() as session:
        for _ in range(3):
            session.run(tf.global_variables_initializer())
            np.testing.assert_allclose(session.run(y, {taken: True}), ONES - 3.0)


def test_a_read_in_a_branch_waits_for_an_op_of_the_branch(any_graph):
    x, taken = tf.constant(ONES), tf.placeholder(tf.bool, [])
    _made(x)
    mean = _mean()

    def branch():
        with tf.control_dependencies([mean.assign_add([5.0, 5.0])]):
            return _infer(x)

    y = tf.cond(taken, branch, lambda: x)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(y, {taken: True}), ONES - 5.0)
        np.testing.assert_allclose(session.run(y, {taken: False}), ONES)
        np.testing.assert_allclose(session.run(mean), [5.0, 5.0])
