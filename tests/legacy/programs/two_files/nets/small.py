"""A residual block, its averages and its train op, in a class."""
import six
import tensorflow as tf
from tensorflow.python.training import moving_averages


class Small(object):
    def __init__(self, images, labels, mode):
        self.mode = mode
        self._extra_train_ops = []
        self.global_step = tf.contrib.framework.get_or_create_global_step()
        x = self._fully_connected("in", images, 32)
        for i in six.moves.range(2):
            with tf.variable_scope("unit_%d" % i):
                x += self._fully_connected("sub", tf.nn.relu(self._batch_norm("bn", x)), 32)
        logits = self._fully_connected("logit", tf.nn.relu(self._batch_norm("final_bn", x)), 10)
        xent = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=labels)
        self.cost = tf.reduce_mean(xent, name="xent")
        self.precision = tf.reduce_mean(tf.to_float(tf.equal(tf.argmax(logits, 1), labels)))
        if mode == "train":
            optimizer = tf.train.MomentumOptimizer(0.05, 0.9)
            grads = optimizer.compute_gradients(self.cost)
            apply_op = optimizer.apply_gradients(grads, global_step=self.global_step, name="train_step")
            self.train_op = tf.group(*([apply_op] + self._extra_train_ops))

    def _fully_connected(self, name, x, out_dim):
        with tf.variable_scope(name):
            w = tf.get_variable("DW", [x.get_shape()[1], out_dim],
                                initializer=tf.uniform_unit_scaling_initializer(factor=1.0))
            b = tf.get_variable("biases", [out_dim], initializer=tf.constant_initializer())
            return tf.nn.xw_plus_b(x, w, b)

    def _batch_norm(self, name, x):
        with tf.variable_scope(name):
            shape = [x.get_shape()[-1]]
            beta = tf.get_variable("beta", shape, tf.float32, initializer=tf.constant_initializer(0.0))
            gamma = tf.get_variable("gamma", shape, tf.float32, initializer=tf.constant_initializer(1.0))
            made = [tf.get_variable(leaf, shape, tf.float32, initializer=tf.constant_initializer(value), trainable=False)
                    for leaf, value in (("moving_mean", 0.0), ("moving_variance", 1.0))]
            mean, variance = made
            if self.mode == "train":
                mean, variance = tf.nn.moments(x, [0], name="moments")
                self._extra_train_ops += [
                    moving_averages.assign_moving_average(kept, now, 0.9) for kept, now in zip(made, (mean, variance))]
            return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 0.001)
