import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from tf1bn.examples import models

BN = ("gamma", "beta", "moving_mean", "moving_variance")


def build(model, options, size=28):
    with tf.Graph().as_default():
        outputs = models.MODELS[model].network(tf.placeholder(tf.float32, [None, size, size, 1]), True, options)
        return outputs, {variable.op.name: variable.shape.as_list() for variable in tf.global_variables()}


def test_the_mlp_has_784_100_100_10_units_and_no_bias_before_a_batch_norm():
    _, shapes = build("mlp", models.ModelOptions())
    norms = {f"hidden{n}/batch_norm/{leaf}": [100] for n in (1, 2) for leaf in BN}
    assert shapes == {
        "hidden1/kernel": [784, 100],
        "hidden2/kernel": [100, 100],
        "logits/kernel": [100, 10],
        "logits/bias": [10],
        **norms,
    }


def test_without_batch_norm_biases_stand_in_their_place():
    _, shapes = build("mlp", models.ModelOptions(batch_norm=False))
    assert set(shapes) == {
        f"{layer}/{leaf}" for layer in ("hidden1", "hidden2", "logits") for leaf in ("kernel", "bias")
    }


def test_the_cnn_has_19_convolutions_of_depth_4i_and_halves_at_every_third():
    outputs, shapes = build("cnn", models.ModelOptions())
    depths = [shapes[f"conv{i}/kernel"] for i in range(1, 20)]
    assert depths == [[3, 3, 4 * (i - 1) or 1, 4 * i] for i in range(1, 20)]
    sizes = [x.shape.as_list()[1] for x in list(outputs.pre_activations.values())[:19]]
    assert sizes == [28, 28, 14, 14, 14, 7, 7, 7, 4, 4, 4, 2, 2, 2, 1, 1, 1, 1, 1]
    assert (shapes["dense/kernel"], shapes["logits/kernel"]) == ([76, 100], [100, 10])
    assert len(outputs.normalised) == 20
    assert not any(name.endswith("/bias") for name in shapes if name != "logits/bias")


def test_initial_weights_have_the_deviation_asked_for():
    with tf.Graph().as_default(), tf.Session() as session:
        models.mlp(tf.zeros([1, 28, 28, 1]), True, models.ModelOptions(init_stddev=0.3))
        session.run(tf.global_variables_initializer())
        kernel = session.run(tf.trainable_variables()[0])
    assert kernel.std() == pytest.approx(0.3, rel=0.02)
    assert kernel.mean() == pytest.approx(0.0, abs=0.01)


def test_losses_follow_their_formulas():
    random = np.random.RandomState(0)
    logits, labels = random.randn(4, 10), np.array([0, 3, 3, 9])
    one_hot = np.eye(10)[labels]
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    sigmoid = 1 / (1 + np.exp(-logits))
    with tf.Graph().as_default(), tf.Session() as session:
        x, y = tf.constant(logits, tf.float32), tf.constant(labels)
        summed, mean = session.run([models.summed_softmax_loss(x, y), models.mean_sigmoid_loss(x, y)])
    assert summed == pytest.approx(-np.sum(one_hot * np.log(softmax)), rel=1e-5)
    assert mean == pytest.approx(-np.mean(one_hot * np.log(sigmoid) + (1 - one_hot) * np.log(1 - sigmoid)), rel=1e-5)
