"""The same nineteen convolutions written with tf.nn and tf.cond, population statistics in plain variables."""
import sys

import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

mnist = input_data.read_data_sets("MNIST_data/", one_hot=True, reshape=False)


def normalized(layer, num_units, is_training):
    gamma = tf.Variable(tf.ones([num_units]))
    beta = tf.Variable(tf.zeros([num_units]))
    pop_mean = tf.Variable(tf.zeros([num_units]), trainable=False)
    pop_variance = tf.Variable(tf.ones([num_units]), trainable=False)
    epsilon = 1e-3

    def batch_norm_training():
        batch_mean, batch_variance = tf.nn.moments(layer, list(range(layer.get_shape().ndims - 1)), keep_dims=False)
        decay = 0.8
        train_mean = tf.assign(pop_mean, pop_mean * decay + batch_mean * (1 - decay))
        train_variance = tf.assign(pop_variance, pop_variance * decay + batch_variance * (1 - decay))
        with tf.control_dependencies([train_mean, train_variance]):
            return tf.nn.batch_normalization(layer, batch_mean, batch_variance, beta, gamma, epsilon)

    def batch_norm_inference():
        return tf.nn.batch_normalization(layer, pop_mean, pop_variance, beta, gamma, epsilon)

    return tf.nn.relu(tf.cond(is_training, batch_norm_training, batch_norm_inference))


def conv_layer(prev_layer, layer_depth, is_training):
    strides = 2 if layer_depth == 10 else 1
    in_channels = prev_layer.get_shape().as_list()[3]
    weights = tf.Variable(tf.truncated_normal([3, 3, in_channels, 12], stddev=0.1))
    layer = tf.nn.conv2d(prev_layer, weights, strides=[1, strides, strides, 1], padding="SAME")
    return normalized(layer, 12, is_training)


def build(inputs, is_training):
    layer = tf.nn.avg_pool(inputs, [1, 4, 4, 1], [1, 4, 4, 1], "VALID")
    for i in range(1, 20):
        layer = conv_layer(layer, i, is_training)
    orig_shape = layer.get_shape().as_list()
    size = orig_shape[1] * orig_shape[2] * orig_shape[3]
    layer = tf.reshape(layer, shape=[-1, size])
    weights = tf.Variable(tf.truncated_normal([size, 32], stddev=0.1))
    layer = normalized(tf.matmul(layer, weights), 32, is_training)
    out = tf.Variable(tf.truncated_normal([32, 10], stddev=0.1))
    return tf.matmul(layer, out)


inputs = tf.placeholder(tf.float32, [None, 28, 28, 1])
labels = tf.placeholder(tf.float32, [None, 10])
is_training = tf.placeholder(tf.bool, name="is_training")
logits = build(inputs, is_training)
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=labels))
optimizer = tf.train.AdamOptimizer(0.008).minimize(loss)
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.argmax(labels, 1)), tf.float32))
saver = tf.train.Saver(max_to_keep=1)
with tf.Session(config=tf.ConfigProto(allow_soft_placement=True)) as sess:
    sess.run(tf.global_variables_initializer())
    scores = []
    for _ in range(90):
        xs, ys = mnist.train.next_batch(64)
        scores.append(sess.run([accuracy, optimizer], {inputs: xs, labels: ys, is_training: True})[0])
    print("trained: %.4f" % (sum(scores[-20:]) / 20))
    path = saver.save(sess, sys.argv[1] + "/nn")
    feed = {inputs: mnist.test.images, labels: mnist.test.labels, is_training: False}
    print("evaluated: %.4f" % sess.run(accuracy, feed))

with tf.Session() as sess:
    saver.restore(sess, path)
    print("restored: %.4f" % sess.run(accuracy, feed))
