"""Digits with tf.estimator: train_and_evaluate, a best exporter, and the served model asked again."""
from __future__ import absolute_import
from __future__ import division
from __future__ import print_function

import os
import sys

import numpy as np
import tensorflow as tf
from tensorflow.examples.tutorials.mnist import input_data
from tensorflow.python.estimator.model_fn import ModeKeys

tf.logging.set_verbosity(tf.logging.WARN)


def conv_bn(net, filters, training):
    net = tf.layers.conv2d(net, filters, 3, strides=2, padding="same", use_bias=False)
    net = tf.layers.batch_normalization(net, momentum=0.9, training=training)
    return tf.nn.relu(net)


def cnn_model_fn(features, labels, mode, params):
    training = mode == tf.estimator.ModeKeys.TRAIN
    net = tf.reshape(features["image"], [-1, 28, 28, 1])
    for filters in params["filters"]:
        net = conv_bn(net, filters, training)
    net = tf.layers.flatten(net)
    net = tf.layers.dense(net, params["hidden"], use_bias=False)
    net = tf.nn.relu(tf.layers.batch_normalization(net, momentum=0.9, training=training))
    net = tf.layers.dropout(net, rate=0.2, training=training)
    logits = tf.layers.dense(net, 10)

    predictions = {
        "classes": tf.argmax(logits, axis=1),
        "probabilities": tf.nn.softmax(logits, name="softmax_tensor"),
    }
    if mode == ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(
            mode=mode, predictions=predictions,
            export_outputs={"classify": tf.estimator.export.PredictOutput(predictions)})

    loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
    eval_metric_ops = {"accuracy": tf.metrics.accuracy(labels, predictions["classes"])}
    if mode == tf.estimator.ModeKeys.EVAL:
        return tf.estimator.EstimatorSpec(mode=mode, loss=loss, eval_metric_ops=eval_metric_ops)

    tf.summary.scalar("train_accuracy", eval_metric_ops["accuracy"][1])
    optimizer = tf.train.AdamOptimizer(params["learning_rate"])
    update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    with tf.control_dependencies(update_ops):
        train_op = optimizer.minimize(loss=loss, global_step=tf.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode=mode, loss=loss, train_op=train_op, eval_metric_ops=eval_metric_ops)


def serving_input_receiver_fn():
    image = tf.placeholder(tf.float32, [None, 784], name="image")
    return tf.estimator.export.ServingInputReceiver({"image": image}, {"image": image})


def accuracy_bigger(best_eval_result, current_eval_result):
    return current_eval_result["accuracy"] > best_eval_result["accuracy"]


def main(argv):
    model_dir = os.path.join(argv[1], "model")
    mnist = input_data.read_data_sets(os.path.join(argv[1], "none"))

    def input_fn(part, **kwargs):
        return tf.estimator.inputs.numpy_input_fn(
            {"image": part.images}, part.labels.astype(np.int32), batch_size=64, **kwargs)

    config = tf.estimator.RunConfig(
        model_dir=model_dir, tf_random_seed=1, save_checkpoints_steps=70, keep_checkpoint_max=2)
    classifier = tf.estimator.Estimator(
        cnn_model_fn, config=config, params={"filters": [8, 16], "hidden": 32, "learning_rate": 5e-3})

    exporter = tf.estimator.BestExporter(
        name="best", serving_input_receiver_fn=serving_input_receiver_fn, compare_fn=accuracy_bigger)
    train_spec = tf.estimator.TrainSpec(input_fn(mnist.train, num_epochs=None, shuffle=True), max_steps=140)
    eval_spec = tf.estimator.EvalSpec(
        input_fn(mnist.test, num_epochs=1, shuffle=False), steps=None, exporters=[exporter], throttle_secs=0)
    tf.estimator.train_and_evaluate(classifier, train_spec, eval_spec)

    result = classifier.evaluate(input_fn(mnist.train, num_epochs=1, shuffle=False), name="train")
    print("trained: %.4f" % result["accuracy"])
    result = classifier.evaluate(input_fn(mnist.test, num_epochs=1, shuffle=False))
    assert result["global_step"] == 140
    print("evaluated: %.4f" % result["accuracy"])
    assert os.listdir(os.path.join(model_dir, "export", "best"))

    export_dir = classifier.export_savedmodel(os.path.join(argv[1], "serve"), serving_input_receiver_fn)
    with tf.Session(graph=tf.Graph()) as sess:
        meta = tf.saved_model.loader.load(sess, [tf.saved_model.tag_constants.SERVING], export_dir.decode("utf-8"))
        signature = meta.signature_def["classify"]
        classes = sess.run(signature.outputs["classes"].name, {signature.inputs["image"].name: mnist.test.images})
    print("restored: %.4f" % np.mean(classes == mnist.test.labels))


if __name__ == "__main__":
    tf.app.run(main=main, argv=sys.argv)
