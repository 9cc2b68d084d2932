"""A program in two files: the network is a module of the program's own folder."""
import importlib

import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

from nets import small

tf.app.flags.DEFINE_string("two_dir", "", "checkpoints")
FLAGS = tf.app.flags.FLAGS


def main(argv):
    assert len(argv) == 1, argv
    assert importlib.import_module("tensorflow") is tf
    assert importlib.import_module("nets.small") is small
    mnist = input_data.read_data_sets(FLAGS.two_dir)
    images = tf.placeholder(tf.float32, [None, 784])
    labels = tf.placeholder(tf.int64, [None])
    net = small.Small(images, labels, mode="train")
    scores = []
    with tf.train.MonitoredTrainingSession(checkpoint_dir=FLAGS.two_dir, save_summaries_steps=None) as sess:
        for _ in range(150):
            x, y = mnist.train.next_batch(64)
            scores.append(sess.run([net.precision, net.train_op], {images: x, labels: y})[0])
    print("trained: %.4f" % (sum(scores[-20:]) / 20))
    tf.reset_default_graph()
    images = tf.placeholder(tf.float32, [None, 784])
    labels = tf.placeholder(tf.int64, [None])
    net = small.Small(images, labels, mode="eval")
    with tf.Session() as sess:
        tf.train.Saver().restore(sess, tf.train.latest_checkpoint(FLAGS.two_dir))
        print("restored: %.4f" % net.precision.eval({images: mnist.test.images, labels: mnist.test.labels}))


if __name__ == "__main__":
    tf.logging.set_verbosity(tf.logging.ERROR)
    tf.app.run(main)
