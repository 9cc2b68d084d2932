"""Every kind of graph gives the population statistics that NumPy gives."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tests.population import networks
from tf1bn import population
from tf1bn.graph.site import MOVING
from tf1bn.population.copying import WorkCopy
from tf1bn.testing.graphs import MODES, graph_mode


def moved(average, batch):
    if tf.get_default_graph() is not average.graph and not hasattr(average, "handle"):
        return tf.no_op()  # TensorFlow assigns no reference variable in a branch function
    return tf.assign_sub(average, (average - batch) * 0.1)


def moments_spelling(x, variables, how, switch):
    """tf.nn.moments and tf.nn.batch_normalization."""
    gamma, beta, mean, variance = variables
    normal = lambda m, v: tf.nn.batch_normalization(x, m, v, beta, gamma, networks.EPSILON)  # noqa: E731
    batch = tf.nn.moments(x, list(range(len(x.shape) - 1)))

    def train():
        with tf.control_dependencies([moved(mean, batch[0]), moved(variance, batch[1])]):
            return [tf.identity(value) for value in batch]

    if how == "training":
        return normal(*train())
    if how == "inference":
        return normal(mean, variance)
    if how == "switched moments":
        return normal(*tf.cond(switch, train, lambda: [tf.identity(mean), tf.identity(variance)]))
    return tf.cond(switch, lambda: normal(*train()), lambda: normal(mean, variance))


def fused_spelling(x, variables, how, switch):
    """tf.nn.fused_batch_norm; its own variance output goes into the averages."""
    gamma, beta, mean, variance = variables

    def train():
        y, *batch = tf.nn.fused_batch_norm(x, gamma, beta, epsilon=networks.EPSILON)
        with tf.control_dependencies([moved(mean, batch[0]), moved(variance, batch[1])]):
            return tf.identity(y)

    def infer():
        return tf.nn.fused_batch_norm(x, gamma, beta, mean, variance, networks.EPSILON, is_training=False)[0]

    if how == "training":
        return train()
    return infer() if how == "inference" else tf.cond(switch, train, infer)


SPELLINGS = (moments_spelling, fused_spelling)
STATIC = [(s, how, mode) for s in SPELLINGS for how in ("training", "inference") for mode in (MODES[0], MODES[-1])]
SWITCHED = [(s, "switched", mode) for s in SPELLINGS for mode in MODES]
MOMENTS = [(moments_spelling, "switched moments", mode) for mode in MODES]


@pytest.mark.parametrize(("spelling", "how", "mode"), [*STATIC, *SWITCHED, *MOMENTS])
def test_graphs_without_tf1bn(spelling, how, mode):
    data = networks.batches()
    with graph_mode(mode) as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")
        switch = tf.placeholder_with_default(False, [], "is_training")
        networks.network(x, lambda y, variables, _: spelling(y, variables, how, switch))
        session.run(tf.global_variables_initializer())
        for sequential in (False, True) if mode in MODES[:2] else (how == "training",):
            done = population.reestimate(graph, data, session=session, sequential=sequential)
            networks.check(done, networks.expected(data, sequential=sequential))
            assert (done.batches, done.passes) == (3, 2 if sequential else 1)


def layers(x, is_training, strategy, **arguments):
    with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
        for number, kernel in enumerate(networks.KERNELS):
            x = tf.tensordot(x, tf.get_variable(f"kernel{number}", initializer=kernel), 1)
            constants = {"gamma": networks.GAMMAS[number], "beta": networks.BETAS[number]}
            initializers = {f"{name}_initializer": tf.constant_initializer(v) for name, v in constants.items()}
            x = tf1bn.batch_norm(
                x, is_training, update_strategy=strategy, scope=f"bn{number}", **initializers, **arguments
            )
            x = tf.nn.relu(x) if number == 0 else x
    return x


OWN = [("placeholder", "inline", mode) for mode in MODES] + [("placeholder", "ema", MODES[0])]
OWN += [
    (True, "collection", MODES[0]),
    (True, "ema", MODES[-1]),
    (True, "frozen", MODES[-1]),
    (False, "ema", MODES[-1]),
]


@pytest.mark.parametrize(("is_training", "strategy", "mode"), OWN)
def test_graphs_of_tf1bn(is_training, strategy, mode):
    data = networks.batches(inner=())
    with graph_mode(mode) as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 3], "x")
        training = tf.placeholder(tf.bool, [], "is_training") if is_training == "placeholder" else is_training
        layers(x, training, strategy)
        session.run(tf.global_variables_initializer())
        for sequential in (False, True):
            done = population.reestimate(graph, data, session=session, sequential=sequential)
            networks.check(done, networks.expected(data, sequential=sequential))
            shadow = "net/bn0/moving_mean/ExponentialMovingAverage"
            assert (shadow in done.values) == (strategy == "ema" and is_training is not False)
            if shadow in done.values:
                np.testing.assert_array_equal(done.values[shadow], done.values["net/bn0/moving_mean"])


@pytest.mark.parametrize("inner", [(), (4,), (2, 2), (2, 1, 2)], ids=lambda inner: f"rank{len(inner) + 2}")
@pytest.mark.parametrize("is_training", [True, False])
def test_every_rank(inner, is_training):
    data = networks.batches(inner=inner)
    with graph_mode() as graph, tf.Session() as session:
        layers(tf.placeholder(tf.float32, [None, *inner, 3], "x"), is_training, "inline")
        session.run(tf.global_variables_initializer())
        done = population.reestimate(graph, data, session=session, sequential=is_training)
        networks.check(done, networks.expected(data, sequential=is_training))


@pytest.mark.parametrize("kernel", ["plain", "wide", "fused", "fused_wide"])
@pytest.mark.parametrize("is_training", [True, False, "placeholder"])
def test_every_kernel(kernel, is_training):
    data = networks.batches()
    with graph_mode() as graph, tf.Session() as session:
        training = tf.placeholder(tf.bool, [], "is_training") if is_training == "placeholder" else is_training
        layers(tf.placeholder(tf.float32, [None, 2, 2, 3], "x"), training, "inline", kernel=kernel)
        session.run(tf.global_variables_initializer())
        for sequential in (False, True):
            done = population.reestimate(graph, data, session=session, sequential=sequential)
            networks.check(done, networks.expected(data, sequential=sequential))


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("own", [True, False])
def test_channels_first(own, is_training):
    data = networks.batches()
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")

        def norm(y, variables, number):
            gamma, beta, mean, variance = (tf.reshape(value, [1, -1, 1, 1]) for value in variables)
            y = tf.transpose(y, [0, 3, 1, 2])
            if is_training:
                mean, variance = tf.nn.moments(y, [0, 2, 3], keepdims=True)
                for average, batch in zip(variables[2:], (mean, variance), strict=True):
                    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, moved(average, tf.reshape(batch, [-1])))
            y = tf.nn.batch_normalization(y, mean, variance, beta, gamma, networks.EPSILON)
            return tf.transpose(y, [0, 2, 3, 1])

        def of_tf1bn(y, variables, number):
            del variables
            y = tf1bn.batch_norm(
                tf.transpose(y, [0, 3, 1, 2]), is_training, axis=1, scope="channels_first",
                gamma_initializer=tf.constant_initializer(networks.GAMMAS[number]),
                beta_initializer=tf.constant_initializer(networks.BETAS[number]),
            )  # fmt: skip
            return tf.transpose(y, [0, 2, 3, 1])

        networks.network(x, of_tf1bn if own else norm)
        session.run(tf.global_variables_initializer())
        done = population.reestimate(graph, data, session=session, sequential=is_training)
        networks.check(done, networks.expected(data, sequential=is_training))


@pytest.mark.parametrize("bessel", [False, True])
def test_the_mean_of_batches_follows_the_updates_of_the_layer(bessel):
    data = networks.batches(sizes=(5, 5, 5))
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")
        layers(x, True, "inline", bessel_correction=bessel)
        session.run(tf.global_variables_initializer())
        done = population.reestimate(graph, data, session=session, mode="mean_of_batches")
        factor = 20 / 19 if bessel else 1.0
        networks.check(done, networks.expected(data, mode="mean_of_batches", factor=factor))


def test_the_variance_output_of_the_fused_op_is_unbiased():
    data = networks.batches(sizes=(5, 5, 5))
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")
        networks.network(x, lambda y, variables, _: fused_spelling(y, variables, "training", None))
        session.run(tf.global_variables_initializer())
        done = population.reestimate(graph, data, session=session, mode="mean_of_batches")
        networks.check(done, networks.expected(data, mode="mean_of_batches", factor=20 / 19))


def test_a_switch_that_means_inference_is_understood():
    data = networks.batches()
    with graph_mode() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2, 2, 3], "x")
        testing = tf.placeholder(tf.bool, [], "is_testing")
        switch = tf.logical_not(testing)
        networks.network(x, lambda y, variables, _: moments_spelling(y, variables, "switched", switch))
        session.run(tf.global_variables_initializer())
        for sequential in (False, True):
            done = population.reestimate(graph, data, session=session, switch="is_testing", sequential=sequential)
            networks.check(done, networks.expected(data, sequential=sequential))


def test_several_calls_on_the_same_averages_are_pooled():
    data = networks.batches(), networks.batches(seed=7)
    with graph_mode() as graph, tf.Session() as session:
        for number in (0, 1):
            x = tf.placeholder(tf.float32, [None, 2, 2, 3], f"x{number}")
            layers(x, True, "collection")
        session.run(tf.global_variables_initializer())
        pairs = list(zip(*data, strict=True))
        done = population.reestimate(graph, pairs, session=session, feed=["x0", "x1"])
        networks.check(done, networks.expected([*data[0], *data[1]]))
        assert [site.calls for site in done.sites] == [2, 2]


def test_an_evaluation_tower_adds_nothing():
    data = networks.batches()
    with graph_mode() as graph, tf.Session() as session:
        y = layers(tf.placeholder(tf.float32, [None, 2, 2, 3], "x"), True, "collection")
        layers(tf.placeholder(tf.float32, [None, 2, 2, 3], "other"), False, "collection")
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(y))
        session.run(tf.global_variables_initializer())
        done = population.reestimate(graph, data, session=session)
        networks.check(done, networks.expected(data))
        assert [site.calls for site in done.sites] == [1, 1]


def test_readers_of_a_fused_op_still_see_images_where_averages_stand_in_for_it():
    """TensorFlow 2.15 refuses an import in which the gradient of the op gets another rank than its output has."""
    with graph_mode() as graph:
        tf1bn.batch_norm(tf.placeholder(tf.float32, [None, 3]), True, kernel="fused", scope="bn")
        meta = tf.train.export_meta_graph(graph=graph, clear_devices=True)
    copied = WorkCopy(meta, MOVING).graph
    seen = copied.get_operation_by_name("bn/Reshape_1").inputs[0]
    assert seen.op.type != "FusedBatchNormV3" and seen.shape.as_list() == [1, 1, None, 3]
