"""The feature columns of tf.contrib.layers, as those of ``tf.feature_column`` or of :mod:`column_kinds`.

They go with the functions of ``feature_inputs``, with ``tf.feature_column`` and with what takes its columns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib import column_kinds
from tf1bn.compat.contrib.scattered import ScatteredEmbeddingColumn

SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY = 956888297470
"""The key with which ``tf.feature_column.crossed_column`` hashes by default, too."""

_column = tf.feature_column


def sparse_column_with_hash_bucket(
    column_name: str, hash_bucket_size: int, combiner: str = "sum", dtype: Any = tf.string, hash_keys: Any = None
) -> Any:
    """Returns ``tf.feature_column.categorical_column_with_hash_bucket``.

    Args:
      column_name: the feature.
      hash_bucket_size: how many buckets there are.
      combiner: ``sum``, ``mean`` or ``sqrtn``: how a linear model makes one of several values; all sparse columns
        have one, which embeddings and one-hot columns do not heed.
      dtype: of the feature, a string or an integer.
      hash_keys: a list of pairs of integers; each value then has a bucket by each of these keys.

    Raises:
      ArgumentError: ``hash_keys`` of another form.
    """
    if hash_keys is None:
        column = _column.categorical_column_with_hash_bucket(column_name, hash_bucket_size, dtype)
    else:
        column = column_kinds.hashed_with_keys(column_name, hash_bucket_size, dtype, hash_keys)
    return column_kinds.summed("sparse_column_with_hash_bucket", column, combiner)


def sparse_column_with_integerized_feature(
    column_name: str, bucket_size: int, combiner: str = "sum", dtype: Any = tf.int64
) -> Any:
    """Returns ``tf.feature_column.categorical_column_with_identity`` of the numbers modulo ``bucket_size``.

    Raises:
      ArgumentError: a dtype that is not of integers.
    """
    where = "sparse_column_with_integerized_feature"
    if not tf.as_dtype(dtype).is_integer:
        raise errors.ArgumentError(errors.explain("`dtype` must be an integer", got=dtype), where=where)
    return column_kinds.summed(where, column_kinds.integerized(column_name, bucket_size), combiner)


def sparse_column_with_keys(
    column_name: str, keys: Sequence[Any], default_value: int = -1, combiner: str = "sum", dtype: Any = tf.string
) -> Any:
    """Returns ``tf.feature_column.categorical_column_with_vocabulary_list``."""
    column = _column.categorical_column_with_vocabulary_list(column_name, list(keys), dtype, default_value)
    return column_kinds.summed("sparse_column_with_keys", column, combiner)


def sparse_column_with_vocabulary_file(
    column_name: str,
    vocabulary_file: str,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    combiner: str = "sum",
    dtype: Any = tf.string,
) -> Any:
    """Returns ``tf.feature_column.categorical_column_with_vocabulary_file``."""
    default = None if num_oov_buckets else default_value
    column = _column.categorical_column_with_vocabulary_file(
        column_name, vocabulary_file, vocab_size, num_oov_buckets, default, dtype
    )
    return column_kinds.summed("sparse_column_with_vocabulary_file", column, combiner)


def weighted_sparse_column(sparse_id_column: Any, weight_column_name: str, dtype: Any = tf.float32) -> Any:
    """Returns ``tf.feature_column.weighted_categorical_column``."""
    return _column.weighted_categorical_column(sparse_id_column, weight_column_name, dtype)


def one_hot_column(sparse_id_column: Any) -> Any:
    """Returns ``tf.feature_column.indicator_column``."""
    return _column.indicator_column(sparse_id_column)


def embedding_column(
    sparse_id_column: Any,
    dimension: int,
    combiner: str = "mean",
    initializer: Any = None,
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> Any:
    """Returns ``tf.feature_column.embedding_column``; the default initializer has deviation 1 / sqrt(buckets)."""
    initializer = initializer or _drawn(sparse_id_column)
    return _column.embedding_column(
        sparse_id_column, dimension, combiner, initializer, ckpt_to_load_from, tensor_name_in_ckpt, max_norm, trainable
    )


def shared_embedding_columns(
    sparse_id_columns: Sequence[Any],
    dimension: int,
    combiner: str = "mean",
    shared_embedding_name: str | None = None,
    initializer: Any = None,
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    max_norm: float | None = None,
    trainable: bool = True,
) -> list[Any]:
    """Returns ``tf.feature_column.shared_embedding_columns``; the default initializer is as of an embedding_column."""
    initializer = initializer or _drawn(sparse_id_columns[0])
    return _column.shared_embedding_columns(
        list(sparse_id_columns),
        dimension,
        combiner,
        initializer,
        shared_embedding_name,
        ckpt_to_load_from,
        tensor_name_in_ckpt,
        max_norm,
        trainable,
    )


def real_valued_column(
    column_name: str,
    dimension: int | None = 1,
    default_value: Any = None,
    dtype: Any = tf.float32,
    normalizer: Callable[[Any], Any] | None = None,
) -> Any:
    """Returns ``tf.feature_column.numeric_column`` of one axis.

    Raises:
      ArgumentError: no dimension, which stood for a length that varies.
    """
    if dimension is None:
        raise errors.ArgumentError(
            errors.explain(
                "`dimension` None is not served",
                got=dimension,
                fix="Pad to a known length, and pass that as dimension.",
            ),
            where="real_valued_column",
        )
    return _column.numeric_column(column_name, (dimension,), default_value, dtype, normalizer)


def bucketized_column(source_column: Any, boundaries: Sequence[float]) -> Any:
    """Returns ``tf.feature_column.bucketized_column``."""
    return _column.bucketized_column(source_column, sorted(boundaries))


def crossed_column(
    columns: Iterable[Any],
    hash_bucket_size: int,
    combiner: str = "sum",
    ckpt_to_load_from: str | None = None,
    tensor_name_in_ckpt: str | None = None,
    hash_key: int | None = None,
) -> Any:
    """Returns ``tf.feature_column.crossed_column`` of what the columns read, hashed as contrib hashed it.

    Args:
      columns: sparse, bucketized and crossed columns; of sparse columns the values are crossed, not their buckets.
      hash_bucket_size: how many buckets the crosses have.
      combiner: as of a sparse column.
      ckpt_to_load_from: a checkpoint, from which a linear model takes the weights of the crosses.
      tensor_name_in_ckpt: their name in it.
      hash_key: of ``FingerprintCat64``; None is an older hash, see :mod:`crossing`.

    Raises:
      ArgumentError: fewer than two columns or buckets, an unknown combiner, or one of checkpoint and name alone.
      ArgumentTypeError: a column of another kind.
    """
    if (ckpt_to_load_from is None) != (tensor_name_in_ckpt is None):
        raise errors.ArgumentError(
            errors.explain(
                "`ckpt_to_load_from` and `tensor_name_in_ckpt` belong together",
                got=(ckpt_to_load_from, tensor_name_in_ckpt),
                fix="Pass both, or none.",
            ),
            where="crossed_column",
        )
    column = column_kinds.summed("crossed_column", column_kinds.crossed(columns, hash_bucket_size, hash_key), combiner)
    column.checkpoint = None if ckpt_to_load_from is None else (ckpt_to_load_from, tensor_name_in_ckpt)
    return column


def check_feature_columns(feature_columns: Any) -> None:
    """Refuses what is not a set of different columns.

    Raises:
      ArgumentError: a dictionary, or two columns that are the same.
    """
    if isinstance(feature_columns, Mapping):
        raise errors.ArgumentError(
            errors.explain(
                "Expected feature_columns to be iterable, found dict", got=sorted(map(str, feature_columns))
            ),
            where="check_feature_columns",
        )
    seen: set[str] = set()
    for column in feature_columns:
        key = repr(column)
        if key in seen:
            raise errors.ArgumentError(
                errors.explain("two feature columns have one key", got=column.name),
                where="check_feature_columns",
            )
        seen.add(key)


def create_feature_spec_for_parsing(feature_columns: Iterable[Any]) -> dict[str, Any]:
    """Returns what ``tf.io.parse_example`` needs to parse the columns' features."""
    columns = list(feature_columns)
    check_feature_columns(columns)
    scattered = [column for column in columns if isinstance(column, ScatteredEmbeddingColumn)]
    spec = dict(_column.make_parse_example_spec([column for column in columns if column not in scattered]))
    for column in scattered:
        spec.update(column.parse_example_spec)
    return spec


def infer_real_valued_columns(features: Any) -> list[Any]:
    """Returns a column of numbers for each tensor, flattened; ``features`` is a dictionary or one tensor.

    Raises:
      ArgumentError: a sparse tensor, or one that is not of numbers.
    """
    named = features if isinstance(features, Mapping) else {"": features}
    found = []
    for name, tensor in named.items():
        dtype = tensor.dtype
        if isinstance(tensor, tf.SparseTensor) or not (dtype.is_integer or dtype.is_floating):
            raise errors.ArgumentError(
                errors.explain(f"no column can be inferred for feature {name!r}", got=tensor, fix="Define its column."),
                where="infer_real_valued_columns",
            )
        found.append(real_valued_column(name, tf.TensorShape(tensor.shape[1:]).num_elements(), dtype=dtype))
    return found


def in_order(feature_columns: Iterable[Any]) -> list[Any]:
    """Returns columns in the order in which contrib joined them: by the name of their class there, then their own."""
    columns = list(feature_columns)
    check_feature_columns(columns)
    return sorted(columns, key=lambda column: (*_classes(column), column.name))


_CLASSES = {
    "BucketizedColumn": "_BucketizedColumn",
    "CrossedColumn": "_CrossedColumn",
    "EmbeddingColumn": "_EmbeddingColumn",
    "SharedEmbeddingColumn": "_EmbeddingColumn",
    "IndicatorColumn": "_OneHotColumn",
    "NumericColumn": "_RealValuedColumn",
    "HashedCategoricalColumn": "_SparseColumnHashed",
    "HashedColumn": "_SparseColumnHashed",
    "IdentityCategoricalColumn": "_SparseColumnIntegerized",
    "IntegerizedColumn": "_SparseColumnIntegerized",
    "ScatteredEmbeddingColumn": "_ScatteredEmbeddingColumn",
    "VocabularyListCategoricalColumn": "_SparseColumnKeys",
    "VocabularyFileCategoricalColumn": "_SparseColumnVocabulary",
    "WeightedCategoricalColumn": "_WeightedSparseColumn",
}


def _classes(column: Any) -> tuple[str, ...]:
    name = re.sub("^_", "", type(column).__name__)
    inner = getattr(column, "categorical_column", None)
    return (_CLASSES.get(name, name), *(_classes(inner) if inner is not None else ()))


def _drawn(column: Any) -> Any:
    """Returns contrib's initializer of the embeddings of a column, whose deviation hangs on the number of buckets."""
    return tf.truncated_normal_initializer(stddev=1 / math.sqrt(column.num_buckets))
