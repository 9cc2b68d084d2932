"""Places of a graph, and modes of TensorFlow, where a layer or its updates cannot be right."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors


def _x(shape=(None, 3), dtype=tf.float32):
    return tf.placeholder(dtype, shape)


def _bn(x, is_training=True, **options):
    return tf1bn.batch_norm(x, is_training, **options)


PLACES = {
    "collection in a branch": (
        lambda x, p: tf.cond(p, lambda: _bn(x, update_strategy="collection"), lambda: x),
        "update ops made inside a tf.cond branch cannot be registered in collection 'update_ops'",
    ),
    "training in a loop": (
        lambda x, p: tf.while_loop(lambda i: i < 3, lambda i: i + tf.cast(tf.size(_bn(x)), tf.int32), [0]),
        "averages cannot move inside a tf.while_loop body",
    ),
    "training in a branch in a loop": (
        lambda x, p: tf.while_loop(lambda i: i < 3, lambda i: tf.cond(p, lambda: i + tf.size(_bn(x)), lambda: i), [0]),
        "averages cannot move inside a tf.cond branch inside a tf.while_loop body",
    ),
    "tensor switch in a loop": (
        lambda x, p: tf.while_loop(lambda i: i < 3, lambda i: i + tf.size(_bn(x, p, update_strategy="ema")), [0]),
        "averages cannot move inside a tf.while_loop body",
    ),
    "training in a map": (
        lambda x, p: tf.map_fn(lambda row: _bn(x)[0], x),
        "averages cannot move inside a tf.while_loop",
    ),
    "training in a function": (
        lambda x, p: tf.function(lambda: _bn(x), autograph=False)(),
        "averages cannot move inside a tf.function",
    ),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_place_where_updates_cannot_be_right_is_refused(any_graph, case):
    x, p = _x(), _x([], tf.bool)
    build, text = PLACES[case]
    with pytest.raises(errors.PlacementError, match=text):
        build(x, p)
    # TensorFlow itself leaves the frame of the conditional or loop; of the layer there is nothing.
    assert not [op.name for op in any_graph.get_operations() if "batch_norm" in op.name]
    assert not tf.get_collection("update_ops") and not tf.global_variables()
    contexts = {"cond_context", "while_context"}  # TensorFlow's own, of control flow v1
    assert {key for key in any_graph.get_all_collection_keys() if any_graph.get_collection(key)} <= contexts


@pytest.mark.parametrize("case", ["frozen", "inference"])
def test_a_loop_may_hold_a_layer_whose_averages_stay(any_graph, case):
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    options = {"frozen": {"update_strategy": "frozen", "use_batch_statistics": False}, "inference": {}}[case]
    _, y = tf.while_loop(
        lambda i, h: i < 3,
        lambda i, h: (i + 1, _bn(h, case == "frozen", scope="bn", reuse=tf.AUTO_REUSE, epsilon=0.0, **options) + 1.0),
        [0, x],
    )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(y), [[4, 5], [6, 7]])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: tf1bn.batch_norm(x, True),
        lambda x: tf1bn.dense(x, 2),
        lambda x: tf1bn.conv2d(x, 2, 3),
        lambda x: tf1bn.with_updates(x),
        lambda x: tf1bn.minimize(None, x),
    ],
)
def test_eager_mode_and_functions_of_eager_programs_are_refused(call):
    with tf.init_scope():
        if not tf.executing_eagerly():
            pytest.skip("eager mode is off in this process")
        x = tf.ones([2, 3])
        with pytest.raises(
            errors.GraphModeError, match="TensorFlow is in eager mode. Call tf.compat.v1.disable_eager_exec"
        ):
            call(x)
        with pytest.raises(errors.GraphModeError, match="this is a tf.function of an eager program"):
            tf.function(lambda: call(tf.ones([2, 3])), autograph=False)()
