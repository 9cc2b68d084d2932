"""Embeddings whose components are scattered over one vector of parameters, by a hash of value and component.

A vocabulary of any size shares ``size`` numbers: component i of the embedding of value v is the number at place
hash(i, v) (Chen et al.: Compressing neural networks with the hashing trick, 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.crossing import sparse_feature_cross
from tf1bn.compat.contrib.variables import model_variable

_NOTHING, _NO_NUMBER = "6ZxWzWOHxZ", 1288896567
"""What a row without values is hashed as: a string and a number that 1.15 had drawn."""

COMBINERS: dict[str, Callable[..., Any]] = {
    "mean": tf.sparse.segment_mean,
    "sqrtn": tf.sparse.segment_sqrt_n,
    "sum": tf.sparse.segment_sum,
}
"""Name -> what makes one embedding of those of a row."""


@dataclass(frozen=True)
class ScatteredEmbeddingColumn:
    """A column of tf.contrib.layers alone: its functions take it, those of ``tf.feature_column`` do not."""

    column_name: str
    size: int
    dimension: int
    hash_key: int
    combiner: str = "mean"
    initializer: Any = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The scope of its variable."""
        return f"{self.column_name}_scattered_embedding"

    @property
    def parse_example_spec(self) -> dict[str, Any]:
        """What it reads of examples."""
        return {self.column_name: tf.io.VarLenFeature(tf.string)}

    def embedded(self, values: Any, collections: Any, trainable: bool) -> tf.Tensor:
        """Returns the embeddings ``[batch, dimension]`` of sparse values ``[batch, values]``.

        Variables (also in MODEL_VARIABLES):
          ``weights`` ``[size]``, by default normal of deviation 0.1, without what is beyond two deviations.
        """
        weights = model_variable(
            "weights",
            shape=[self.size],
            initializer=self.initializer or tf.truncated_normal_initializer(stddev=0.1),
            trainable=trainable,
            collections=collections,
        )
        return scattered_embedding_lookup_sparse(
            weights, values, self.dimension, self.combiner, name="lookup", hash_key=self.hash_key
        )


def scattered_embedding_column(
    column_name: str, size: int, dimension: int, hash_key: int, combiner: str = "mean", initializer: Any = None
) -> ScatteredEmbeddingColumn:
    """Returns a column of embeddings of strings that share ``size`` parameters.

    Args:
      column_name: the feature.
      size: of the vector of parameters.
      dimension: of an embedding.
      hash_key: of the hash, not 0; ``SPARSE_FEATURE_CROSS_DEFAULT_HASH_KEY`` is one.
      combiner: ``mean``, ``sqrtn`` or ``sum``, for rows of several values.
      initializer: of the parameters.

    Raises:
      ArgumentError: a size below 1, an unknown combiner, an initializer that cannot be called, or no key.
    """
    wrong = [
        (dimension < 1 or size < 1, "Dimension and size must be greater than 0", (dimension, size)),
        (combiner not in COMBINERS, "Combiner must be one of 'mean', 'sqrtn' or 'sum'", combiner),
        (initializer is not None and not callable(initializer), "initializer must be callable", initializer),
        (not hash_key, "`hash_key` must not be 0 or None", hash_key),
    ]
    for found, text, value in wrong:
        if found:
            raise errors.ArgumentError(errors.explain(text, got=value), where="scattered_embedding_column")
    return ScatteredEmbeddingColumn(column_name, size, dimension, hash_key, combiner, initializer)


def scattered_embedding_lookup(
    params: Any, values: Any, dimension: int, name: str | None = None, hash_key: int | None = None
) -> tf.Tensor:
    """Returns the embedding of each value: component i of value v is the parameter at place hash(i, v).

    Shapes:
      params ``[size]``, or parts of it whose sizes differ by at most 1, the larger ones first; values ``[...]``;
      result ``[..., dimension]``.

    Raises:
      ArgumentError: no dimension above 0; ShapeError: parts of other sizes, or not of rank 1.
    """
    if dimension is None or dimension <= 0:
        raise errors.ArgumentError(
            errors.explain("You must specify dimension, above 0", got=dimension), where="scattered_embedding_lookup"
        )
    parts = _parts(params)
    with tf.name_scope(name, "scattered_embedding_lookup", [*parts, values]):
        values = tf.convert_to_tensor(values)
        flat = tf.reshape(values, [-1, 1])
        components = tf.tile([tf.range(dimension)], tf.shape(flat))
        places = sparse_feature_cross([components, flat], True, _size(parts), hash_key=hash_key)
        found = tf.nn.embedding_lookup(parts, tf.sparse.to_dense(places), partition_strategy="div")
        return tf.reshape(found, tf.concat([tf.shape(values), [dimension]], 0))


def scattered_embedding_lookup_sparse(
    params: Any,
    sparse_values: Any,
    dimension: int,
    combiner: str | None = None,
    default_value: Any = None,
    name: str | None = None,
    hash_key: int | None = None,
) -> tf.Tensor:
    """Returns one embedding for each row of sparse values, whose embeddings are combined.

    A row without values has the embedding of ``default_value``, by default of a string or a number that no data has.

    Shapes:
      params as of :func:`scattered_embedding_lookup`; sparse_values ``[batch, values]``; result ``[batch, dimension]``.

    Raises:
      ArgumentTypeError: values that are not sparse; ArgumentError: an unknown combiner (default ``mean``).
    """
    where = "scattered_embedding_lookup_sparse"
    if not isinstance(sparse_values, tf.SparseTensor):
        raise errors.ArgumentTypeError(
            errors.explain("sparse_values must be SparseTensor", got=sparse_values), where=where
        )
    if (combiner or "mean") not in COMBINERS:
        raise errors.ArgumentError(
            errors.explain("Combiner must be one of 'mean', 'sqrtn' or 'sum'", got=combiner), where=where
        )
    with tf.name_scope(name, where):
        if default_value is None:
            default_value = _NOTHING if sparse_values.dtype == tf.string else _NO_NUMBER
        filled, _ = tf.sparse.fill_empty_rows(sparse_values, tf.cast(default_value, sparse_values.dtype))
        different, numbers = tf.unique(filled.values)
        embeddings = scattered_embedding_lookup(params, different, dimension, hash_key=hash_key)
        return COMBINERS[combiner or "mean"](embeddings, numbers, tf.cast(filled.indices[:, 0], tf.int32))


def _parts(params: Any) -> list[Any]:
    """Returns the parts of the parameters, which are one, a list, or a partitioned variable."""
    return list(params) if isinstance(params, list | tuple) or hasattr(params, "as_tensor") else [params]


def _size(parts: list[Any]) -> int:
    """Returns how many parameters there are.

    Raises:
      ShapeError: parts that are not as TensorFlow divides a vector into parts of nearly one size.
    """
    shapes = [tf.TensorShape(part.shape) for part in parts]
    if any(shape.rank != 1 or not shape.is_fully_defined() for shape in shapes):
        raise errors.ShapeError(
            errors.explain("params must be vectors of known sizes", got=[str(shape) for shape in shapes]),
            where="scattered_embedding_lookup",
        )
    sizes = [shape[0] for shape in shapes]
    sizes = [getattr(size, "value", size) for size in sizes]
    total, count = sum(sizes), len(sizes)
    expected = [(total - number - 1) // count + 1 for number in range(count)]
    if sizes != expected:
        raise errors.ShapeError(
            errors.explain(
                "parts of params have other sizes than those of one vector", got=sizes, expected=str(expected)
            ),
            where="scattered_embedding_lookup",
        )
    return total
