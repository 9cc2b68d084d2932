"""Nineteen convolutions with batch normalization through tf.layers, updates taken from UPDATE_OPS."""
import sys

import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

mnist = input_data.read_data_sets("MNIST_data/", one_hot=True, reshape=False)


def conv_layer(prev_layer, layer_depth, is_training):
    strides = 2 if layer_depth == 10 else 1
    conv_layer = tf.layers.conv2d(prev_layer, 12, 3, strides, "same", use_bias=False, activation=None)
    conv_layer = tf.layers.batch_normalization(conv_layer, training=is_training, momentum=0.8)
    return tf.nn.relu(conv_layer)


def network(inputs, is_training):
    layer = tf.layers.average_pooling2d(inputs, 4, 4)
    for layer_i in range(1, 20):
        layer = conv_layer(layer, layer_i, is_training)
    layer = tf.reshape(layer, [-1, layer.get_shape()[1] * layer.get_shape()[2] * layer.get_shape()[3]])
    layer = tf.layers.dense(layer, 32, use_bias=False)
    layer = tf.nn.relu(tf.layers.batch_normalization(layer, training=is_training, momentum=0.8))
    return tf.layers.dense(layer, 10)


def train(num_batches, batch_size, learning_rate, path):
    tf.reset_default_graph()
    inputs = tf.placeholder(tf.float32, [None, 28, 28, 1])
    labels = tf.placeholder(tf.float32, [None, 10])
    is_training = tf.placeholder(tf.bool)
    logits = network(inputs, is_training)
    model_loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=logits, labels=labels))
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train_opt = tf.train.AdamOptimizer(learning_rate).minimize(model_loss)
    correct_prediction = tf.equal(tf.argmax(logits, 1), tf.argmax(labels, 1))
    accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        scores = []
        for batch_i in range(num_batches):
            batch_xs, batch_ys = mnist.train.next_batch(batch_size)
            _, score = sess.run([train_opt, accuracy], {inputs: batch_xs, labels: batch_ys, is_training: True})
            scores.append(score)
        print("trained: %.4f" % (sum(scores[-20:]) / 20))
        saver.save(sess, path + "/deep.ckpt")
        feed = {inputs: mnist.test.images, labels: mnist.test.labels, is_training: False}
        print("evaluated: %.4f" % sess.run(accuracy, feed))
    tf.reset_default_graph()
    inputs = tf.placeholder(tf.float32, [None, 28, 28, 1])
    logits = network(inputs, False)
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, path + "/deep.ckpt")
        answer = sess.run(logits, {inputs: mnist.test.images})
        print("restored: %.4f" % (answer.argmax(1) == mnist.test.labels.argmax(1)).mean())


tf.set_random_seed(2)
train(90, 64, 0.008, sys.argv[1])
