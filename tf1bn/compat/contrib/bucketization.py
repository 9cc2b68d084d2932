"""``bucketize`` of tf.contrib.layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf


def bucketize(input_tensor: Any, boundaries: Sequence[float], name: str | None = None) -> tf.Tensor:
    """Returns, for each value, how many of the sorted boundaries are not above it."""
    return tf.raw_ops.Bucketize(input=input_tensor, boundaries=list(boundaries), name=name)
