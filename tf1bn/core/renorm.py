"""Batch renormalization: the correction of a batch towards its running moments.

Ioffe, "Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized Models", 2017.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn.core import averages


class Clipping(NamedTuple):
    """Bounds of the correction; None for none. Numbers or scalar tensors, so schedules are possible."""

    rmin: Any = None
    rmax: Any = None
    dmax: Any = None


class References(NamedTuple):
    """The running moments that the correction refers to: mean and standard deviation, shape ``[C]``."""

    mean: Any
    stddev: Any


def correction(mean: Any, stddev: Any, references: References, clipping: Clipping, epsilon: float) -> tuple[Any, Any]:
    """Returns r = clip(stddev / reference) and d = clip((mean - reference mean) / reference stddev).

    The normalised value becomes ((x - mean) / stddev) * r + d. No gradient flows through r and d.

    Args:
      mean, stddev: of the batch; stddev = sqrt(variance + epsilon).
      references: values of the same shape as ``mean``.
      epsilon: the reference deviation is at least sqrt(epsilon).
    """
    floor = tf.maximum(references.stddev, epsilon**0.5)
    r = stddev / floor
    d = (mean - references.mean) / floor
    if clipping.rmin is not None:
        r = tf.maximum(r, tf.cast(clipping.rmin, r.dtype))
    if clipping.rmax is not None:
        r = tf.minimum(r, tf.cast(clipping.rmax, r.dtype))
    if clipping.dmax is not None:
        bound = tf.cast(clipping.dmax, d.dtype)
        d = tf.minimum(tf.maximum(d, -bound), bound)
    return tf.stop_gradient(r), tf.stop_gradient(d)


def move(references: References, mean: Any, stddev: Any, decay: Any) -> list[tf.Operation]:
    """Returns the ops that move the references towards a batch."""
    return [averages.move(references.mean, mean, decay), averages.move(references.stddev, stddev, decay)]
