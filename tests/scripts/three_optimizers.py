"""train.py with a network of three parts, each trained by another optimizer: one run proves them all."""

import pathlib
import runpy
import sys

import tensorflow.compat.v1 as tf

from tf1bn.examples import models
from tf1bn.layers.batch_norm import batch_norm
from tf1bn.layers.dense import dense

PARTS = {
    "sgd": lambda: tf.train.GradientDescentOptimizer(0.5),
    "momentum": lambda: tf.train.MomentumOptimizer(0.1, 0.9),
    "adam": lambda: tf.train.AdamOptimizer(0.01),
}


class ByPart(tf.train.Optimizer):
    """Hands the gradients of each part to that part's optimizer."""

    def __init__(self, learning_rate):
        super().__init__(use_locking=False, name="ByPart")
        self._parts = {part: make() for part, make in PARTS.items()}

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        pairs = list(grads_and_vars)
        steps = [
            optimizer.apply_gradients(
                [(gradient, variable) for gradient, variable in pairs if variable.name.startswith(f"{part}/")],
                global_step=global_step if part == "sgd" else None,
            )
            for part, optimizer in self._parts.items()
        ]
        return tf.group(*steps, name=name)


def network(images, is_training, options):
    x = tf.reshape(images, [-1, images.shape[1:].num_elements()])
    logits, normalised = [], {}
    for seed, part in enumerate(PARTS, 1):
        with tf.variable_scope(part):
            initializer = tf.random_normal_initializer(stddev=0.1, seed=seed)
            y = dense(x, 6, use_bias=False, kernel_initializer=initializer, scope="hidden")
            normalised[f"{part}/batch_norm"] = y
            y = batch_norm(
                y,
                is_training,
                update_strategy=options.update_strategy,
                decay=options.decay,
                use_batch_statistics=options.use_batch_statistics,
                statistics=options.statistics,
                scope="batch_norm",
            )
            logits.append(dense(tf.nn.sigmoid(y), models.CLASSES, kernel_initializer=initializer, scope="logits"))
    return models.Outputs(tf.add_n(logits), dict(normalised), normalised)


if __name__ == "__main__":
    models.MODELS["mlp"] = models.Model(network, models.mean_sigmoid_loss, ByPart, averages_loss=True)
    sys.argv[0] = str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "train.py")
    runpy.run_path(sys.argv[0], run_name="__main__")
