"""The mistake that the library is for, made with the library itself: nobody runs the collection."""

import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.audit import audit


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
