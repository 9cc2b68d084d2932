"""``tf.contrib.layers``' maps to and from sparse tensors."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def dense_to_sparse_tensor(dense_tensor: Any, ignore_value: Any = None) -> tf.SparseTensor:
    """Returns the entries that differ from ``ignore_value``, by default 0, "" or False."""
    with tf.name_scope("DenseToSparseTensor"):
        dense = tf.convert_to_tensor(dense_tensor)
        places = tf.where(tf.not_equal(dense, _ignored(dense.dtype, ignore_value)))
        return tf.SparseTensor(places, tf.gather_nd(dense, places), tf.shape(dense, out_type=tf.int64))


def indicators_to_sparse_ids(indicators: Any, ignore_value: Any = None, dtype: Any = tf.int64) -> tf.SparseTensor:
    """Returns, for each row of indicators ``[..., classes]``, the ids of those that differ from ``ignore_value``.

    Raises:
      ArgumentError: a dtype that is not of integers.
    """
    dtype = tf.as_dtype(dtype)
    if not dtype.is_integer:
        raise errors.ArgumentError(
            errors.explain("`dtype` is not integer", got=dtype.name), where="indicators_to_sparse_ids"
        )
    with tf.name_scope(None, "indicators_to_sparse_ids", [indicators]):
        indicators = tf.convert_to_tensor(indicators)
        there = tf.cast(tf.not_equal(indicators, _ignored(indicators.dtype, ignore_value)), tf.int64)
        ranks = there * tf.cumsum(there, axis=-1)  # from 1 on in each row; 0 for what is missing
        found = dense_to_sparse_tensor(ranks, 0)
        return tf.SparseTensor(
            tf.concat([found.indices[:, :-1], tf.expand_dims(found.values - 1, 1)], 1),
            tf.cast(found.indices[:, -1], dtype),
            tf.concat([found.dense_shape[:-1], [tf.maximum(tf.reduce_max(ranks), 0)]], 0),
        )


def sparse_row_envelope(sparse_input: Any, row_axis: int = 0, col_axis: int = 1, name: str | None = None) -> tf.Tensor:
    """Returns, for each row, the number of columns up to the last entry; 0 for a row without entries.

    Raises:
      ArgumentError: axes that are not integers, or are the same.
    """
    if not isinstance(row_axis, int) or not isinstance(col_axis, int):
        raise errors.ArgumentError(
            errors.explain("`row_axis` and `col_axis` must be integers", got=(row_axis, col_axis)),
            where="sparse_row_envelope",
        )
    if row_axis == col_axis:
        raise errors.ArgumentError(
            errors.explain("`row_axis` and `col_axis` are one axis", got=row_axis), where="sparse_row_envelope"
        )
    with tf.name_scope(name, "sparse_row_envelope", [sparse_input]):
        rows, columns = sparse_input.indices[:, row_axis], sparse_input.indices[:, col_axis]
        count = tf.cast(sparse_input.dense_shape[row_axis], tf.int32)
        return tf.maximum(tf.math.unsorted_segment_max(columns + 1, rows, count), 0)


def _ignored(dtype: tf.DType, value: Any) -> Any:
    if value is None:
        value = "" if dtype == tf.string else dtype.as_numpy_dtype()
    return tf.cast(value, dtype)
