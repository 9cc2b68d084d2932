#!/usr/bin/env python2
"""Digits, in the Python of 2016: print statements, whole-number division, pickled data, averages by hand."""
import cPickle
import os
import sys
from itertools import izip

import numpy as np
import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

reload(sys)
sys.setdefaultencoding("utf8")

FOLDER = sys.argv[1]
SIZES = {"hidden": 64, "classes": 10}
BATCH, STEPS = 128 / 2, 0x96L


def batch_norm(x, training, scope, decay=9 / 10.0):
    with tf.variable_scope(scope):
        size = x.get_shape()[-1]
        beta = tf.get_variable("beta", [size], initializer=tf.constant_initializer(0))
        gamma = tf.get_variable("gamma", [size], initializer=tf.constant_initializer(1))
        ema = tf.train.ExponentialMovingAverage(decay)
        mean, variance = tf.nn.moments(x, range(len(x.get_shape()) - 1))

        def updated():
            with tf.control_dependencies([ema.apply([mean, variance])]):
                return tf.identity(mean), tf.identity(variance)

        used = tf.cond(training, updated, lambda: (ema.average(mean), ema.average(variance)))
        return tf.nn.batch_normalization(x, used[0], used[1], beta, gamma, 1e-3)


def network(x, training):
    half = x.get_shape()[1] / 2
    assert half == 392, `half`
    keys = SIZES.keys()
    keys.sort()
    classes, hidden = map(SIZES.get, keys)
    w = tf.get_variable("w", [784, hidden], initializer=tf.truncated_normal_initializer(stddev=0.1))
    h = tf.nn.relu(batch_norm(tf.matmul(x, w), training, "bn"))
    out = tf.get_variable("out", [hidden, classes], initializer=tf.truncated_normal_initializer(stddev=0.1))
    return tf.matmul(h, out)


def pickled(path):
    """The data set as such programs kept it."""
    mnist = input_data.read_data_sets("data")
    with open(path, "wb") as f:
        cPickle.dump({"x": mnist.train.images, "y": mnist.train.labels,
                      "test": (mnist.test.images, mnist.test.labels)}, f, -1)
    return cPickle.load(open(path))


data = pickled(os.path.join(FOLDER, "digits.pkl"))
if not data.has_key("x"):
    raise KeyError, "no images"
count = len(data["x"])
x = tf.placeholder(tf.float32, [None, 784])
y = tf.placeholder(tf.int64, [None])
training = tf.placeholder(tf.bool, [])
logits = network(x, training)
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
step = tf.train.AdamOptimizer(1e-2).minimize(loss)
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))
saver = tf.train.Saver()
scores = []
with tf.Session() as sess:
    sess.run(tf.initialize_all_variables())
    for number in xrange(STEPS):
        first = number * BATCH % (count - BATCH)
        feed = dict(izip([x, y, training], [data["x"][first:first + BATCH], data["y"][first:first + BATCH], True]))
        scores.append(sess.run([accuracy, step], feed)[0])
    saver.save(sess, os.path.join(FOLDER, "model"))
print "trained: %.4f" % np.mean(scores[-20:])

with tf.Session() as sess:
    saver.restore(sess, os.path.join(FOLDER, "model"))
    images, labels = data["test"]
    right = 0
    for first, second in izip(range(0, len(images), 100), range(100, len(images) + 1, 100)):
        feed = {x: images[first:second], y: labels[first:second], training: False}
        right += int(round(sess.run(accuracy, feed) * 100))
    tested = len(images) / 100 * 100
    print "restored: %.4f" % (right / float(tested))
    try:
        assert right / (tested + 1) == 0 and 3 <> 4
    except AssertionError, error:
        print >>sys.stderr, "divided otherwise:", error
        raise
