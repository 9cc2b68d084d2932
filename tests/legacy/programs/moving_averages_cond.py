"""assign_moving_average inside tf.cond; the averages are fetched again by get_variable in both branches."""
import sys

import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data
from tensorflow.python.framework import ops
from tensorflow.python.ops import control_flow_ops
from tensorflow.python.training import moving_averages

BN_DECAY = 0.95
BN_EPSILON = 0.001


def batch_norm(x, is_train, name="bn"):
    axes = range(len(x.get_shape()) - 1)
    shape = x.get_shape()[-1:]
    with tf.variable_scope(name):
        beta = tf.get_variable("beta", shape, initializer=tf.zeros_initializer())
        gamma = tf.get_variable("gamma", shape, initializer=tf.ones_initializer())
        tf.get_variable("moving_avg", shape, initializer=tf.zeros_initializer(), trainable=False)
        tf.get_variable("moving_var", shape, initializer=tf.ones_initializer(), trainable=False)

    def fetch():
        with tf.variable_scope(name, reuse=True):
            return tf.get_variable("moving_avg", shape), tf.get_variable("moving_var", shape)

    def train():
        avg, var = tf.nn.moments(x, axes)
        moving_avg, moving_var = fetch()
        update_avg = moving_averages.assign_moving_average(moving_avg, avg, BN_DECAY)
        update_var = moving_averages.assign_moving_average(moving_var, var, BN_DECAY)
        with ops.control_dependencies([update_avg, update_var]):
            return tf.identity(avg), tf.identity(var)

    avg, var = control_flow_ops.cond(is_train, train, fetch)
    return tf.nn.batch_normalization(x, avg, var, beta, gamma, BN_EPSILON)


def build():
    x = tf.placeholder("float", [None, 784])
    y = tf.placeholder("int32", [None])
    train = tf.placeholder_with_default(False, shape=(), name="train")
    assert isinstance(x, ops.Tensor)
    net = tf.reshape(x, [-1, 28, 28, 1])
    for i in range(2):
        with tf.variable_scope("layer%d" % i):
            w = tf.get_variable("w", [5, 5, net.get_shape()[3].value, 8], initializer=tf.contrib.layers.xavier_initializer_conv2d())
            net = tf.nn.conv2d(net, w, strides=[1, 2, 2, 1], padding="SAME")
            net = tf.nn.relu(batch_norm(net, train))
    flat = tf.reshape(net, [-1, net.get_shape()[1] * net.get_shape()[2] * net.get_shape()[3]])
    w = tf.get_variable("w", [flat.get_shape()[1], 10], initializer=tf.random_normal_initializer(stddev=0.05))
    return x, y, train, tf.matmul(flat, w)


x, y, train, logits = build()
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
global_step = tf.Variable(0, trainable=False)
rate = tf.train.exponential_decay(0.01, global_step, 50, 0.9, staircase=True)
train_op = tf.train.AdamOptimizer(rate).minimize(loss, global_step=global_step)
correct = tf.nn.in_top_k(logits, y, 1)
accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))
data = input_data.read_data_sets("data")
sess = tf.Session()
sess.run(tf.global_variables_initializer())
last = []
while len(last) < 150:
    images, labels = data.train.next_batch(40)
    last.append(sess.run([accuracy, train_op], {x: images, y: labels, train: True})[0])
print("trained: %.4f" % (sum(last[-20:]) / 20.0))
path = tf.train.Saver().save(sess, sys.argv[1] + "/avg.ckpt", global_step)
print("evaluated: %.4f" % sess.run(accuracy, {x: data.test.images, y: data.test.labels}))
sess.close()

with tf.Graph().as_default(), tf.Session() as sess:
    x, y, train, logits = build()
    accuracy = tf.reduce_mean(tf.cast(tf.nn.in_top_k(logits, y, 1), tf.float32))
    tf.train.Saver([v for v in tf.global_variables() if "moving" in v.name or v in tf.trainable_variables()]).restore(sess, path)
    print("restored: %.4f" % sess.run(accuracy, {x: data.test.images, y: data.test.labels}))
