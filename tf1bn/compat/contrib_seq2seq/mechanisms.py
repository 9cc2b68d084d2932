"""Attention: scores of a memory's entries for a query, made probabilities.

In comes a memory ``[batch, time, depth]``; a call with a query ``[batch, units]`` gives alignments ``[batch, time]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat import tf_layers
from tf1bn.compat.calls import made_with
from tf1bn.compat.contrib_seq2seq import signatures
from tf1bn.compat.contrib_seq2seq.outputs import require_layer
from tf1bn.compat.rnn_base import zeros


class AttentionMechanism:
    """What an :class:`AttentionWrapper` asks; for subclasses."""

    values: Any

    @property
    def alignments_size(self) -> Any:
        """Number of entries of the memory."""
        raise _unfinished(self, "alignments_size")

    @property
    def state_size(self) -> Any:
        """Size of what the mechanism keeps from step to step."""
        raise _unfinished(self, "state_size")


class MemoryAttention(AttentionMechanism):
    """A mechanism that holds its memory, and keys made of it; for subclasses, which are called ``(query, state)``.

    Args:
      query_layer: what a subclass applies to queries, or None.
      memory: tensor ``[batch, time, ...]``, for example the outputs of an encoder.
      probability_fn: maps scores and the last state to alignments.
      memory_sequence_length: number of entries of each sequence, at least 1; values behind are 0, and their scores
        are ``score_mask_value``, by default minus infinity.
      memory_layer: what makes keys of the memory.
      check_inner_dims_defined: whether to refuse a memory whose inner dimensions are not known.
      custom_key_value_fn: maps keys and values to other keys and values.

    Raises:
      ArgumentTypeError: no layer, or a ``probability_fn`` that cannot be called. ShapeError: unknown inner dimensions.
    """

    def __init__(
        self,
        query_layer: Any,
        memory: Any,
        probability_fn: Callable[[Any, Any], Any],
        memory_sequence_length: Any = None,
        memory_layer: Any = None,
        check_inner_dims_defined: bool = True,
        score_mask_value: Any = None,
        custom_key_value_fn: Callable[[Any, Any], Any] | None = None,
        name: str | None = None,
    ) -> None:
        where = type(self).__name__
        require_layer(where, "query_layer", query_layer)
        require_layer(where, "memory_layer", memory_layer)
        if not callable(probability_fn):
            raise errors.ArgumentTypeError(
                errors.explain("`probability_fn` cannot be called", got=probability_fn), where=where
            )
        self._query_layer, self._memory_layer, self._name = query_layer, memory_layer, name
        with tf.name_scope(name, "BaseAttentionMechanismInit"), errors.located(where):
            self._values = prepared_memory(memory, memory_sequence_length, check_inner_dims_defined)
            self._keys = self._values if memory_layer is None else memory_layer(self._values)
            if custom_key_value_fn is not None:
                pair = custom_key_value_fn(self._keys, self._values)
                self._keys, self._values = pair
            self._batch_size, self._alignments_size = (_dimension(self._keys, axis) for axis in (0, 1))
        self.dtype = self._keys.dtype.base_dtype
        mask = self.dtype.as_numpy_dtype(-np.inf) if score_mask_value is None else score_mask_value
        self._probability_fn = lambda score, state: probability_fn(
            masked_score(score, memory_sequence_length, mask), state
        )

    @property
    def memory_layer(self) -> Any:
        """What made the keys."""
        return self._memory_layer

    @property
    def query_layer(self) -> Any:
        """What is applied to queries, or None."""
        return self._query_layer

    @property
    def values(self) -> Any:  # type: ignore[override]
        """The memory, 0 behind the end of each sequence."""
        return self._values

    @property
    def keys(self) -> Any:
        """What queries are compared with."""
        return self._keys

    @property
    def batch_size(self) -> Any:
        """Number of sequences."""
        return self._batch_size

    @property
    def alignments_size(self) -> Any:
        """Number of entries of the memory."""
        return self._alignments_size

    @property
    def state_size(self) -> Any:
        """The same: the state is the last alignments."""
        return self._alignments_size

    def initial_alignments(self, batch_size: Any, dtype: Any) -> tf.Tensor:
        """Returns the alignments before the first step: zeros."""
        return zeros(self._alignments_size, batch_size, dtype)

    def initial_state(self, batch_size: Any, dtype: Any) -> Any:
        """Returns the state before the first step."""
        return self.initial_alignments(batch_size, dtype)

    def _aligned(self, score: Any, state: Any) -> tuple[Any, Any]:
        shares = self._probability_fn(score, state)
        return shares, shares


class LuongAttention(MemoryAttention):
    """score[t] = attention_g * sum(query * keys[t]), keys = memory @ memory_layer/kernel.

    Variables:
      ``memory_layer/kernel`` where the mechanism is made, and with ``scale`` a scalar ``luong_attention/attention_g``,
      which begins at 1, where it is called first.

    Args:
      num_units: depth of the keys, which must be that of the queries.
      scale: whether there is an ``attention_g``.
      probability_fn: maps scores to probabilities, by default softmax.
      The rest as of :class:`MemoryAttention`.

    Source: Luong, Pham, Manning: Effective approaches to attention-based neural machine translation (2015).
    """

    @made_with(signatures.Luong)
    def __init__(self, call: signatures.Luong) -> None:
        super().__init__(None, probability_fn=_of_score(call.probability_fn), **held(call))
        self._num_units, self._scale = call.num_units, call.scale

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Returns alignments, twice: they are the next state, too."""
        with tf.variable_scope(None, "luong_attention", [query]):
            score = luong_score(query, self._keys, luong_gain(query.dtype) if self._scale else None)
        return self._aligned(score, state)


class BahdanauAttention(MemoryAttention):
    """score[t] = sum(v * tanh(keys[t] + query @ query_layer/kernel + b)), keys = memory @ memory_layer/kernel.

    v = attention_v, b = 0; with ``normalize`` v = attention_g * attention_v / |attention_v|, b = attention_b

    Variables:
      ``memory_layer/kernel`` where the mechanism is made; where it is called first, below ``bahdanau_attention``,
      ``query_layer/kernel`` and ``attention_v`` ``[num_units]``, with ``normalize`` also the scalar ``attention_g``,
      which begins at sqrt(1 / num_units), and ``attention_b`` ``[num_units]``, which begins at 0.

    Args:
      num_units: depth of keys and projected queries.
      normalize: whether the length of ``attention_v`` is a variable of its own.
      probability_fn: maps scores to probabilities, by default softmax.
      The rest as of :class:`MemoryAttention`.

    Source: Bahdanau, Cho, Bengio: Neural machine translation by jointly learning to align and translate (2015).
    """

    @made_with(signatures.Bahdanau)
    def __init__(self, call: signatures.Bahdanau) -> None:
        projected = projection("query_layer", call.num_units, call.dtype)
        super().__init__(projected, probability_fn=_of_score(call.probability_fn), **held(call))
        self._num_units, self._normalize = call.num_units, call.normalize

    def __call__(self, query: Any, state: Any) -> tuple[Any, Any]:
        """Returns alignments, twice: they are the next state, too."""
        with tf.variable_scope(None, "bahdanau_attention", [query]):
            score = additive_score(self, query, self._num_units, self._normalize)
        return self._aligned(score, state)


def luong_score(query: Any, keys: Any, scale: Any) -> tf.Tensor:
    """Returns ``scale * sum(query * keys[t])`` for each entry t; None for no scale.

    Raises:
      ShapeError: queries and keys differ in depth, or it is not known.
    """
    depths = query.shape.as_list()[-1], keys.shape.as_list()[-1]
    if depths[0] is None or depths[0] != depths[1]:
        raise errors.ShapeError(
            errors.explain(
                "queries and keys must have one and the same known depth",
                got={"query": str(query.shape), "keys": str(keys.shape)},
                fix="Set num_units to the number of units of the decoder's cell.",
            ),
            where="LuongAttention",
        )
    score = tf.squeeze(tf.matmul(keys, tf.expand_dims(query, 2)), [2])
    return score if scale is None else scale * score


def luong_gain(dtype: Any) -> Any:
    """Returns the scalar variable ``attention_g``, which begins at 1."""
    return tf.get_variable("attention_g", [], dtype, initializer=tf.ones_initializer())


def additive_score(mechanism: MemoryAttention, query: Any, units: int, normalize: bool) -> tf.Tensor:
    """Returns Bahdanau's scores; makes their variables in the scope of the call."""
    layer = mechanism.query_layer
    projected = query if layer is None else layer(query)
    v, gain, shift = tf.get_variable("attention_v", [units], query.dtype), None, None
    if normalize:
        start = tf.constant_initializer(math.sqrt(1 / units))
        gain = tf.get_variable("attention_g", [], query.dtype, initializer=start)
        shift = tf.get_variable("attention_b", [units], query.dtype, initializer=tf.zeros_initializer())
    return bahdanau_score(projected, mechanism.keys, v, gain, shift)


def bahdanau_score(
    processed_query: Any, keys: Any, attention_v: Any, attention_g: Any = None, attention_b: Any = None
) -> tf.Tensor:
    """Returns ``sum(v * tanh(keys[t] + query + b))`` for each entry t, of a projected query."""
    inner = keys + tf.expand_dims(processed_query, 1)
    if attention_g is None or attention_b is None:
        return tf.reduce_sum(attention_v * tf.tanh(inner), 2)
    direction = attention_v * tf.math.rsqrt(tf.reduce_sum(tf.square(attention_v)))
    return tf.reduce_sum(attention_g * direction * tf.tanh(inner + attention_b), 2)


def prepared_memory(memory: Any, memory_sequence_length: Any = None, check_inner_dims_defined: bool = True) -> Any:
    """Returns a memory, or a structure of them, with zeros behind the end of each sequence.

    Raises:
      ShapeError: inner dimensions are not known.
    """
    memory = tf.nest.map_structure(lambda m: tf.convert_to_tensor(m, name="memory"), memory)
    parts = tf.nest.flatten(memory)
    for part in parts if check_inner_dims_defined else ():
        if not part.shape[2:].is_fully_defined():
            raise errors.ShapeError(
                errors.explain("inner dimensions of `memory` must be known", got=f"{part.name} {part.shape}")
            )
    if memory_sequence_length is None:
        return memory
    inside = tf.sequence_mask(memory_sequence_length, tf.shape(parts[0])[1], parts[0].dtype)

    def masked(part: Any) -> Any:
        ones = tf.ones([tf.rank(part) - 2], tf.int32)
        return part * tf.reshape(inside, tf.concat([tf.shape(inside), ones], 0))

    return tf.nest.map_structure(masked, memory)


def masked_score(score: Any, memory_sequence_length: Any, score_mask_value: Any) -> Any:
    """Returns scores, with a value in place of those behind the end of each sequence, which must have an entry."""
    if memory_sequence_length is None:
        return score
    # A sequence without an entry has no score that is not masked, and softmax would give NaN.
    check = tf.assert_positive(memory_sequence_length, message="memory_sequence_length must be positive everywhere.")
    with tf.control_dependencies([] if check is None else [check]):
        inside = tf.sequence_mask(memory_sequence_length, tf.shape(score)[1])
    return tf.where(inside, score, tf.cast(score_mask_value, score.dtype) * tf.ones_like(score))


def hardmax(logits: Any, name: str | None = None) -> tf.Tensor:
    """Returns 1 at the largest entry of the last axis, the first of equal ones, and 0 elsewhere."""
    with tf.name_scope(name, "Hardmax", [logits]):
        logits = tf.convert_to_tensor(logits, name="logits")
        return tf.one_hot(tf.argmax(logits, -1), _dimension(logits, -1), dtype=logits.dtype)


def projection(name: str, units: int, dtype: Any) -> Any:
    """Returns a layer with a kernel and no bias."""
    return tf_layers.Dense(units, use_bias=False, name=name, dtype=dtype or tf.float32)


def held(call: signatures.Soft | signatures.Monotonic) -> dict[str, Any]:
    """Returns what :class:`MemoryAttention` takes of a call: all but the query's layer and ``probability_fn``."""
    return {
        "memory": call.memory,
        "memory_sequence_length": call.memory_sequence_length,
        "memory_layer": projection("memory_layer", call.num_units, call.dtype),
        "score_mask_value": call.score_mask_value,
        "custom_key_value_fn": call.custom_key_value_fn,
        "name": call.name,
    }


def _of_score(function: Callable[[Any], Any] | None) -> Callable[[Any, Any], Any]:
    """Returns a function of scores as one of scores and state."""
    function = function or tf.nn.softmax
    if not callable(function):
        return function
    return lambda score, _: function(score)


def _dimension(x: Any, axis: int) -> Any:
    """Returns a dimension as a number where it is known, else as a tensor."""
    known = x.shape.as_list()[axis] if x.shape.rank is not None else None
    return tf.shape(x)[axis] if known is None else known


def _unfinished(mechanism: AttentionMechanism, name: str) -> errors.UnfinishedCellError:
    kind = type(mechanism).__name__
    return errors.UnfinishedCellError(
        errors.explain(f"{kind} has no `{name}`", fix=f"Define the property `{name}` in its class.")
    )
