"""Small training programs in the default graph: one hidden layer with a batch norm, spelled in many ways.

Every one computes the same in inference, so that one NumPy formula judges all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

import tf1bn
from tf1bn.compat import slim, tf_layers
from tf1bn.graph.values import CheckpointValues
from tf1bn.testing import reference
from tf1bn.testing.graphs import MODES as MODES
from tf1bn.testing.graphs import graph_mode as graph_mode

WIDTH, HIDDEN, CLASSES, EPSILON = 6, 5, 3, 1e-3
LEAVES = ("gamma", "beta", "moving_mean", "moving_variance")


def own(strategy: str) -> Callable[[Any, Any], Any]:
    """A layer of tf1bn."""
    return lambda x, training: tf1bn.batch_norm(x, training, update_strategy=strategy, scope="bn")


def layers(x: Any, training: Any) -> Any:
    return tf_layers.batch_normalization(x, training=training, name="bn")


def slims(x: Any, training: Any) -> Any:
    return slim.batch_norm(x, is_training=training, scope="bn", scale=True, epsilon=EPSILON)


def _variables() -> list[Any]:
    # A branch of control flow v2 cannot assign a reference variable.
    resource = tf.resource_variables_enabled() or tf.control_flow_v2_enabled()
    with tf.variable_scope("bn", reuse=tf.AUTO_REUSE, use_resource=resource):
        return [tf.get_variable(leaf, [HIDDEN], trainable=leaf in LEAVES[:2]) for leaf in LEAVES]


def _move(mean: Any, variance: Any, batch: Any, keep: Any = 0.9) -> list[Any]:
    pairs = zip((mean, variance), batch, strict=True)
    return [tf.assign(old, old * keep + new * (1.0 - keep)) for old, new in pairs]


def in_branches(x: Any, training: Any) -> Any:
    """Statistics chosen by tf.cond, moved inside the branch."""
    gamma, beta, mean, variance = _variables()

    def train() -> Any:
        batch = tf.nn.moments(x, [0])
        with tf.control_dependencies(_move(mean, variance, batch)):
            return tuple(map(tf.identity, batch))

    used = tf.cond(_tensor(training), train, lambda: (tf.identity(mean), tf.identity(variance)))
    return tf.nn.batch_normalization(x, *used, beta, gamma, EPSILON)


def selected(x: Any, training: Any) -> Any:
    """Statistics chosen by tf.where, the decay switched to 1."""
    gamma, beta, mean, variance = _variables()
    training = _tensor(training)
    batch = tf.nn.moments(x, [0])
    used = [tf.where_v2(training, a, b) for a, b in zip(batch, (mean, variance), strict=True)]
    for update in _move(mean, variance, batch, tf.where_v2(training, 0.9, 1.0)):
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update)
    return tf.nn.batch_normalization(x, *used, beta, gamma, EPSILON)


def fused(x: Any, training: Any) -> Any:
    """The fused op in both branches, its decay switched, as tf.layers does it."""
    gamma, beta, mean, variance = _variables()
    x = tf.reshape(x, [-1, 1, 1, HIDDEN])
    training = _tensor(training)
    y, *batch = tf.cond(
        training,
        lambda: tuple(tf.nn.fused_batch_norm(x, gamma, beta, epsilon=EPSILON)),
        lambda: tuple(tf.nn.fused_batch_norm(x, gamma, beta, mean, variance, EPSILON, is_training=False)),
    )
    keep = tf.cond(training, lambda: tf.constant(0.9), lambda: tf.constant(1.0))
    for update in _move(mean, variance, batch, keep):
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update)
    return tf.reshape(y, [-1, HIDDEN])


def centred(x: Any, training: Any) -> Any:
    """Always the batch: the mean is subtracted once, for the variance and for the output."""
    gamma, beta, mean, variance = _variables()
    batch_mean = tf.reduce_mean(x, 0)
    rest = x - batch_mean
    batch = batch_mean, tf.reduce_mean(tf.square(rest), 0)
    with tf.control_dependencies(_move(mean, variance, batch)):
        return tf.identity(rest * tf.rsqrt(batch[1] + EPSILON) * gamma + beta)


def always_fused(x: Any, training: Any) -> Any:
    """Always the batch, by the fused op, updates in a collection."""
    gamma, beta, mean, variance = _variables()
    y, *batch = tf.nn.fused_batch_norm(tf.reshape(x, [-1, 1, 1, HIDDEN]), gamma, beta, epsilon=EPSILON)
    for update in _move(mean, variance, batch):
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, update)
    return tf.reshape(y, [-1, HIDDEN])


def _tensor(training: Any) -> Any:
    return tf.identity(training) if tf.is_tensor(training) else tf.constant(training)


SWITCHED = {
    **{strategy: own(strategy) for strategy in ("inline", "collection", "ema")},
    "tf_layers": layers,
    "slim": slims,
    "in_branches": in_branches,
    "selected": selected,
    "fused": fused,
}
ALWAYS = {
    "inline": own("inline"),
    "tf_layers": layers,
    "slim": slims,
    "centred": centred,
    "always_fused": always_fused,
}
SWITCHES: dict[str, Callable[[], Any]] = {
    "placeholder": lambda: tf.placeholder(tf.bool, [], "is_training"),
    "default": lambda: tf.placeholder_with_default(True, [], "is_training"),
    "constant": lambda: tf.constant(True, name="is_training"),
    "variable": lambda: tf.Variable(True, trainable=False, name="is_training"),
    "negated": lambda: tf.logical_not(tf.placeholder(tf.bool, [], "is_test")),
}


def rows(count: int = 4) -> np.ndarray:
    """Inputs, far from standard normal."""
    return (np.random.default_rng(3).normal(size=(count, WIDTH)) * 2 + 1).astype(np.float32)


def forward(norm: Callable[[Any, Any], Any], training: Any, x: Any = None) -> Any:
    """The network; returns the logits."""
    x = tf.placeholder(tf.float32, [None, WIDTH], "x") if x is None else x
    h = tf.matmul(x, tf.get_variable("hidden", [WIDTH, HIDDEN]))
    h = tf.nn.relu(norm(h, training))
    return tf.matmul(h, tf.get_variable("out", [HIDDEN, CLASSES]), name="logits")


def train(logits: Any) -> Any:
    """Adds a loss and an optimizer, as a training graph has them."""
    loss = tf.reduce_mean(tf.square(logits - 1.0))
    tf.summary.scalar("loss", loss)
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        return tf.train.AdamOptimizer(0.01).minimize(loss, tf.train.get_or_create_global_step())


def save(folder: Any, name: str = "model") -> str:
    """Gives every float variable another value than its initial one, and saves; returns the prefix."""
    generator = np.random.default_rng(5)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for variable in tf.global_variables():
            if variable.dtype.base_dtype == tf.float32:
                value = generator.uniform(0.5, 1.5, variable.shape.as_list())
                session.run(variable.initializer, {variable.initializer.inputs[1]: value})
        return str(tf.train.Saver().save(session, str(folder / name)))


def expected(prefix: str, x: np.ndarray) -> np.ndarray:
    """The logits of inference, by NumPy, from the checkpoint."""
    values = CheckpointValues(prefix)
    w, out, gamma, beta, mean, variance = (
        values.get(name).astype(np.float64) for name in ("hidden", "out", *(f"bn/{leaf}" for leaf in LEAVES))
    )
    y = reference.normalize(
        x.astype(np.float64) @ w, reference.Statistics(mean, variance), gamma, beta, epsilon=EPSILON
    )
    return np.maximum(y, 0) @ out
