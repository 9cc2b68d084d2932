"""A small network with a batch norm as a ``model_fn``, its data, and what float64 NumPy says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.compat import estimator, slim, tf_layers

RANDOM = np.random.RandomState(0)
X = (RANDOM.randn(60, 3) * [1, 2, 3] + [0, 1, -2]).astype(np.float32)
Y = X.sum(1)
KERNEL = RANDOM.randn(3).astype(np.float32)
EPSILON, DECAY = 1e-3, 0.8


def tf_layers_norm(x: Any, is_training: Any) -> Any:
    return tf_layers.batch_normalization(
        x, momentum=DECAY, epsilon=EPSILON, training=is_training, name="bn", fused=False
    )


def slim_norm(x: Any, is_training: Any) -> Any:
    return slim.batch_norm(
        x, decay=DECAY, epsilon=EPSILON, is_training=is_training, scale=True, scope="bn", fused=False
    )


def own_norm(x: Any, is_training: Any) -> Any:
    return tf1bn.batch_norm(x, is_training, decay=DECAY, epsilon=EPSILON, scope="bn")


NORMS = {"tf.layers": tf_layers_norm, "slim": slim_norm, "tf1bn": own_norm}


def make_model_fn(
    norm: Callable[..., Any] = own_norm, *, rate: float = 0.05, updates: bool = True, always: bool = False
) -> Callable[..., Any]:
    """A ``model_fn``: y = kernel * batch norm of x, with the squared error of Y.

    Args:
      updates: whether the train op runs what waits in UPDATE_OPS.
      always: whether the batch norm trains in every mode.
    """

    def model_fn(features: Any, labels: Any, mode: str) -> Any:
        x = features["x"] if isinstance(features, dict) else features
        normalised = norm(x, always or mode == estimator.ModeKeys.TRAIN)
        kernel = tf.get_variable("kernel", [3], initializer=tf.constant_initializer(KERNEL))
        y = tf.reduce_sum(normalised * kernel, 1)
        if mode == estimator.ModeKeys.PREDICT:
            return estimator.EstimatorSpec(mode, predictions={"y": y, "x": x})
        loss = tf.reduce_mean(tf.square(y - labels))
        step = tf.train.get_global_step()
        train = tf.train.GradientDescentOptimizer(rate).minimize(loss, step)
        if updates:
            train = tf.group(train, *tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        metrics = {"error": tf.metrics.mean_absolute_error(labels, y)}
        return estimator.EstimatorSpec(mode, {"y": y, "x": x}, loss, train, metrics)

    return model_fn


def batches(repeat: bool = True, size: int = 20) -> Callable[[], Any]:
    """An ``input_fn`` of all rows in order, without end or once."""

    def input_fn() -> Any:
        data = tf.data.Dataset.from_tensor_slices(({"x": X}, Y))
        return (data.repeat() if repeat else data).batch(size)

    return input_fn


def receiver() -> Any:
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    return estimator.export.ServingInputReceiver({"x": x}, {"x": x})


class Averages(NamedTuple):
    mean: np.ndarray
    variance: np.ndarray


def reference_averages(steps: int, size: int = 20) -> Averages:
    """Moving averages after steps on the batches of ``batches``, in float64."""
    mean, variance = np.zeros(3), np.ones(3)
    for step in range(steps):
        batch = X[(step * size) % len(X) :][:size].astype(np.float64)
        mean = DECAY * mean + (1 - DECAY) * batch.mean(0)
        variance = DECAY * variance + (1 - DECAY) * batch.var(0)
    return Averages(mean, variance)


def reference_output(model: Any, x: np.ndarray, averages: Averages) -> np.ndarray:
    """What inference gives with averages and the other variables of a checkpoint, in float64."""
    value = {name: model.get_variable_value(name).astype(np.float64) for name in ("bn/gamma", "bn/beta", "kernel")}
    normalised = (x.astype(np.float64) - averages.mean) / np.sqrt(averages.variance + EPSILON)
    return ((normalised * value["bn/gamma"] + value["bn/beta"]) * value["kernel"]).sum(1)


def averages_of(model: Any) -> Averages:
    return Averages(model.get_variable_value("bn/moving_mean"), model.get_variable_value("bn/moving_variance"))
