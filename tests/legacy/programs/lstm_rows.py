"""An LSTM that reads an image row by row, with a hand-written batch norm on its last output."""
import sys

import tensorflow as tf
from tensorflow.contrib import rnn
from tensorflow.examples.tutorials.mnist import input_data
from tensorflow.python.training.moving_averages import assign_moving_average


def model(x, training):
    cells = [rnn.DropoutWrapper(rnn.BasicLSTMCell(32, forget_bias=1.0), output_keep_prob=0.95 if training else 1.0),
             tf.nn.rnn_cell.GRUCell(24)]
    outputs, _ = tf.nn.dynamic_rnn(rnn.MultiRNNCell(cells), x[:, ::2], dtype=tf.float32)
    last = outputs[:, -1]
    with tf.variable_scope("bn"):
        mean = tf.get_variable("mean", [24], initializer=tf.zeros_initializer, trainable=False)
        variance = tf.get_variable("variance", [24], initializer=tf.ones_initializer, trainable=False)
        beta = tf.get_variable("beta", [24], initializer=tf.zeros_initializer)
        m, v = mean, variance
        if training:
            m, v = tf.nn.moments(last, (0,))
            for kept, new in [(mean, m), (variance, v)]:
                tf.add_to_collection("updates", assign_moving_average(kept, new, 0.9, zero_debias=False))
        last = tf.nn.batch_normalization(last, m, v, beta, None, 1e-3)
    w = tf.get_variable("w", [24, 10], initializer=tf.uniform_unit_scaling_initializer())
    return tf.matmul(last, w)


mnist = input_data.read_data_sets("MNIST", reshape=False)
x = tf.placeholder(tf.float32, [None, 28, 28])
y = tf.placeholder(tf.int64, [None])
logits = model(x, True)
loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
params = tf.trainable_variables()
gradients, _ = tf.clip_by_global_norm(tf.gradients(loss, params), 5.0)
step = tf.train.AdamOptimizer(0.02).apply_gradients(zip(gradients, params))
train_op = tf.group(step, *tf.get_collection("updates"))
hit = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), y), tf.float32))
hits = []
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(150):
        images, labels = mnist.train.next_batch(64)
        hits.append(sess.run([hit, train_op], {x: images[..., 0], y: labels})[0])
    path = tf.train.Saver().save(sess, sys.argv[1] + "/lstm")
print("trained: %.4f" % (sum(hits[-20:]) / 20))

tf.reset_default_graph()
x = tf.placeholder(tf.float32, [None, 28, 28])
guess = tf.argmax(model(x, False), 1)
assert "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel:0" in [v.name for v in tf.global_variables()]
with tf.Session() as sess:
    tf.train.Saver().restore(sess, path)
    right = sess.run(guess, {x: mnist.test.images[..., 0]}) == mnist.test.labels
print("restored: %.4f" % right.mean())
