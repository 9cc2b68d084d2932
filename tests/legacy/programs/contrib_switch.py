"""contrib batch_norm with a Python switch: one graph to train, another to evaluate."""
import os
import sys

import tensorflow as tf
from tensorflow.contrib import layers
from tensorflow.contrib.layers import batch_norm, xavier_initializer
from tensorflow.examples.tutorials.mnist import input_data

mnist = input_data.read_data_sets(os.path.join(sys.argv[1], "none"), one_hot=True)


def model(x, is_training):
    with tf.variable_scope("net"):
        net = tf.reshape(x, [-1, 28, 28, 1])
        for i, n in enumerate([8, 16]):
            with tf.variable_scope("conv%d" % i):
                w = tf.get_variable("W", [3, 3, net.get_shape()[-1], n], initializer=xavier_initializer())
                net = tf.nn.conv2d(net, w, [1, 2, 2, 1], "SAME")
                net = batch_norm(net, decay=0.9, center=True, scale=True, updates_collections=None,
                                 is_training=is_training, scope="bn")
                net = tf.nn.relu(net)
        net = layers.flatten(net)
        net = layers.fully_connected(net, 32, activation_fn=tf.nn.relu, normalizer_fn=batch_norm,
                                     normalizer_params={"is_training": is_training, "decay": 0.9,
                                                        "updates_collections": None})
        return layers.fully_connected(net, 10, activation_fn=None, scope="logits")


def graph(is_training):
    g = tf.Graph()
    with g.as_default():
        tf.set_random_seed(1)
        x = tf.placeholder(tf.float32, [None, 784])
        y = tf.placeholder(tf.float32, [None, 10])
        out = model(x, is_training)
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=out, labels=y))
        acc = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(out, 1), tf.argmax(y, 1)), "float"))
        step = tf.train.AdamOptimizer(5e-3).minimize(loss) if is_training else tf.no_op()
        return g, x, y, acc, step, tf.train.Saver(tf.global_variables())


g, x, y, acc, step, saver = graph(True)
history = []
with tf.Session(graph=g) as sess:
    with g.as_default():
        sess.run(tf.global_variables_initializer())
    for it in range(120):
        bx, by = mnist.train.next_batch(50)
        history += [sess.run([acc, step], {x: bx, y: by})[0]]
    where = saver.save(sess, os.path.join(sys.argv[1], "model.ckpt"), global_step=120)
print("trained: %.4f" % (sum(history[-20:]) / 20))

# Adam's slots are in the file too, and the evaluation graph does not ask for them.
g, x, y, acc, _, saver = graph(False)
with tf.Session(graph=g) as sess:
    saver.restore(sess, where)
    print("restored: %.4f" % sess.run(acc, {x: mnist.test.images, y: mnist.test.labels}))
