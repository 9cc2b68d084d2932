"""A linear layer that assigns its averages in variables pinned to the CPU and hangs them on with dependencies."""
import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data


class LinearBN(object):
    def __init__(self, name, size, decay=0.9):
        self.name, self.size, self.decay = name, size, decay

    def __call__(self, x, train):
        with tf.variable_scope(self.name):
            w = tf.get_variable("w", [x.get_shape()[1].value, self.size], tf.float32,
                                tf.random_normal_initializer(stddev=0.1))
            x = tf.matmul(x, w)
            gamma = tf.get_variable("gamma", [self.size], initializer=tf.constant_initializer(1.0))
            beta = tf.get_variable("beta", [self.size], initializer=tf.constant_initializer(0.0))
            with tf.device("/cpu:0"):
                mu = tf.get_variable("mu", [self.size], initializer=tf.constant_initializer(0.0), trainable=False)
                sigma = tf.get_variable("sigma", [self.size], initializer=tf.constant_initializer(1.0),
                                        trainable=False)
            if not train:
                return tf.nn.batch_normalization(x, mu, sigma, beta, gamma, 1e-5)
            mean, variance = tf.nn.moments(x, np.arange(len(x.get_shape()) - 1))
            with tf.device("/cpu:0"):
                keep = [mu.assign(self.decay * mu + (1 - self.decay) * mean),
                        sigma.assign(self.decay * sigma + (1 - self.decay) * variance)]
            with tf.control_dependencies(keep):
                mean, variance = tf.identity(mean), tf.identity(variance)
            return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-5)


def network(x, train):
    h = tf.nn.relu(LinearBN("fc1", 48)(x, train))
    return LinearBN("fc2", 10)(h, train)


def main():
    data = input_data.read_data_sets(os.path.join(sys.argv[1], "data"))
    images = tf.placeholder(tf.float32, [None, 784], "images")
    labels = tf.placeholder(tf.int64, [None], "labels")
    with tf.variable_scope("model"):
        logits = network(images, True)
    with tf.variable_scope("model", reuse=True):
        test_logits = network(images, False)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels))
    train = tf.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    score = [tf.reduce_mean(tf.to_float(tf.nn.in_top_k(out, tf.to_int32(labels), 1))) for out in (logits, test_logits)]
    saver = tf.train.Saver()
    scores = []
    with tf.Session() as sess:
        tf.global_variables_initializer().run()
        for _ in range(200):
            xs, ys = data.train.next_batch(64)
            scores.append(sess.run([score[0], train], {images: xs, labels: ys})[0])
        path = saver.save(sess, os.path.join(sys.argv[1], "linear"))
    print("trained: %.4f" % np.mean(scores[-20:]))
    with tf.Session() as sess:
        saver.restore(sess, path)
        print("restored: %.4f" % score[1].eval({images: data.test.images, labels: data.test.labels}))


if __name__ == "__main__":
    main()
