"""slim.learning.train with its log folder, then slim.evaluation.evaluate_once on the newest checkpoint."""
import os

import numpy as np
import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data

slim = tf.contrib.slim

tf.app.flags.DEFINE_string("learn_dir", "/tmp/learn", "Where checkpoints and events are written.")
tf.app.flags.DEFINE_integer("learn_steps", 150, "Number of steps.")
FLAGS = tf.app.flags.FLAGS


def load_batch(dataset, batch_size):
    """Batches by the input queues of the time."""
    image, label = tf.train.slice_input_producer(
        [tf.constant(dataset.images), tf.constant(dataset.labels.astype(np.int64))], shuffle=True)
    images, labels = tf.train.batch([image, label], batch_size=batch_size, num_threads=2, capacity=4 * batch_size)
    return tf.reshape(images, [-1, 28, 28, 1]), labels


def model(images, is_training, scope="model"):
    bn = {"is_training": is_training, "decay": 0.9, "fused": True}
    with tf.variable_scope(scope, "model", [images]) as sc:
        end_points_collection = sc.original_name_scope + "_end_points"
        with slim.arg_scope([slim.conv2d, slim.fully_connected], normalizer_fn=slim.batch_norm, normalizer_params=bn,
                            outputs_collections=end_points_collection):
            net = slim.stack(images, slim.conv2d, [(8, [3, 3], 2), (16, [3, 3], 2)], scope="conv")
            net = slim.flatten(net)
            net = slim.fully_connected(net, 32, scope="fc")
            net = slim.fully_connected(net, 10, activation_fn=None, normalizer_fn=None, scope="logits")
        end_points = slim.utils.convert_collection_to_dict(end_points_collection)
    return net, end_points


def train(mnist):
    with tf.Graph().as_default():
        tf.logging.set_verbosity(tf.logging.ERROR)
        images, labels = load_batch(mnist.train, 64)
        logits, end_points = model(images, True)
        assert len(end_points) == 4, end_points
        slim.losses.softmax_cross_entropy(logits, slim.one_hot_encoding(labels, 10))
        total_loss = slim.losses.get_total_loss()
        tf.summary.scalar("losses/total", total_loss)
        optimizer = tf.train.AdamOptimizer(tf.train.exponential_decay(0.01, slim.get_or_create_global_step(), 100, 0.5))
        train_op = slim.learning.create_train_op(total_loss, optimizer, summarize_gradients=True)
        accuracy = tf.reduce_mean(tf.to_float(tf.equal(tf.argmax(logits, 1), labels)))
        scores = []

        def step(sess, train_op, global_step, train_step_kwargs):
            result = slim.learning.train_step(sess, train_op, global_step, train_step_kwargs)
            scores.append(sess.run(accuracy))
            return result

        loss = slim.learning.train(train_op, FLAGS.learn_dir, train_step_fn=step, number_of_steps=FLAGS.learn_steps,
                                   log_every_n_steps=50, save_summaries_secs=60, save_interval_secs=600)
        assert np.isfinite(loss)
    return sum(scores[-20:]) / 20


def evaluate(mnist):
    with tf.Graph().as_default():
        images = tf.constant(mnist.test.images.reshape([-1, 28, 28, 1]))
        logits, _ = model(images, False)
        names_to_values, names_to_updates = slim.metrics.aggregate_metric_map({
            "accuracy": slim.metrics.streaming_accuracy(tf.argmax(logits, 1), tf.constant(mnist.test.labels, tf.int64)),
        })
        for name, value in names_to_values.items():
            slim.summaries.add_scalar_summary(value, name, print_summary=False)
        return slim.evaluation.evaluate_once(
            "", tf.train.latest_checkpoint(FLAGS.learn_dir), os.path.join(FLAGS.learn_dir, "eval"), num_evals=1,
            eval_op=list(names_to_updates.values()), final_op=names_to_values["accuracy"])


def main(_):
    mnist = input_data.read_data_sets("data")
    print("trained: %.4f" % train(mnist))
    print("restored: %.4f" % evaluate(mnist))
    assert [name for name in os.listdir(FLAGS.learn_dir) if name.startswith("events")]


if __name__ == "__main__":
    tf.app.run()
