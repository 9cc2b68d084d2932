"""A forward pass that is computed once more for its gradients, by tf.recompute_grad, moves the averages once."""

import numpy as np
import pytest
import tensorflow as tf2
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn import errors
from tf1bn.compat import slim, tf_layers
from tf1bn.testing import graphs, reference

X = np.random.default_rng(0).normal(3, 2, (6, 3))


def _bn(strategy):
    return lambda x: tf1bn.batch_norm(
        x, True, scope="bn", reuse=tf.AUTO_REUSE, decay=0.5, update_strategy=strategy, epsilon=1e-3
    )


LAYERS = {
    "inline": _bn("inline"),
    "ema": _bn("ema"),
    "collection": _bn("collection"),
    "tf.layers": lambda x: tf_layers.batch_normalization(
        x, training=True, momentum=0.5, name="bn", reuse=tf.AUTO_REUSE
    ),
    "slim": lambda x: slim.batch_norm(x, 0.5, scope="bn", reuse=tf.AUTO_REUSE, scale=True, fused=False),
    "slim in place": lambda x: slim.batch_norm(
        x, 0.5, scope="bn", reuse=tf.AUTO_REUSE, scale=True, fused=False, updates_collections=None
    ),
}


@pytest.fixture(params=[mode for mode in graphs.MODES if mode.resource], ids=str)
def _graph(request):
    with graphs.graph_mode(request.param):
        yield


def _block(layer):
    # The nonlinearity behind the layer makes the gradients need the recomputed output.
    return tf2.recompute_grad(lambda x: tf.square(layer(x)))


@pytest.mark.parametrize("collected", ("before", "after", "minimize"))
@pytest.mark.parametrize("layer", LAYERS)
def test_averages_move_once_and_gradients_are_those_without(_graph, layer, collected):
    x = tf.get_variable("x", initializer=X)
    loss = tf.reduce_sum(_block(LAYERS[layer])(tf.identity(x)) * X)
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    if collected == "minimize":
        step = tf1bn.minimize(optimizer, loss)
    else:
        waiting = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        step = [optimizer.minimize(loss), loss]
        step.append(waiting if collected == "before" else tf.get_collection(tf.GraphKeys.UPDATE_OPS))
    by_name = {v.op.name: v for v in tf.global_variables()}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(step)
        kept = session.run([by_name["bn/moving_mean"], by_name["bn/moving_variance"]])
        np.testing.assert_allclose(kept, [0.5 * X.mean(0), 0.5 + 0.5 * X.var(0)], rtol=1e-6)
        gamma = 1.0 - session.run(by_name["bn/gamma"])  # a step of rate 1 subtracts the gradient
    y = reference.batch_norm(X)
    np.testing.assert_allclose(gamma, reference.batch_gradients(X, np.ones(3), 2 * y * X).gamma, rtol=1e-6)


def test_each_block_has_one_record_and_one_place_among_the_layers(_graph):
    loss = tf.reduce_sum(_block(LAYERS["collection"])(tf.constant(X)))
    tf.gradients(loss, tf.trainable_variables())
    assert [site.state for site in tf1bn.layers_of()] == ["train"]
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2


def test_a_pass_that_would_make_variables_of_its_own_is_refused(_graph):
    loss = tf.reduce_sum(_block(lambda x: tf1bn.batch_norm(x, True))(tf.constant(X)))
    with pytest.raises(errors.ReuseError, match="computed once more for its gradients, and made a variable"):
        tf.gradients(loss, tf.trainable_variables())


def _in_wrapped(gradients):
    def network(x):
        y = tf.reduce_sum(_block(LAYERS["inline"])(x) * X)
        return (y, gradients(y, x)) if gradients else y

    return tf.wrap_function(network, [tf2.TensorSpec([6, 3], tf.float64)])


def test_in_a_wrapped_function():
    if not tf.executing_eagerly():
        pytest.skip("eager mode is off in this process")
    function = _in_wrapped(lambda y, x: tf.gradients(y, x)[0])
    _, found = function(X)
    exact = reference.batch_gradients(X, np.ones(3), 2 * reference.batch_norm(X) * X).x
    np.testing.assert_allclose(found, exact, rtol=1e-6, atol=1e-9)
    kept = {v.name: v.numpy() for v in function.variables}
    np.testing.assert_allclose(kept["bn/moving_mean:0"], 0.5 * X.mean(0), rtol=1e-6)
    function = _in_wrapped(None)
    with tf2.GradientTape() as tape:
        x = tf.constant(X)
        tape.watch(x)
        with pytest.raises(errors.ReuseError, match="build the gradients inside, by tf.gradients"):
            tape.gradient(function(x), x)
