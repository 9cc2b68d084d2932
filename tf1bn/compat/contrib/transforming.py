"""What feature columns make of features before any variable comes in: ids of categories, numbers, buckets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.bucketization import bucketize
from tf1bn.compat.contrib.feature_columns import in_order
from tf1bn.compat.contrib.scattered import ScatteredEmbeddingColumn


class Transformer:
    """Features and what columns make of them, each made once.

    TensorFlow's own columns are asked for their part; they call :meth:`get` for what they read.

    Args:
      features: tensors, dense or sparse, by name; also by column, for those that are transformed already.
    """

    def __init__(self, features: Mapping[Any, Any]) -> None:
        self._found = dict(features)

    def get(self, key: Any, state_manager: Any = None, training: Any = None) -> Any:
        """Returns a feature by its name, at least ``[batch, 1]``, or what a column makes of it.

        Raises:
          ArgumentError: there is no feature of that name.
        """
        if not isinstance(key, str):
            return self.transform(key)
        value = self._raw(key)
        return value if isinstance(value, tf.SparseTensor) or value.shape.rank != 1 else tf.expand_dims(value, -1)

    def transform(self, column: Any) -> Any:
        """Returns what a column makes of its feature.

        Of a sparse or crossed column, and of what embeds one or makes it one-hot, a SparseTensor of ids; with weights,
        a pair of two; of a column of numbers, float32; of a bucketized one, int32 numbers of buckets.
        """
        if column not in self._found:
            self._found[column] = self._made(column)
        return self._found[column]

    def _made(self, column: Any) -> Any:
        if isinstance(column, ScatteredEmbeddingColumn):
            return self._raw(column.column_name)
        if hasattr(column, "source_column"):
            return bucketize(self.transform(column.source_column), column.boundaries)
        if hasattr(column, "normalizer_fn"):
            value = self._raw(column.key)
            return tf.cast(column.normalizer_fn(value) if column.normalizer_fn else value, tf.float32)
        if hasattr(column, "categorical_column") and not hasattr(column, "weight_feature_key"):
            return self.transform(column.categorical_column)
        return column.transform_feature(self, None)

    def _raw(self, name: str) -> Any:
        if name not in self._found:
            known = sorted(key for key in self._found if isinstance(key, str))
            raise errors.ArgumentError(
                errors.explain(f"features dictionary doesn't contain key ({name})", got=known), where="transform"
            )
        value = self._found[name]
        return value if isinstance(value, tf.SparseTensor) else tf.convert_to_tensor(value)


def transform_features(features: Mapping[Any, Any], feature_columns: Iterable[Any]) -> dict[Any, Any]:
    """Returns what columns make of features, by column; see :meth:`Transformer.transform`.

    Args:
      features: tensors by name, or by column if they are transformed already.
      feature_columns: columns of tf.contrib.layers or of ``tf.feature_column``.

    Raises:
      ArgumentError: two equal columns, or a feature that is not there.
    """
    made = Transformer(features)
    return {column: made.transform(column) for column in in_order(feature_columns)}
