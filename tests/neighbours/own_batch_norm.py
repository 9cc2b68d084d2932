"""A program of tensorpack that knows nothing of tf1bn: trains tensorpack's own batch norm, writes FOLDER/saved.npz."""

import sys

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

import tensorpack as tp  # noqa: E402

X = np.random.RandomState(0).normal(3, 2, (16, 4)).astype(np.float32)


class Network(tp.ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([None, 4], tf.float32, "x"), tf.TensorSpec([None], tf.float32, "t")]

    def build_graph(self, x, t):
        x = tp.BatchNorm("bn", x, momentum=0.5)
        return tf.reduce_mean(tf.square(tp.FullyConnected("out", x, 1)[:, 0] - t))

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)


folder = sys.argv[1]
tp.logger.set_logger_dir(folder, action="k")
rows = tp.RepeatedData(tp.DataFromList([[x, x[0]] for x in X], shuffle=False), -1)
config = tp.TrainConfig(
    model=Network(),
    data=tp.FeedInput(tp.BatchData(rows, 16)),
    callbacks=[tp.ModelSaver()],
    steps_per_epoch=3,
    max_epoch=1,
)
tp.launch_train_with_config(config, tp.SimpleTrainer())
reader = tf.train.load_checkpoint(folder)
saved = {name.replace("/", "|"): reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
np.savez(f"{folder}/saved.npz", x=X, **saved)
