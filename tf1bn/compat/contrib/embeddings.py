"""Embeddings of tf.contrib.layers: sequences, bags of words, and look-ups that take empty rows and repeated ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib.variables import model_variable


@dataclass(frozen=True)
class Embedded:
    """The last arguments of what makes embeddings."""

    initializer: Any = None
    regularizer: Any = None
    trainable: bool = True
    scope: Any = None
    reuse: Any = None

    def variable(self, shape: Any) -> Any:
        """Returns the embeddings, a model variable."""
        return model_variable(
            "embeddings",
            shape=shape,
            initializer=self.initializer,
            regularizer=self.regularizer,
            trainable=self.trainable,
        )


@dataclass(frozen=True)
class _Sequence:
    ids: Any
    vocab_size: int | None = None
    embed_dim: int | None = None
    unique: bool = False


@dataclass(frozen=True)
class EmbedSequence(Embedded, _Sequence):
    """What ``embed_sequence`` is given."""


@dataclass(frozen=True)
class _Bag:
    ids: Any
    vocab_size: int
    embed_dim: int
    sparse_lookup: bool = True


@dataclass(frozen=True)
class BowEncoder(Embedded, _Bag):
    """What ``bow_encoder`` is given."""


@takes(EmbedSequence)
def embed_sequence(call: EmbedSequence) -> tf.Tensor:
    """Returns the embedding ``[batch, length, embed_dim]`` of each symbol of ``ids`` ``[batch, length]``.

    Variables (in ``scope``, by default ``EmbedSequence``; also in MODEL_VARIABLES):
      embeddings ``[vocab_size, embed_dim]``.

    Args:
      unique: whether each id is looked up once, however often it occurs.

    Raises:
      ArgumentError: sizes missing, and no reuse.
    """
    _require_sizes("embed_sequence", call.reuse, call.vocab_size, call.embed_dim)
    with tf.variable_scope(call.scope, "EmbedSequence", [call.ids], reuse=call.reuse):
        embeddings = call.variable([call.vocab_size, call.embed_dim] if call.vocab_size and call.embed_dim else None)
        look_up = embedding_lookup_unique if call.unique else tf.nn.embedding_lookup
        return look_up(embeddings, call.ids)


@takes(BowEncoder)
def bow_encoder(call: BowEncoder) -> tf.Tensor:
    """Returns the mean embedding ``[batch, embed_dim]`` of the symbols of each row.

    Variables (in ``scope``, by default ``bow_encoder``; also in MODEL_VARIABLES):
      embeddings ``[vocab_size, embed_dim]``.

    Args:
      ids: ``[batch, length]``, dense or sparse.
      sparse_lookup: whether symbols 0 of a dense tensor are padding. A row without symbols gives embedding 0.

    Raises:
      ArgumentError: sizes missing; ArgumentTypeError: sparse ids without ``sparse_lookup``.
    """
    _require_sizes("bow_encoder", False, call.vocab_size, call.embed_dim)
    with tf.variable_scope(call.scope, "bow_encoder", [call.ids], reuse=call.reuse):
        embeddings = call.variable([call.vocab_size, call.embed_dim])
        sparse = isinstance(call.ids, tf.SparseTensor)
        if call.sparse_lookup:
            found = call.ids if sparse else _without_padding(tf.convert_to_tensor(call.ids))
            return safe_embedding_lookup_sparse([embeddings], found, combiner="mean", default_id=0)
        if sparse:
            raise errors.ArgumentTypeError(
                errors.explain("ids are sparse", got=call.ids, fix="Pass sparse_lookup=True."), where="bow_encoder"
            )
        return tf.reduce_mean(tf.nn.embedding_lookup(embeddings, call.ids), 1)


def embedding_lookup_unique(params: Any, ids: Any, partition_strategy: str = "mod", name: str | None = None) -> Any:
    """Returns ``tf.nn.embedding_lookup``, with each id looked up once, however often it occurs.

    Shapes:
      ids ``[...]`` of any rank, params ``[vocabulary, ...]``; result ids' shape, then that of an embedding.
    """
    with tf.name_scope(name, "EmbeddingLookupUnique", [params, ids]):
        ids = tf.convert_to_tensor(ids)
        different, places = tf.unique(tf.reshape(ids, [-1]))
        found = tf.nn.embedding_lookup(params, different, partition_strategy)
        result = tf.reshape(tf.gather(found, places), tf.concat([tf.shape(ids), tf.shape(found)[1:]], 0))
        result.set_shape(ids.shape.concatenate(found.shape[1:]))
        return result


def safe_embedding_lookup_sparse(
    embedding_weights: Any,
    sparse_ids: Any,
    sparse_weights: Any = None,
    combiner: str | None = None,
    default_id: int | None = None,
    name: str | None = None,
    partition_strategy: str = "div",
    max_norm: float | None = None,
) -> tf.Tensor:
    """Returns the combined embeddings of each row of sparse ids, which may be empty or hold invalid ids.

    Ids below 0 and, unless ``combiner`` is ``sum``, entries of weight 0 or less are left out. A row without ids gives
    the embedding of ``default_id``, or zeros.

    Args:
      combiner: ``mean`` (default), ``sqrtn`` or ``sum``.

    Raises:
      ArgumentError: no weights of embeddings.
    """
    if embedding_weights is None or (isinstance(embedding_weights, list | tuple) and not embedding_weights):
        raise errors.ArgumentError(
            errors.explain("there are no `embedding_weights`", got=embedding_weights),
            where="safe_embedding_lookup_sparse",
        )
    return tf.nn.safe_embedding_lookup_sparse(
        embedding_weights,
        sparse_ids,
        sparse_weights,
        combiner or "mean",
        default_id,
        name,
        partition_strategy,
        max_norm,
    )


def _without_padding(ids: Any) -> Any:
    places = tf.where(tf.not_equal(ids, 0))
    return tf.SparseTensor(places, tf.gather_nd(ids, places), tf.shape(ids, out_type=tf.int64))


def _require_sizes(where: str, reuse: Any, vocab_size: Any, embed_dim: Any) -> None:
    if not reuse and not (vocab_size and embed_dim):
        raise errors.ArgumentError(
            errors.explain("`vocab_size` and `embed_dim` are needed", got=(vocab_size, embed_dim)), where=where
        )
