"""Batch norm as old programs spelled it: one function per code base, all with one signature.

Each takes the program, the input, a scope, whether it trains, where its updates go (a collection name, `None`
for nowhere, `"inline"` for the output), and the dtype of the averages. Written from the formulas; no library.
"""

from __future__ import annotations

import tensorflow.compat.v1 as tf

from tf1bn.audit.samples import Norm

LEAVES = {
    "layers": ("moving_mean", "moving_variance"),
    "slim": ("moving_mean", "moving_variance"),
    "tensorpack": ("mean/EMA", "variance/EMA"),
    "hand": ("pop_mean", "pop_var"),
}


def _axes(x):
    return list(range(len(x.shape) - 1))


def _variables(scope, channels, leaves, *, gamma=True, dtype=tf.float32, learn=True):
    with tf.variable_scope(scope, reuse=tf.AUTO_REUSE):
        beta = tf.get_variable("beta", [channels], initializer=tf.zeros_initializer(), trainable=learn)
        scale = (
            tf.get_variable("gamma", [channels], initializer=tf.ones_initializer(), trainable=learn) if gamma else None
        )
        mean = tf.get_variable(leaves[0], [channels], dtype, tf.zeros_initializer(), trainable=False)
        variance = tf.get_variable(leaves[1], [channels], dtype, tf.ones_initializer(), trainable=False)
    return Norm(None, [], mean, variance, scale, beta)


def _finish(p, bn, to, decay):
    if bn.batch_mean is None:
        return bn
    bn.updates = [p.move(bn.mean, bn.batch_mean, decay), p.move(bn.variance, bn.batch_variance, decay, "_1")]
    if to == "inline":
        with tf.control_dependencies(bn.updates):
            bn.output = tf.identity(bn.output)
    elif to:
        for update in bn.updates:
            tf.add_to_collection(to, update)
    return bn


def layers(p, x, scope="bn", training=True, to="update_ops", decay=0.99, **kw):
    """tf.nn.moments and tf.nn.batch_normalization."""
    bn = _variables(scope, int(x.shape[-1]), LEAVES["layers"], **kw)
    mean, variance = bn.mean, bn.variance
    with tf.name_scope(f"{scope}/"):
        if training:
            mean, variance = bn.batch_mean, bn.batch_variance = tf.nn.moments(x, _axes(x))
        bn.output = tf.nn.batch_normalization(x, mean, variance, bn.beta, bn.gamma, 1e-3)
        return _finish(p, bn, to, decay)


def divided(p, x, scope="bn", training=True, to="update_ops", decay=0.99, **kw):
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with population names."""
    bn = _variables(scope, int(x.shape[-1]), LEAVES["hand"], **kw)
    mean, variance = bn.mean, bn.variance
    with tf.name_scope(f"{scope}/"):
        if training:
            mean = bn.batch_mean = tf.reduce_mean(x, _axes(x))
            variance = bn.batch_variance = tf.reduce_mean(tf.square(x - mean), _axes(x))
        y = (x - mean) / tf.sqrt(variance + 1e-5)
        bn.output = (y * bn.gamma if bn.gamma is not None else y) + bn.beta
        return _finish(p, bn, to, decay)


def tensorpack(p, x, scope="bn", training=True, to="update_ops", decay=0.9, **kw):
    """(x - mean) * rsqrt(variance + epsilon), averages named mean/EMA and variance/EMA."""
    bn = _variables(scope, int(x.shape[-1]), LEAVES["tensorpack"], **kw)
    mean, variance = bn.mean, bn.variance
    with tf.name_scope(f"{scope}/"):
        if training:
            mean, variance = bn.batch_mean, bn.batch_variance = tf.nn.moments(x, _axes(x))
        y = (x - mean) * tf.rsqrt(variance + 1e-5)
        bn.output = (y * bn.gamma if bn.gamma is not None else y) + bn.beta
        return _finish(p, bn, to, decay)


def fused(p, x, scope="bn", training=True, to="update_ops", decay=0.999, **kw):
    """tf.nn.fused_batch_norm; rows are lifted to rank 4, as slim does."""
    bn = _variables(scope, int(x.shape[-1]), LEAVES["slim"], **kw)
    wide = x if len(x.shape) == 4 else tf.reshape(x, [-1, 1, 1, int(x.shape[-1])])
    gamma = bn.gamma if bn.gamma is not None else tf.ones_like(bn.beta)
    with tf.name_scope(f"{scope}/"):
        if training:
            y, bn.batch_mean, bn.batch_variance = tf.nn.fused_batch_norm(wide, gamma, bn.beta, epsilon=1e-3)
        else:
            y = tf.nn.fused_batch_norm(
                wide,
                gamma,
                bn.beta,
                tf.cast(bn.mean, tf.float32),
                tf.cast(bn.variance, tf.float32),
                1e-3,
                is_training=False,
            )[0]
        bn.output = y if len(x.shape) == 4 else tf.reshape(y, tf.shape(x))
        return _finish(p, bn, to, decay)


def slim(p, x, scope="bn", training=True, to="update_ops", decay=0.999, **kw):
    """As contrib: no gamma."""
    return fused(p, x, f"{scope}/BatchNorm", training, to, decay, gamma=False, **kw)


ALL = {"layers": layers, "divided": divided, "tensorpack": tensorpack, "fused": fused, "slim": slim}
