"""``adaptive_clipping_fn`` of tf.contrib.layers: clips where the norm of the gradients is unusually large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.contrib.training import Pairs


def adaptive_clipping_fn(
    std_factor: Any = 2.0,
    decay: Any = 0.95,
    static_max_norm: Any = None,
    global_step: Any = None,
    report_summary: bool = False,
    epsilon: float = 1e-8,
    name: str | None = None,
) -> Callable[[Pairs], Pairs]:
    """Returns a function for ``optimize_loss(clip_gradients=)`` that follows the logarithm of the global norm.

    With mean and deviation of log(norm + epsilon), kept as moving averages of it and of its square, a norm above
    exp(mean + std_factor * deviation) is scaled to exp(mean).

    Variables (in ``name``, by default ``AdaptiveMaxNorm``; not trained, zeros at first): mean and sq_mean, scalars.

    Args:
      static_max_norm: a bound that holds besides.
      global_step: with it the averages begin as plain means: decay is at most step / (step + 1).
      report_summary: whether the bound is a summary.

    Source: Chorowski, Bahdanau, Cho, Bengio: End-to-end continuous speech recognition using attention-based recurrent
    NN (2014), section 3.2.1.
    """

    def clip(grads_and_vars: Pairs) -> Pairs:
        gradients = [gradient for gradient, _ in grads_and_vars]
        norm = tf.global_norm(gradients)
        bound, mean = _bound(norm, std_factor, decay, global_step, epsilon, name)
        if report_summary:
            tf.summary.scalar("global_norm/adaptive_max_gradient_norm", bound)
        factor = tf.where(norm < bound, tf.ones_like(norm), tf.exp(mean) / norm)
        if static_max_norm is not None:
            factor = tf.minimum(static_max_norm / norm, factor)
        return [(_scaled(gradient, factor), variable) for gradient, variable in grads_and_vars]

    return clip


def _bound(norm: Any, std_factor: Any, decay: Any, global_step: Any, epsilon: float, name: Any) -> tuple[Any, Any]:
    with tf.variable_scope(name, "AdaptiveMaxNorm", [norm]):
        log_norm = tf.log(norm + epsilon)
        if global_step is not None:
            step = tf.cast(global_step, tf.float32)
            decay = tf.minimum(decay, step / (step + 1))
        mean = _average("mean", log_norm, decay)
        square = _average("sq_mean", tf.square(log_norm), decay)
        deviation = tf.sqrt(tf.maximum(epsilon, square - tf.square(mean)))
        return tf.exp(mean + std_factor * deviation), mean


def _average(name: str, value: Any, decay: Any) -> Any:
    variable = tf.get_variable(name, value.shape, value.dtype, initializer=tf.zeros_initializer(), trainable=False)
    return tf.assign_sub(variable, (variable - value) * (1 - decay))


def _scaled(gradient: Any, factor: Any) -> Any:
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(gradient.values * factor, gradient.indices, gradient.dense_shape)
    return None if gradient is None else gradient * factor
