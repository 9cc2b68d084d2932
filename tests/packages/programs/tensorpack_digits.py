"""A ModelDesc of tensorpack 0.11 with its own layers, its batch norm, its dataflow and its simple trainer."""
import numpy as np
import tensorflow as tf
from tensorpack import (
    BatchData, BatchNorm, Conv2D, DataFromList, FullyConnected, InferenceRunner, ModelDesc, ModelSaver, RepeatedData,
    ScalarStats, SimpleTrainer, TrainConfig, argscope, get_current_tower_context, launch_train_with_config, logger)
from tensorpack.tfutils.summary import add_moving_summary, add_param_summary

logger.set_logger_dir("tensorpack_log", action="d")
rng = np.random.RandomState(0)
labels = rng.randint(0, 2, 200)
images = (rng.normal(size=(200, 8, 8, 1)) + labels[:, None, None, None]).astype(np.float32)
examples = [[image, label] for image, label in zip(images, labels)]


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, 8, 8, 1), tf.float32, "input"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        with argscope(Conv2D, kernel_size=3, activation=tf.nn.relu):
            net = Conv2D("conv", image, 8)
        net = BatchNorm("bn", net)
        logits = FullyConnected("fc", net, 2)
        cost = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label)
        cost = tf.reduce_mean(cost, name="cost")
        correct = tf.to_float(tf.nn.in_top_k(logits, label, 1))
        tf.reduce_mean(correct, name="accuracy")
        add_moving_summary(cost)
        add_param_summary((".*/W", ["histogram"]))
        return cost

    def optimizer(self):
        lr = tf.get_variable("learning_rate", initializer=0.01, trainable=False)
        tf.summary.scalar("lr", lr)
        return tf.train.AdamOptimizer(lr)


config = TrainConfig(
    model=Model(),
    dataflow=BatchData(RepeatedData(DataFromList(examples), -1), 20),
    callbacks=[ModelSaver(), InferenceRunner(BatchData(DataFromList(examples, shuffle=False), 20),
                                             ScalarStats(["cost", "accuracy"]))],
    steps_per_epoch=10, max_epoch=3)
trainer = SimpleTrainer()
launch_train_with_config(config, trainer)
accuracy = trainer.monitors.get_latest("validation_accuracy")
print("accuracy: %.3f" % accuracy)
assert accuracy > 0.9
