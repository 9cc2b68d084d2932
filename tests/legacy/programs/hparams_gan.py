"""A GAN in the plane whose settings are HParams, with options on the command line and a copy beside the checkpoint.

The data is a cloud of points; the score is how much the histograms of real and generated points overlap.
"""
import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.contrib import layers
from tensorflow.contrib.framework import arg_scope

hparams = tf.contrib.training.HParams(
    batch_size=128, noise_dims=4, hidden=[32, 32], leak=0.2, bn_decay=0.9, g_rate=0.001, d_rate=0.002, beta1=0.5,
    steps=100, name="plane")
hparams.parse("steps=800,hidden=[24,24],g_rate=3e-3")
assert hparams.steps == 800 and hparams.hidden == [24, 24]

random = np.random.RandomState(7)


def real_points(count):
    a = random.normal(size=[count, 2])
    return np.stack([1.5 + a[:, 0], -0.5 + 0.6 * a[:, 0] + 0.8 * a[:, 1]], 1)


def leaky(x):
    return tf.maximum(hparams.leak * x, x)


def generator(z, is_training):
    bn = {"is_training": is_training, "decay": hparams.bn_decay, "scale": True, "updates_collections": None}
    with tf.variable_scope("generator"):
        with arg_scope([layers.fully_connected], normalizer_fn=layers.batch_norm, normalizer_params=bn):
            h = layers.stack(z, layers.fully_connected, hparams.hidden, scope="hidden")
        return layers.linear(h, 2, scope="points")


def discriminator(x, reuse=None):
    with tf.variable_scope("discriminator", reuse=reuse):
        h = layers.stack(x, layers.fully_connected, hparams.hidden, activation_fn=leaky, scope="hidden")
        return layers.linear(h, 1, scope="logit")


def overlap(points):
    shares = []
    for axis in range(2):
        counts = [np.histogram(cloud[:, axis], 6, (-3.0, 5.0))[0] / float(len(cloud)) for cloud in (points, truth)]
        shares.append(np.minimum(*counts).sum())
    return np.mean(shares)


truth = real_points(4000)
x = tf.placeholder(tf.float32, [None, 2])
z = tf.placeholder(tf.float32, [None, hparams.noise_dims])
fake = generator(z, True)
on_real, on_fake = discriminator(x), discriminator(fake, reuse=True)
entropy = tf.losses.sigmoid_cross_entropy
d_loss = entropy(tf.ones_like(on_real), on_real, label_smoothing=0.2) + entropy(tf.zeros_like(on_fake), on_fake)
g_loss = entropy(tf.ones_like(on_fake), on_fake)
global_step = tf.train.get_or_create_global_step()
d_vars, g_vars = (tf.trainable_variables(scope) for scope in ("discriminator", "generator"))
d_step = tf.train.AdamOptimizer(hparams.d_rate, hparams.beta1).minimize(d_loss, var_list=d_vars)
g_step = tf.contrib.opt.AdamWOptimizer(1e-5, hparams.g_rate, hparams.beta1).minimize(g_loss, global_step, g_vars)


def noise(count):
    return random.uniform(-1, 1, [count, hparams.noise_dims])


saver = tf.train.Saver(tf.contrib.framework.get_variables("generator"))
scores = []
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for step in range(hparams.steps):
        sess.run(d_step, {x: real_points(hparams.batch_size), z: noise(hparams.batch_size)})
        sess.run(g_step, {z: noise(hparams.batch_size)})
        if step >= hparams.steps - 200 and step % 20 == 0:
            scores.append(overlap(sess.run(fake, {z: noise(2000)})))
    path = saver.save(sess, os.path.join(sys.argv[1], "gan"), global_step)
with open(os.path.join(sys.argv[1], "hparams.json"), "w") as f:
    f.write(hparams.to_json())
print("trained: %.4f" % np.mean(scores))

tf.reset_default_graph()
hparams.override_from_dict({"noise_dims": 1, "hidden": [1], "bn_decay": 0.5})
hparams.parse_json(open(os.path.join(sys.argv[1], "hparams.json")).read())
assert hparams.hidden == [24, 24]
z = tf.placeholder(tf.float32, [None, hparams.noise_dims])
points = generator(z, False)
with tf.Session() as sess:
    tf.train.Saver().restore(sess, path)
    values = noise(4000)
    score = overlap(sess.run(points, {z: values}))
    one, many = (sess.run(points, {z: values[:rows]})[0] for rows in (1, 300))
    assert np.allclose(one, many, atol=1e-5), "a point depends on its batch"
print("restored: %.4f" % score)
