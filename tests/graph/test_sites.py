"""Whatever kernel a layer takes, a graph shows it as one batch norm with its averages."""

import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.graph import sites
from tf1bn.graph.model import GraphModel
from tf1bn.testing import graphs

SHAPES = {
    "plain": [None, 3],
    "plain, many columns": [1024, 36],
    "wide": [8, 4, 4, 3],
    "fused": [None, 6, 8],
    "fused_wide": [8, 4, 4, 3],
}


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
@pytest.mark.parametrize("switch", [True, False, "placeholder"])
@pytest.mark.parametrize("precise", [False, True])
@pytest.mark.parametrize("kernel", SHAPES)
def test_one_site_with_one_mean_and_one_variance(kernel, precise, switch, mode):
    with graphs.graph_mode(mode) as graph:
        is_training = tf.placeholder(tf.bool, [], "is_training") if switch == "placeholder" else switch
        x = tf.placeholder(tf.float32, SHAPES[kernel], "x")
        y = tf1bn.batch_norm(x, is_training, kernel=kernel.split(",")[0], precise=precise, scope="bn")
        if switch is not False:
            tf1bn.minimize(tf.train.GradientDescentOptimizer(0.1), tf.reduce_sum(tf.square(y)))
        (site,) = GraphModel(graph).sites
    expected = {True: sites.BATCH, False: sites.MOVING, "placeholder": sites.BOTH}[switch]
    assert (site.scope, site.mode) == ("bn", expected)
    assert [item.name for item in site.mean] == ["bn/moving_mean"]
    assert [item.name for item in site.variance] == ["bn/moving_variance"]
    assert (site.gamma.name, site.beta.name) == ("bn/gamma", "bn/beta")
    assert (site.predicate is not None) == (switch == "placeholder")


def test_what_is_added_to_a_batch_norm_without_beta_is_not_its_output():
    with graphs.graph_mode() as graph:
        x = tf.placeholder(tf.float32, [None, 3], "x")
        gamma = tf.get_variable("gamma", [3])
        mean, variance = tf.nn.moments(x, [0])
        y = tf.multiply(x - mean, tf.rsqrt(variance + 1e-3) * gamma, "normalised")
        tf.add(y, x, "sum")
        model = GraphModel(graph)
    (site,) = model.sites
    number, _ = site.normalizers[0].output
    assert site.beta is None and model.nodes[number].name == "normalised"


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_a_sum_of_columns_is_a_moment_where_it_is_not_the_gradient_of_a_bias(layout):
    with graphs.graph_mode() as graph:
        x = tf.placeholder(tf.float32, [8, 4, 6, 5], "x")
        tf.raw_ops.BiasAddGrad(out_backprop=x, data_format=layout, name="sum")
        bias = tf.get_variable("bias", [5 if layout == "NHWC" else 4])
        y = tf.nn.bias_add(x, bias, data_format=layout)
        tf.gradients(y, bias)
        model = GraphModel(graph)
    found = {node.name: node.id for node in model.nodes if node.op == "BiasAddGrad"}
    own = found.pop("sum")
    assert model.flow.is_batch_moment((own, 0))
    assert model.flow.reduced_axes(own) == ((0, 1, 2) if layout == "NHWC" else (0, 2, 3))
    assert found and not any(model.flow.is_batch_moment((number, 0)) for number in found.values())


@pytest.mark.parametrize("shape", [[16, 4], [4, 3, 3, 5]], ids=str)
@pytest.mark.parametrize("kind", ["constant", "variable", "placeholder"])
def test_a_batch_norm_by_hand_is_seen_whatever_its_input_is(kind, shape):
    """`tf.nn.batch_normalization` multiplies the input and gamma alike; the input is what the mean is the mean of."""
    with graphs.graph_mode() as graph:
        x = {
            "constant": lambda: tf.constant(1.0, shape=shape),
            "variable": lambda: tf.get_variable("x", shape),
            "placeholder": lambda: tf.placeholder(tf.float32, shape),
        }[kind]()
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, *averages = (
            tf.get_variable(name, shape[-1:], trainable=not name.startswith("moving")) for name in names
        )
        moments = tf.nn.moments(x, list(range(len(shape) - 1)))
        for average, moment in zip(averages, moments, strict=True):
            tf.assign_sub(average, 0.1 * (average - moment))
        tf.nn.batch_normalization(x, *moments, beta, gamma, 1e-3)
        (site,) = GraphModel(graph).sites
    assert site.mode == sites.BATCH
    assert (site.gamma.name, site.beta.name) == ("gamma", "beta")
    assert [*(item.name for item in site.mean), *(item.name for item in site.variance)] == list(names[2:])
