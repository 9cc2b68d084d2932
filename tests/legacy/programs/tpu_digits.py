"""Digits with a TPUEstimator, as programs for Cloud TPUs ran on a processor to be tried out."""
from __future__ import absolute_import
from __future__ import division
from __future__ import print_function

import os

import numpy as np
import tensorflow as tf
from tensorflow.contrib import slim
from tensorflow.contrib import tpu as contrib_tpu
from tensorflow.contrib.tpu.python.tpu import tpu_config
from tensorflow.contrib.tpu.python.tpu import tpu_estimator
from tensorflow.examples.tutorials.mnist import input_data

flags = tf.flags
flags.DEFINE_bool("use_tpu", False, "Use TPUs rather than plain CPUs")
flags.DEFINE_string("tpu_dir", None, "Estimator model_dir")
flags.DEFINE_integer("tpu_train_steps", 140, "Total number of steps.")
flags.DEFINE_integer("tpu_batch_size", 64, "Global batch size.")
flags.DEFINE_integer("tpu_iterations", 50, "Number of iterations per TPU training loop.")
FLAGS = flags.FLAGS


def network(images, is_training):
    params = {"is_training": is_training, "decay": 0.9, "scale": True}
    with slim.arg_scope([slim.conv2d, slim.fully_connected], normalizer_fn=slim.batch_norm, normalizer_params=params):
        net = slim.conv2d(tf.reshape(images, [-1, 28, 28, 1]), 8, [3, 3], stride=2)
        net = slim.conv2d(net, 16, [3, 3], stride=2)
        net = slim.fully_connected(slim.flatten(net), 32)
    return slim.fully_connected(net, 10, activation_fn=None, scope="logits")


def model_fn(features, labels, mode, params):
    logits = network(features, mode == tf.estimator.ModeKeys.TRAIN)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return contrib_tpu.TPUEstimatorSpec(mode, predictions={"class_ids": tf.argmax(logits, axis=1)})

    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
    if mode == tf.estimator.ModeKeys.EVAL:
        def metric_fn(labels, logits):
            return {"accuracy": tf.metrics.accuracy(labels=labels, predictions=tf.argmax(logits, axis=1))}

        return tpu_estimator.TPUEstimatorSpec(mode=mode, loss=loss, eval_metrics=(metric_fn, [labels, logits]))

    global_step = tf.train.get_global_step()
    learning_rate = tf.train.exponential_decay(5e-3, global_step, 100, 0.9)
    optimizer = contrib_tpu.CrossShardOptimizer(tf.train.AdamOptimizer(learning_rate))
    update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    with tf.control_dependencies(update_ops):
        train_op = optimizer.minimize(loss, global_step=global_step)

    def host_call_fn(gs, lr):
        return tf.group(tf.identity(gs[0]), tf.identity(lr[0]))

    host_call = (host_call_fn, [tf.reshape(global_step, [1]), tf.reshape(learning_rate, [1])])
    return contrib_tpu.TPUEstimatorSpec(mode=mode, loss=loss, train_op=train_op, host_call=host_call)


def make_input_fn(part, training):
    def input_fn(params):
        batch_size = params["batch_size"]
        ds = tf.data.Dataset.from_tensor_slices((part.images, part.labels.astype(np.int32)))
        if training:
            ds = ds.cache().repeat().shuffle(buffer_size=5000, seed=1)
        ds = ds.apply(tf.data.experimental.map_and_batch(lambda x, y: (x, y), batch_size, drop_remainder=True))
        return ds.make_one_shot_iterator().get_next() if training else ds.prefetch(2)
    return input_fn


def predict_input_fn(params):
    ds = tf.data.Dataset.from_tensor_slices(DATA.test.images)
    return ds.batch(params["batch_size"])


def main(argv):
    del argv
    global DATA
    tf.logging.set_verbosity(tf.logging.WARN)
    DATA = input_data.read_data_sets(os.path.join(FLAGS.tpu_dir, "none"))
    run_config = tpu_config.RunConfig(
        cluster=None,
        master=None,
        model_dir=os.path.join(FLAGS.tpu_dir, "model"),
        tf_random_seed=1,
        save_checkpoints_steps=100,
        session_config=tf.ConfigProto(allow_soft_placement=True, log_device_placement=False),
        tpu_config=tpu_config.TPUConfig(
            iterations_per_loop=FLAGS.tpu_iterations,
            num_shards=8,
            per_host_input_for_training=tpu_config.InputPipelineConfig.PER_HOST_V2))
    estimator = contrib_tpu.TPUEstimator(
        model_fn=model_fn,
        use_tpu=FLAGS.use_tpu,
        train_batch_size=FLAGS.tpu_batch_size,
        eval_batch_size=FLAGS.tpu_batch_size,
        predict_batch_size=32,
        params={"data_dir": None},
        config=run_config)
    estimator.train(input_fn=make_input_fn(DATA.train, True), max_steps=FLAGS.tpu_train_steps)
    steps = len(DATA.train.labels) // FLAGS.tpu_batch_size
    print("trained: %.4f" % estimator.evaluate(make_input_fn(DATA.train, False), steps=steps)["accuracy"])
    classes = [p["class_ids"] for p in estimator.predict(predict_input_fn)]
    print("restored: %.4f" % np.mean(np.array(classes) == DATA.test.labels))


if __name__ == "__main__":
    flags.mark_flag_as_required("tpu_dir")
    tf.app.run()
