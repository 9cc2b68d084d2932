"""Feature columns of sequences: inputs ``[batch, time, width]`` of a recurrent network, as in tf.contrib.layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.column_kinds import leaves
from tf1bn.compat.contrib.embeddings import safe_embedding_lookup_sparse
from tf1bn.compat.contrib.feature_columns import in_order
from tf1bn.compat.contrib.sequences import inner_flatten
from tf1bn.compat.contrib.transforming import Transformer
from tf1bn.compat.contrib.variables import model_variable

_RANK = 3


def sequence_input_from_feature_columns(
    columns_to_tensors: Mapping[Any, Any],
    feature_columns: Iterable[Any],
    weight_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> tf.Tensor:
    """Returns the columns' values ``[batch, time, width]``, joined in contrib's order.

    Features are ``[batch, time, values]``, dense or sparse; ``[batch, time]`` stands for one value a step.

    Args:
      columns_to_tensors: what the columns read, by its name; also by column, if it is transformed already.
      feature_columns: columns of numbers, one-hot columns and embeddings of sparse columns.
      weight_collections: further collections of the variables.
      trainable: whether they are trained.
      scope: their scope.

    Variables (in ``scope``, by default ``sequence_input_from_feature_columns``; also in MODEL_VARIABLES):
      ``<column>_embedding/weights`` ``[buckets, dimension]`` of each embedding; of shared ones the shared name.

    Raises:
      ArgumentError: a column of another kind, one that stands on a bucketized or crossed one, or two equal columns.
      ShapeError: a feature of another rank.
    """
    columns = in_order(feature_columns)
    for column in columns:
        _require_sequence(column)
    with tf.variable_scope(scope, "sequence_input_from_feature_columns", list(columns_to_tensors.values())):
        features, found = Transformer(columns_to_tensors), []
        for column in columns:
            with tf.variable_scope(None, column.name):
                found.append(_steps(column, features.transform(column), weight_collections, trainable))
        return tf.concat(found, _RANK - 1)


def _steps(column: Any, value: Any, collections: Any, trainable: bool) -> tf.Tensor:
    """Returns the value of one column in each step, ``[batch, time, width]``."""
    if not hasattr(column, "categorical_column"):
        return _of_rank(value, column.name)
    ids, weights = (_of_rank(each, column.name) for each in value) if isinstance(value, tuple) else (value, None)
    ids = _of_rank(ids, column.name)
    return (
        _embedded(column, ids, weights, collections, trainable) if _is_embedding(column) else _hot(column, ids, weights)
    )


def _embedded(column: Any, ids: Any, weights: Any, collections: Any, trainable: bool) -> tf.Tensor:
    return safe_embedding_lookup_sparse(
        [_embeddings(column, collections, trainable)], ids, weights, column.combiner, max_norm=column.max_norm
    )


def _embeddings(column: Any, collections: Any, trainable: bool) -> Any:
    """Returns the embeddings of a column; columns that share them find them in a collection, as TensorFlow's do."""
    shared = getattr(column, "shared_embedding_collection_name", None)
    if shared and tf.get_collection(shared):
        return tf.get_collection(shared)[0]
    weights = model_variable(
        shared or "weights",
        shape=[column.categorical_column.num_buckets, column.dimension],
        initializer=column.initializer,
        trainable=trainable and column.trainable,
        collections=collections,
    )
    if column.ckpt_to_load_from is not None:
        tf.train.init_from_checkpoint(column.ckpt_to_load_from, {column.tensor_name_in_ckpt: weights})
    if shared:
        tf.add_to_collection(shared, weights)
    return weights


def _hot(column: Any, ids: tf.SparseTensor, weights: Any) -> tf.Tensor:
    """Returns how often each category occurs in each step, or the sum of its weights."""
    size = column.categorical_column.num_buckets
    hot = tf.one_hot(tf.sparse.to_dense(ids, default_value=-1), size)
    if weights is None:
        return tf.reduce_sum(hot, 2)
    return tf.reduce_sum(hot * tf.expand_dims(tf.sparse.to_dense(weights), -1), 2)


def _of_rank(value: Any, name: str) -> Any:
    """Returns a feature with three axes: one is added for a single value a step, and further ones are made one.

    Raises:
      ShapeError: an unknown rank, or one below 2.
    """
    sparse = isinstance(value, tf.SparseTensor)
    rank = value.dense_shape.shape[0] if sparse else value.shape.rank
    rank = getattr(rank, "value", rank)
    if rank is None or rank < _RANK - 1:
        raise errors.ShapeError(
            errors.explain(
                f"column {name}: a sequence has no such rank",
                got=rank,
                expected="[batch, time, values] or [batch, time]",
            ),
            where="sequence_input_from_feature_columns",
        )
    if rank >= _RANK:
        return inner_flatten(value, _RANK) if rank > _RANK else value
    if sparse:
        return tf.sparse.reshape(value, tf.concat([value.dense_shape, [1]], 0))
    return tf.expand_dims(value, -1)


def _is_embedding(column: Any) -> bool:
    return hasattr(column, "combiner")


def _require_sequence(column: Any) -> None:
    """Refuses columns that had no form for sequences."""
    numbers = hasattr(column, "normalizer_fn")
    wrapped = hasattr(column, "categorical_column") and not hasattr(column, "weight_feature_key")
    if not numbers and not wrapped:
        raise errors.ArgumentError(
            errors.explain(
                "a column of this kind is not currently supported for sequence data",
                got=column,
                expected="a real_valued_column, a one_hot_column or an embedding_column",
            ),
            where="sequence_input_from_feature_columns",
        )
    for below in _below(column):
        if hasattr(below, "source_column") or hasattr(below, "keys"):
            raise errors.ArgumentError(
                errors.explain(
                    f"column {below.name} is bucketized or crossed, which is not currently supported for sequences",
                    got=column,
                ),
                where="sequence_input_from_feature_columns",
            )


def _below(column: Any) -> list[Any]:
    """Returns the columns that a column stands on."""
    inner = getattr(column, "categorical_column", None)
    return [] if inner is None else [inner, *_below(inner), *(leaves(inner) if hasattr(inner, "keys") else [])]
