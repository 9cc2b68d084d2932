"""``tf.contrib.nn``: losses with the arguments of before 1.0, and a few functions that were tried out there."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import absent, transposed

_SCALE, _ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
"""Of the activation SELU (Klambauer et al., 2017), for which ``alpha_dropout`` keeps mean and variance."""


def deprecated_flipped_softmax_cross_entropy_with_logits(
    logits: Any, labels: Any, dim: int = -1, name: str | None = None
) -> tf.Tensor:
    """Returns ``tf.nn.softmax_cross_entropy_with_logits``, the logits first; the labels have no gradient."""
    return tf.nn.softmax_cross_entropy_with_logits_v2(
        labels=tf.stop_gradient(labels), logits=logits, axis=dim, name=name
    )


def deprecated_flipped_sparse_softmax_cross_entropy_with_logits(
    logits: Any, labels: Any, name: str | None = None
) -> tf.Tensor:
    """Returns ``tf.nn.sparse_softmax_cross_entropy_with_logits``, the logits first."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def deprecated_flipped_sigmoid_cross_entropy_with_logits(
    logits: Any, targets: Any, name: str | None = None
) -> tf.Tensor:
    """Returns ``tf.nn.sigmoid_cross_entropy_with_logits``, the logits first."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name=name)


def alpha_dropout(
    x: Any, keep_prob: Any, noise_shape: Any = None, seed: int | None = None, name: str | None = None
) -> tf.Tensor:
    """Returns ``x`` with some entries at SELU's lower end, then scaled to the mean and variance of before.

    Raises:
      ArgumentError: ``keep_prob`` is a number outside of (0, 1].
    """
    with tf.name_scope(name, "alpha_dropout", [x]):
        x = tf.convert_to_tensor(x)
        if isinstance(keep_prob, (int, float)) and not 0 < keep_prob <= 1:
            raise errors.ArgumentError(
                errors.explain("`keep_prob` is not possible", got=keep_prob, expected="above 0, at most 1"),
                where="alpha_dropout",
            )
        keep = tf.cast(keep_prob, x.dtype)
        end = -_SCALE * _ALPHA
        shape = tf.shape(x) if noise_shape is None else noise_shape
        kept = tf.cast(tf.random_uniform(shape, seed=seed, dtype=x.dtype) < keep, x.dtype)
        gain = 1 / tf.sqrt(keep + end**2 * keep * (1 - keep))
        return gain * (x * kept + end * (1 - kept) - (1 - keep) * end)


def conv1d_transpose(
    value: Any,
    filter: Any,
    output_shape: Any,
    stride: int,
    padding: str = "SAME",
    data_format: str = "NWC",
    name: str | None = None,
) -> tf.Tensor:
    """Returns ``tf.nn.conv1d_transpose``."""
    return transposed.conv1d_transpose(value, filter, output_shape, stride, padding, data_format, name)


def nth_element(input: Any, n: Any, reverse: bool = False, name: str | None = None) -> tf.Tensor:
    """Returns what sorting the last dimension would put at place ``n``, from 0; from the end if ``reverse``."""
    return tf.raw_ops.NthElement(input=input, n=n, reverse=reverse, name=name)


def scaled_softplus(x: Any, alpha: Any, clip: Any = None, name: str | None = None) -> tf.Tensor:
    """Returns alpha * log(1 + exp(x / alpha)), at most ``clip``."""
    with tf.name_scope(name, "scaled_softplus", [x, alpha]):
        y = alpha * tf.nn.softplus(tf.convert_to_tensor(x) / alpha)
        return y if clip is None else tf.minimum(y, tf.cast(clip, y.dtype))


__all__ = [
    "alpha_dropout",
    "conv1d_transpose",
    "deprecated_flipped_sigmoid_cross_entropy_with_logits",
    "deprecated_flipped_softmax_cross_entropy_with_logits",
    "deprecated_flipped_sparse_softmax_cross_entropy_with_logits",
    "nth_element",
    "scaled_softplus",
]


def __getattr__(name: str) -> Any:
    return absent.refuse("tf.contrib.nn", name, __all__)
