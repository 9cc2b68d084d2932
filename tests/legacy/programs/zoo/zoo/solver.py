import os

import tensorflow as tf


class Solver(object):
    """Builds the graph of a network, trains and restores it."""

    def __init__(self, network, settings, folder, trainable=True):
        self.settings, self.path = settings, os.path.join(folder, "model")
        self.x = tf.placeholder(tf.float32, [None, 784], "x")
        self.y = tf.placeholder(tf.int64, [None], "y")
        self.is_training = tf.placeholder_with_default(False, [], "is_training")
        logits = network(self.x, self.is_training, settings.DECAY)
        self.guess = tf.argmax(logits, 1)
        self.accuracy = tf.contrib.metrics.accuracy(self.guess, self.y)
        if trainable:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self.y, logits=logits))
            self.step = settings.OPTIMIZER.minimize(loss, tf.contrib.framework.get_or_create_global_step())
        averages = [v for v in tf.contrib.framework.get_model_variables() if "moving" in v.op.name]
        self.saver = tf.train.Saver(tf.trainable_variables() + averages)

    def train(self, sess, data, steps):
        sess.run(tf.global_variables_initializer())
        scores = []
        for _ in range(steps):
            images, labels = data.next_batch(self.settings.BATCH)
            feed = {self.x: images, self.y: labels, self.is_training: True}
            scores.append(sess.run([self.accuracy, self.step], feed)[0])
        self.saver.save(sess, self.path)
        return sum(scores[-20:]) / 20

    def restore(self, sess):
        self.saver.restore(sess, self.path)

    def predict(self, sess, images):
        return sess.run(self.guess, {self.x: images})
