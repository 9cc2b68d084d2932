"""The dtypes of a table's keys and values, which its initializer has, too."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


class Dtypes:
    """What is made for keys and values of certain dtypes."""

    def __init__(self, key_dtype: Any, value_dtype: Any) -> None:
        self._key_dtype, self._value_dtype = tf.as_dtype(key_dtype), tf.as_dtype(value_dtype)

    @property
    def key_dtype(self) -> tf.DType:
        """Dtype of keys."""
        return self._key_dtype

    @property
    def value_dtype(self) -> tf.DType:
        """Dtype of values."""
        return self._value_dtype
