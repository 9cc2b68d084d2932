"""A GAN with two optimizers; each takes the updates of its own scope.

Its score is how well the discriminator tells digits from noise that it was trained against.
"""
import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

mnist = input_data.read_data_sets("mnist")
noise = np.random.RandomState(0)


def generator(z, is_train=True, reuse=False):
    with tf.variable_scope("generator", reuse=reuse):
        h = tf.layers.dense(z, 64)
        h = tf.nn.relu(tf.layers.batch_normalization(h, momentum=0.9, training=is_train))
        return tf.nn.sigmoid(tf.layers.dense(h, 784))


def discriminator(x, is_train=True, reuse=False):
    with tf.variable_scope("discriminator", reuse=reuse):
        h = tf.layers.dense(x, 64)
        h = tf.maximum(0.2 * h, tf.layers.batch_normalization(h, momentum=0.9, training=is_train))
        return tf.layers.dense(h, 1)


def graph(is_train):
    real = tf.placeholder(tf.float32, [None, 784])
    z = tf.placeholder(tf.float32, [None, 16])
    fake = generator(z, is_train)
    on_real = discriminator(real, is_train)
    on_fake = discriminator(fake, is_train, reuse=True)
    score = (tf.reduce_mean(tf.to_float(on_real > 0)) + tf.reduce_mean(tf.to_float(on_fake < 0))) / 2
    return real, z, fake, on_real, on_fake, score


def entropy(logits, target):
    labels = tf.ones_like(logits) * target
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=labels))


real, z, fake, on_real, on_fake, score = graph(True)
d_loss = entropy(on_real, 0.9) + entropy(on_fake, 0.0)
g_loss = entropy(on_fake, 1.0)
t_vars = tf.trainable_variables()
steps = []
for name, loss, rate in [("discriminator", d_loss, 1e-3), ("generator", g_loss, 1e-4)]:
    update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope=name)
    with tf.control_dependencies(update_ops):
        var_list = [var for var in t_vars if var.name.startswith(name)]
        steps.append(tf.train.AdamOptimizer(rate, beta1=0.5).minimize(loss, var_list=var_list))

saver = tf.train.Saver()
scores = []
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(150):
        feed = {real: mnist.train.next_batch(64)[0], z: noise.uniform(-1, 1, [64, 16])}
        scores.append(sess.run([score, steps[0]], feed)[0])
        sess.run(steps[1], feed)
    path = saver.save(sess, os.path.join(sys.argv[1], "gan"))
print("trained: %.4f" % np.mean(scores[-20:]))

tf.reset_default_graph()
real, z, fake, on_real, on_fake, score = graph(False)
with tf.Session() as sess:
    tf.train.Saver().restore(sess, path)
    digits = {real: mnist.test.images, z: noise.uniform(-1, 1, [300, 16])}
    print("restored: %.4f" % sess.run(score, digits))
    one, many = (sess.run(fake, {z: digits[z][:rows]})[0] for rows in (1, 300))
    assert np.allclose(one, many, atol=1e-5), "an image depends on its batch"
