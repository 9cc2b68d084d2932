"""contrib batch_norm twice in a tf.cond, the second one reusing the first. Imports of 2016."""
import sys

import tensorflow as tf
from tensorflow.contrib.layers.python.layers import batch_norm as batch_norm
from tensorflow.examples.tutorials.mnist import input_data


def batch_norm_layer(x, train_phase, scope_bn):
    return tf.cond(
        train_phase,
        lambda: batch_norm(x, decay=0.95, center=True, scale=True, updates_collections=None, is_training=True,
                           reuse=None, scope=scope_bn),
        lambda: batch_norm(x, decay=0.95, center=True, scale=True, updates_collections=None, is_training=False,
                           reuse=True, scope=scope_bn))


x = tf.placeholder(tf.float32, [None, 784])
y_ = tf.placeholder(tf.float32, [None, 10])
phase_train = tf.placeholder(tf.bool, name="phase_train")
W1 = tf.Variable(tf.truncated_normal([784, 64], stddev=0.1))
h1 = tf.nn.relu(batch_norm_layer(tf.matmul(x, W1), phase_train, "bn1"))
W2 = tf.Variable(tf.truncated_normal([64, 32], stddev=0.1))
h2 = tf.nn.relu(batch_norm_layer(tf.matmul(h1, W2), phase_train, "bn2"))
W3 = tf.Variable(tf.truncated_normal([32, 10], stddev=0.1))
b3 = tf.Variable(tf.constant(0.1, shape=[10]))
y = tf.matmul(h2, W3) + b3
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y))
train_step = tf.train.AdamOptimizer(1e-2).minimize(loss)
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1)), tf.float32))
mnist = input_data.read_data_sets("./MNIST_data", one_hot=True)
saver = tf.train.Saver()
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    total = 0.0
    for step in range(200):
        xs, ys = mnist.train.next_batch(64)
        value, _ = sess.run([accuracy, train_step], feed_dict={x: xs, y_: ys, phase_train: True})
        total += value if step >= 180 else 0.0
    saver.save(sess, sys.argv[1] + "/cond", write_meta_graph=True)
    test = {x: mnist.test.images, y_: mnist.test.labels, phase_train: False}
    print("trained: %.4f" % (total / 20))
    print("evaluated: %.4f" % accuracy.eval(test))
with tf.Session() as sess:
    saver.restore(sess, tf.train.latest_checkpoint(sys.argv[1]))
    print("restored: %.4f" % accuracy.eval(test))
