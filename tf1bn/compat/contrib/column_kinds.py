"""Kinds of tf.contrib.layers' columns that today's TensorFlow has not: crosses of raw values, several hashes, modulo.

They are today's columns with another transformation, so whatever takes a categorical column takes them. Their classes
are made on first use: TensorFlow has no public name for the classes that they extend, only functions that make objects
of them, and these tell that feature columns are deprecated.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.crossing import sparse_feature_cross
from tf1bn.compat.contrib.sparse_ops import dense_to_sparse_tensor

COMBINERS = ("mean", "sqrtn", "sum")


def summed(where: str, column: Any, combiner: str) -> Any:
    """Returns a categorical column that knows how a linear model makes one of several values.

    Raises:
      ArgumentError: an unknown combiner.
    """
    if combiner not in COMBINERS:
        raise errors.ArgumentError(
            errors.explain("unknown `combiner`", got=combiner, expected=" or ".join(COMBINERS)), where=where
        )
    column.combiner = combiner
    return column


def combiner_of(column: Any) -> str:
    """Returns how values of a categorical column are combined; with weights, as of the column that they weigh."""
    inner = column.categorical_column if hasattr(column, "weight_feature_key") else column
    return getattr(inner, "combiner", "sum")


def integerized(column_name: str, bucket_size: int) -> Any:
    """Returns a column of numbers modulo ``bucket_size``; negative ones, too, which dense features have as padding."""
    return _integerized()(column_name, bucket_size, None)


def hashed_with_keys(column_name: str, hash_bucket_size: int, dtype: Any, hash_keys: Any) -> Any:
    """Returns a column whose values have one bucket for each key, side by side, by ``string_to_hash_bucket_strong``.

    Raises:
      ArgumentError: keys that are not a list of pairs of integers.
    """
    pairs = isinstance(hash_keys, list) and hash_keys and all(isinstance(pair, list) for pair in hash_keys)
    if not pairs or any(len(pair) != 2 or not all(isinstance(key, int) for key in pair) for pair in hash_keys):
        raise errors.ArgumentError(
            errors.explain("`hash_keys` must be a list of pairs", got=hash_keys, expected="[[1, 2], [3, 4]]"),
            where="sparse_column_with_hash_bucket",
        )
    column = _hashed()(column_name, hash_bucket_size, dtype)
    column.hash_keys = hash_keys
    return column


def crossed(columns: Iterable[Any], hash_bucket_size: int, hash_key: int | None) -> Any:
    """Returns a column of the crosses of what sparse, bucketized and crossed columns read.

    Values are crossed as they are fed, strings as strings: a sparse column's own buckets play no part.

    Raises:
      ArgumentTypeError: a column of another kind.
      ArgumentError: fewer than two columns or buckets.
    """
    columns = list(columns)
    for column in columns:
        if not _is_crossable(column):
            raise errors.ArgumentTypeError(
                errors.explain(
                    "columns must be a set of _SparseColumn, _CrossedColumn, or _BucketizedColumn instances",
                    got=column,
                    expected="a sparse column, a bucketized_column or a crossed_column",
                ),
                where="crossed_column",
            )
    if len(columns) < 2:
        raise errors.ArgumentError(
            errors.explain("columns must contain at least 2 elements", got=columns), where="crossed_column"
        )
    if hash_bucket_size < 2:
        raise errors.ArgumentError(
            errors.explain("hash_bucket_size must be at least 2", got=hash_bucket_size), where="crossed_column"
        )
    return _crossed()(tuple(sorted(columns, key=lambda column: column.name)), hash_bucket_size, hash_key)


def leaves(cross: Any) -> list[Any]:
    """Returns the columns of a cross, and of the crosses in it."""
    return [leaf for column in cross.keys for leaf in (leaves(column) if hasattr(column, "keys") else [column])]


def _is_crossable(column: Any) -> bool:
    """Whether a column is sparse and without weights, bucketized, or a cross."""
    return hasattr(column, "num_buckets") and not hasattr(column, "weight_feature_key")


@functools.cache
def _integerized() -> type:
    base: Any = type(tf.feature_column.categorical_column_with_identity("x", 2))

    class IntegerizedColumn(base):  # type: ignore[misc]
        """Numbers modulo the number of buckets."""

        def transform_feature(self, transformation_cache: Any, state_manager: Any) -> Any:
            return self._wrapped(super().transform_feature(transformation_cache, state_manager))

        def _transform_feature(self, inputs: Any) -> Any:
            return self._wrapped(super()._transform_feature(inputs))

        def _wrapped(self, ids: Any) -> Any:
            return tf.SparseTensor(ids.indices, tf.floormod(ids.values, self.num_buckets), ids.dense_shape)

    return IntegerizedColumn


@functools.cache
def _hashed() -> type:
    base: Any = type(tf.feature_column.categorical_column_with_hash_bucket("x", 2))

    class HashedColumn(base):  # type: ignore[misc]
        """Buckets of several hashes."""

        hash_keys: list[list[int]]

        def transform_feature(self, transformation_cache: Any, state_manager: Any) -> Any:
            return self._buckets(transformation_cache.get(self.key, state_manager))

        def _transform_feature(self, inputs: Any) -> Any:
            return self._buckets(inputs.get(self.key))

        def _buckets(self, values: Any) -> Any:
            if not isinstance(values, tf.SparseTensor):
                values = dense_to_sparse_tensor(values, "" if values.dtype == tf.string else -1)
            words = values.values if values.dtype == tf.string else tf.as_string(values.values)
            found = [tf.strings.to_hash_bucket_strong(words, self.hash_bucket_size, key) for key in self.hash_keys]
            sides = [tf.SparseTensor(values.indices, each, values.dense_shape) for each in found]
            return tf.sparse.concat(axis=1, sp_inputs=sides)

    return HashedColumn


@functools.cache
def _crossed() -> type:
    base: Any = type(tf.feature_column.crossed_column(["x", "y"], 2))

    class CrossedColumn(base):  # type: ignore[misc]
        """Crosses of raw values, hashed as contrib did."""

        def transform_feature(self, transformation_cache: Any, state_manager: Any) -> Any:
            def buckets(column: Any) -> Any:
                return column.get_sparse_tensors(transformation_cache, state_manager).id_tensor

            return self._hashed(lambda key: transformation_cache.get(key, state_manager), buckets)

        def _transform_feature(self, inputs: Any) -> Any:
            return self._hashed(inputs.get, lambda column: column._get_sparse_tensors(inputs).id_tensor)

        def _hashed(self, raw: Callable[[str], Any], buckets: Callable[[Any], Any]) -> Any:
            values = [raw(leaf.key) if hasattr(leaf, "key") else buckets(leaf) for leaf in leaves(self)]
            return sparse_feature_cross(values, True, self.hash_bucket_size, "cross", self.hash_key)

    return CrossedColumn
