"""A program from before TensorFlow 1.0: names and argument orders that 1.0 dropped."""
import sys

import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

flags = tf.app.flags
FLAGS = flags.FLAGS
flags.DEFINE_string("log_dir", "/tmp/logs", "Summaries directory")
flags.DEFINE_float("old_rate", 0.05, "Initial learning rate.")
FLAGS._parse_flags()
out_dir = FLAGS.__flags["log_dir"]


def moments_norm(x, gamma, beta, mean, var, train):
    with tf.op_scope([x, gamma, beta], "norm"):
        if train:
            m = tf.reduce_mean(x, reduction_indices=[0])
            v = tf.reduce_mean(tf.square(tf.sub(x, m)), reduction_indices=[0])
            ema = 0.9
            ups = [mean.assign(tf.add(tf.mul(mean, ema), tf.mul(m, 1 - ema))),
                   var.assign(tf.add(tf.mul(var, ema), tf.mul(v, 1 - ema)))]
            with tf.control_dependencies(ups):
                m, v = tf.identity(m), tf.identity(v)
        else:
            m, v = mean, var
        return tf.add(tf.mul(gamma, tf.div(tf.sub(x, m), tf.sqrt(v + 1e-4))), beta)


def inference(images, train):
    halves = tf.split(1, 2, images)
    x = tf.concat(1, [halves[1], halves[0]])
    rows = tf.unpack(tf.pack([x, tf.neg(x)]))
    x = tf.select(tf.greater(rows[0], 0.0), rows[0], tf.neg(rows[1]))
    with tf.variable_op_scope([x], None, "hidden"):
        w = tf.get_variable("w", [784, 50], initializer=tf.truncated_normal_initializer(stddev=0.1))
        gamma = tf.get_variable("gamma", [50], initializer=tf.constant_initializer(1.0))
        beta = tf.get_variable("beta", [50], initializer=tf.constant_initializer(0.0))
        mean = tf.get_variable("mean", [50], initializer=tf.constant_initializer(0.0), trainable=False)
        var = tf.get_variable("var", [50], initializer=tf.constant_initializer(1.0), trainable=False)
        hidden = tf.nn.relu(moments_norm(tf.matmul(x, w), gamma, beta, mean, var, train))
        tf.histogram_summary("hidden/activations", hidden)
    w = tf.get_variable("w", [50, 10], initializer=tf.truncated_normal_initializer(stddev=0.1))
    return tf.squeeze(tf.batch_matmul(tf.expand_dims(hidden, dim=0), tf.expand_dims(w, dim=0)), squeeze_dims=[0])


data = input_data.read_data_sets(out_dir, one_hot=True)
images = tf.placeholder(tf.float32, [None, 784])
labels = tf.placeholder(tf.float32, [None, 10])
logits = inference(images, True)
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits, labels), name="xentropy_mean")
tf.scalar_summary("loss", loss)
accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(logits, 1), tf.argmax(labels, 1)), tf.float32))
tf.scalar_summary("accuracy", accuracy)
train_op = tf.train.MomentumOptimizer(FLAGS.old_rate, 0.9).minimize(loss)
merged = tf.merge_all_summaries()
with tf.Session() as sess:
    sess.run(tf.initialize_all_variables())
    writer = tf.train.SummaryWriter(out_dir, sess.graph)
    total = 0.0
    for i in range(200):
        xs, ys = data.train.next_batch(64)
        text, value, _ = sess.run([merged, accuracy, train_op], feed_dict={images: xs, labels: ys})
        if i % 50 == 0:
            writer.add_summary(text, i)
        if i >= 180:
            total += value
    writer.close()
    print("trained: %.4f" % (total / 20))
    saver = tf.train.Saver(tf.all_variables())
    saver.save(sess, out_dir + "/old.ckpt", global_step=i)

with tf.Graph().as_default():
    images = tf.placeholder(tf.float32, [None, 784])
    answer = tf.argmax(inference(images, False), 1)
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, out_dir + "/old.ckpt-199")
        found = sess.run(answer, {images: data.test.images})
        print("restored: %.4f" % (found == data.test.labels.argmax(1)).mean())
sys.exit(0)
