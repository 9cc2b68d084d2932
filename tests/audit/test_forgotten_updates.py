"""The mistake that the library is for, made with the library itself: nobody runs the collection."""

import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.audit import audit
from tf1bn.compat import slim, tf_layers
from tf1bn.testing import graphs


@pytest.mark.parametrize("batch", [8, None], ids=["static batch", "batch known at run time"])
@pytest.mark.parametrize("switched", [False, True], ids=["bool", "placeholder"])
def test_updates_left_in_the_collection_are_bn001(flavour, batch, switched):
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [batch, 5])
        is_training = tf.placeholder(tf.bool, []) if switched else True
        y = tf1bn.batch_norm(x, is_training, update_strategy="collection")
        tf.train.AdamOptimizer().minimize(tf.reduce_sum(tf.square(y)))
    found = [(finding.code, finding.variable) for finding in audit(graph).findings if finding.severity == "error"]
    assert found == [("BN001", "batch_norm/moving_mean"), ("BN001", "batch_norm/moving_variance")]


@pytest.mark.parametrize("batch", [4, None])
@pytest.mark.parametrize("switched", [False, True], ids=["bool", "placeholder"])
@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
def test_loss_without_a_forward_pass_excuses_nothing(mode, batch, switched):
    """A mean of outputs is linear in beta: its gradient needs no output, and so the train op runs no batch norm."""
    for call, flag in ((slim.batch_norm, "is_training"), (tf_layers.batch_normalization, "training")):
        with graphs.graph_mode(mode) as graph:
            is_training = tf.placeholder(tf.bool, []) if switched else True
            y = call(tf.placeholder(tf.float32, [batch, 3]), **{flag: is_training})
            step = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(y))
            gated = tf.group(step, *tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        found = {(item.code, item.severity) for item in audit(graph, train_op=step).findings}
        assert found == {("BN001", "error")}
        assert audit(graph, train_op=gated).findings == ()
