"""A graph is freed with its last user: nothing of tf1bn holds it, or a model of it, beyond."""

import gc
import weakref

import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import audit
from tf1bn.compat import slim, tf_layers
from tf1bn.graph.model import GraphModel

LAYERS = {
    **{
        name: lambda x, on, name=name: tf1bn.batch_norm(x, on, update_strategy=name)
        for name in ("inline", "collection", "ema", "frozen")
    },
    "tf.layers": lambda x, on: tf_layers.batch_normalization(x, training=on),
    "tf.layers object": lambda x, on: tf_layers.BatchNormalization()(x, training=on),
    "slim": lambda x, on: slim.batch_norm(x, is_training=on),
}


def freed(build):
    """Whether the graph that a function builds in is gone with the function's results."""
    graph = tf.Graph()
    with graph.as_default():
        kept = build()
    watched = weakref.ref(graph)
    del graph, kept
    gc.collect()
    return watched() is None


def train(layer, on):
    x = tf.placeholder(tf.float32, [None, 3])
    loss = tf.reduce_mean(layer(layer(x, on()), on()))
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        step = tf.train.GradientDescentOptimizer(0.1).minimize(loss) if tf.trainable_variables() else loss
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step, {x: [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]})
    return step


def test_graph_without_batch_norms_is_freed():
    assert freed(
        lambda: train(lambda x, on: tf.layers.flatten(x) if hasattr(tf.layers, "flatten") else x, lambda: True)
    )


@pytest.mark.parametrize("on", [lambda: True, lambda: tf.placeholder_with_default(True, [])], ids=["true", "switch"])
@pytest.mark.parametrize("name", LAYERS)
def test_graph_with_batch_norms_is_freed(name, on):
    assert freed(lambda: train(LAYERS[name], on))


def test_graph_of_a_tf_cond_is_freed():
    def build():
        x = tf.placeholder(tf.float32, [None, 3])
        with tf.variable_scope("m", reuse=tf.AUTO_REUSE):
            return tf.cond(
                tf.placeholder(tf.bool, []), lambda: tf1bn.batch_norm(x, True), lambda: tf1bn.batch_norm(x, False)
            )

    assert freed(build)


def test_audited_graph_and_its_model_are_freed():
    models = []

    def build():
        step = train(LAYERS["tf.layers"], lambda: True)
        model = GraphModel(tf.get_default_graph(), train_op=(step.name,))
        models.append(weakref.ref(model))
        assert audit.audit(model).sites
        return step

    assert freed(build)
    assert models[0]() is None
