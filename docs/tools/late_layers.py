"""An old program with a mistake: the updates are gathered before the last two layers are built.

`tf1bn run docs/tools/late_layers.py FOLDER` trains it on MNIST's folder or the digits that come with tf1bn, and saves
FOLDER/model. The gallery shows what `tf1bn inspect` and `tf1bn audit` say of it.
"""

import sys

import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

mnist = input_data.read_data_sets("MNIST_data", one_hot=False)
images, labels = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.int64, [None])

h = images
for number in range(1, 7):
    h = tf.layers.dense(h, 64, use_bias=False, name=f"dense{number}")
    h = tf.nn.relu(tf.layers.batch_normalization(h, training=True, momentum=0.9, name=f"bn{number}"))
    if number == 4:
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)

loss = tf.losses.sparse_softmax_cross_entropy(labels, tf.layers.dense(h, 10))
with tf.control_dependencies(updates):
    train_op = tf.train.AdamOptimizer(0.002).minimize(loss)

with tf.Session() as session:
    session.run(tf.global_variables_initializer())
    for _ in range(300):
        batch_images, batch_labels = mnist.train.next_batch(60)
        session.run(train_op, {images: batch_images, labels: batch_labels})
    tf.train.Saver().save(session, sys.argv[1] + "/model")
