"""Whatever kernel a layer takes, a graph shows it as one batch norm with its averages."""

import pytest
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.graph import sites
from tf1bn.graph.model import GraphModel
from tf1bn.testing import graphs

SHAPES = {"plain": [None, 3], "wide": [8, 4, 4, 3], "fused": [None, 6, 8], "fused_wide": [8, 4, 4, 3]}


@pytest.mark.parametrize("mode", graphs.MODES, ids=str)
@pytest.mark.parametrize("switch", [True, False, "placeholder"])
@pytest.mark.parametrize("kernel", SHAPES)
def test_one_site_with_one_mean_and_one_variance(kernel, switch, mode):
    with graphs.graph_mode(mode) as graph:
        is_training = tf.placeholder(tf.bool, [], "is_training") if switch == "placeholder" else switch
        x = tf.placeholder(tf.float32, SHAPES[kernel], "x")
        y = tf1bn.batch_norm(x, is_training, kernel=kernel, scope="bn")
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
