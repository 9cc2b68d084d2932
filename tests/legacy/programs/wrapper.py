"""Two hidden layers with a hand-written batch_norm_wrapper; the graph is built twice. Style of early 2016."""
import sys

import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

mnist = input_data.read_data_sets("MNIST_data", one_hot=True)
epsilon = 1e-3


def batch_norm_wrapper(inputs, is_training, decay=0.95):
    scale = tf.Variable(tf.ones([inputs.get_shape()[-1]]))
    beta = tf.Variable(tf.zeros([inputs.get_shape()[-1]]))
    pop_mean = tf.Variable(tf.zeros([inputs.get_shape()[-1]]), trainable=False)
    pop_var = tf.Variable(tf.ones([inputs.get_shape()[-1]]), trainable=False)
    if is_training:
        batch_mean, batch_var = tf.nn.moments(inputs, [0])
        train_mean = tf.assign(pop_mean, pop_mean * decay + batch_mean * (1 - decay))
        train_var = tf.assign(pop_var, pop_var * decay + batch_var * (1 - decay))
        with tf.control_dependencies([train_mean, train_var]):
            return tf.nn.batch_normalization(inputs, batch_mean, batch_var, beta, scale, epsilon)
    return tf.nn.batch_normalization(inputs, pop_mean, pop_var, beta, scale, epsilon)


def build_graph(is_training):
    x = tf.placeholder(tf.float32, shape=[None, 784])
    y_ = tf.placeholder(tf.float32, shape=[None, 10])
    layer, size = x, 784
    for units in (64, 64):
        w = tf.Variable(tf.truncated_normal([size, units], stddev=0.1, seed=units))
        layer = tf.nn.sigmoid(batch_norm_wrapper(tf.matmul(layer, w), is_training))
        size = units
    w3 = tf.Variable(tf.truncated_normal([size, 10], stddev=0.1, seed=3))
    b3 = tf.Variable(tf.zeros([10]))
    y = tf.nn.softmax(tf.matmul(layer, w3) + b3)
    cross_entropy = -tf.reduce_sum(y_ * tf.log(tf.clip_by_value(y, 1e-7, 1.0)))
    train_step = tf.train.GradientDescentOptimizer(0.01).minimize(cross_entropy)
    correct = tf.equal(tf.arg_max(y, 1), tf.arg_max(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(correct, tf.float32))
    return (x, y_), train_step, accuracy, tf.train.Saver()


tf.reset_default_graph()
(x, y_), train_step, accuracy, saver = build_graph(is_training=True)
acc = []
with tf.Session() as sess:
    sess.run(tf.initialize_all_variables())
    for i in range(250):
        batch = mnist.train.next_batch(60)
        a, _ = sess.run([accuracy, train_step], feed_dict={x: batch[0], y_: batch[1]})
        acc.append(a)
    saved_model = saver.save(sess, sys.argv[1] + "/temp-bn-save")
print("trained: %.4f" % (sum(acc[-30:]) / 30))

tf.reset_default_graph()
(x, y_), _, accuracy, saver = build_graph(is_training=False)
with tf.Session() as sess:
    saver.restore(sess, saved_model)
    print("restored: %.4f" % sess.run(accuracy, {x: mnist.test.images, y_: mnist.test.labels}))
