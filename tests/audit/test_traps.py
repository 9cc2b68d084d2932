"""The traps that a naive check falls into: each is a graph that must not be called broken."""

import subprocess
import sys

import pytest
import tensorflow.compat.v1 as tf

from tests.audit.corpus import spellings
from tf1bn.audit import audit, samples


def errors_of(graph, **told):
    return [item for item in audit(graph, **told).findings if item.severity == "error"]


def test_inner_train_op_is_followed_to_the_group_that_is_run(flavour):
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()), collection=None)
        inner = p.train(p.loss(bn.output), ())
        tf.group(inner, *bn.updates, name="step")
        p.save()
    report = audit(p.graph)
    assert report.findings == () and report.train_ops == ("step",)


def test_evaluation_tower_is_a_state(flavour):
    with samples.program() as p:
        p.train(p.loss(p.norm(p.conv(p.images())).output))
        with tf.name_scope("evaluation"):
            p.norm(p.conv(p.images("test")), training=False)
        p.save()
    report = audit(p.graph)
    assert report.findings == ()
    assert [site.state for site in report.sites] == ["training", "evaluation tower"]


def test_average_of_weights_is_no_statistic(flavour):
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()))
        step = p.train(p.loss(bn.output))
        with tf.control_dependencies([step]):
            tf.train.ExponentialMovingAverage(0.999).apply(tf.trainable_variables())
        p.save()
    report = audit(p.graph)
    assert report.findings == ()
    assert report.sites[0].variables == ("bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance")


@pytest.mark.parametrize("names", [("moments", "moments"), ("moments/normalize", "moments/moments_1")])
def test_shadows_named_after_moments_are_statistics(flavour, names):
    """The names changed around TensorFlow 1.1; the flow of the data tells, not the name."""
    with samples.program() as p:
        x, flag = p.rows(), tf.placeholder(tf.bool, [], "phase_train")
        beta = tf.get_variable("bn/beta", [4], initializer=tf.zeros_initializer())
        with tf.name_scope(names[0]):
            mean = tf.reduce_mean(x, [0], name="mean")
        with tf.name_scope(names[1]):
            variance = tf.reduce_mean(tf.square(x - mean), [0], name="variance")
        ema = tf.train.ExponentialMovingAverage(0.9)

        def train():
            with tf.control_dependencies([ema.apply([mean, variance])]):
                return tf.identity(mean), tf.identity(variance)

        chosen = tf.cond(flag, train, lambda: (ema.average(mean), ema.average(variance)))
        p.train(p.loss(tf.nn.batch_normalization(x, *chosen, beta, None, 1e-3)), ())
        p.save()
    report = audit(p.graph)
    assert report.findings == ()
    assert len(report.sites) == 1 and sum("ExponentialMovingAverage" in v for v in report.sites[0].variables) == 2


def test_graph_that_cannot_be_imported_is_still_audited():
    """An `_output_shapes` that contradicts today's shape function stops an import, not an audit."""
    with samples.program() as p:
        p.train(p.loss(p.norm(p.conv(p.images())).output), ())
        p.save()
    proto = p.graph.as_graph_def(add_shapes=True)
    for node in proto.node:
        if node.op.startswith("FusedBatchNormGrad"):
            node.attr["_output_shapes"].list.shape[1].dim.add().size = 77
    assert {item.code for item in audit(proto).findings} == {"BN001"}


def test_empty_update_ops_with_updates_in_place_is_sound(flavour):
    assert audit(samples.trained(1, on_output=True, collection=None).graph).findings == ()


def test_training_never_given_is_not_answered_with_the_usual_fix(flavour):
    with samples.program() as p:
        p.train(p.loss(p.norm(p.conv(p.images()), training=False).output))
        p.save()
    (finding,) = audit(p.graph).findings
    assert finding.code == "BN006" and "training=True" in finding.fix and finding.confidence == "medium"


def test_unconditional_update_with_switched_decay_is_sound(flavour):
    with samples.program() as p:
        flag = tf.placeholder_with_default(False, [], "is_training")
        p.train(p.loss(p.norm(p.conv(p.images()), training=flag).output))
        p.save()
    report = audit(p.graph)
    assert report.findings == () and report.sites[0].predicate == "is_training"


def test_frozen_layers_under_a_trained_head_are_a_state(flavour):
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), "trunk", training=False, learn=False).output
        p.train(p.loss(p.norm(p.conv(y, name="head"), "head").output))
        p.save()
    report = audit(p.graph)
    assert report.findings == () and [site.state for site in report.sites] == ["frozen", "training"]


@pytest.mark.parametrize("spelling", spellings.ALL.values(), ids=spellings.ALL)
@pytest.mark.parametrize("training", [True, False])
def test_every_spelling_is_one_site_with_its_variables(spelling, training, flavour):
    with samples.program() as p:
        spelling(p, p.conv(p.images()), training=training)
    (site,) = audit(p.graph).sites
    assert site.mode == ("batch" if training else "moving")
    assert len(site.variables) == (3 if spelling is spellings.slim else 4)


def test_layer_norm_and_rms_scaling_are_no_batch_norm():
    with samples.program() as p:
        x = p.rows()
        mean, variance = tf.nn.moments(x, [1], keep_dims=True)
        tf.nn.batch_normalization(x, mean, variance, None, None, 1e-5)
        square = tf.get_variable("rms", [4], trainable=False)
        x * tf.rsqrt(square + 1e-8)
        x * tf.rsqrt(tf.maximum(tf.reduce_sum(tf.square(x), [1], keepdims=True), 1e-12))
    assert audit(p.graph).sites == ()


def test_page_of_a_rule_needs_no_tensorflow():
    code = "import sys; from tf1bn.audit import page; page('BN001'); assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(not hasattr(tf, "layers"), reason="this TensorFlow has no tf.layers")
@pytest.mark.parametrize("rank", [2, 4])
@pytest.mark.parametrize("mode", [True, "placeholder"])
def test_layers_of_tensorflow_itself(rank, mode, flavour):
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, {2: [None, 4], 4: [None, 6, 6, 3]}[rank])
        flag = tf.placeholder(tf.bool, []) if mode == "placeholder" else mode
        try:
            y = tf.layers.batch_normalization(x, training=flag)
        except AttributeError:
            pytest.skip("tf.layers does not work with Keras 3")
        loss = tf.reduce_mean(tf.square(y))
        tf.train.Saver()
        bare = tf.train.AdamOptimizer().minimize(loss)
        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            gated = tf.group(bare)
    assert errors_of(graph, train_op=gated.name) == []
    assert {item.code for item in errors_of(graph, train_op=bare.name)} == {"BN001"}
