"""Decoders that attend to the states of an encoder, as in "Grammar as a Foreign Language" (arXiv:1412.7449)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes
from tf1bn.compat.contrib_legacy_seq2seq.decoders import (
    Loop,
    Outputs,
    chooser,
    either,
    looped,
    require_projection,
    reuse_after_first,
    told_by_tensor,
)
from tf1bn.compat.contrib_legacy_seq2seq.networks import Symbols
from tf1bn.compat.contrib_rnn import OutputProjectionWrapper
from tf1bn.compat.rnn_cell import _linear as linear


class _Memory:
    """The states that heads attend to.

    score(t) = sum(AttnV * tanh(AttnW . memory(t) + query @ kernel + bias)), glimpse = sum of softmax(score) * memory

    Variables, in the current scope, for each head h:
      AttnW_h: ``[1, 1, depth, depth]``. AttnV_h: ``[depth]``. Attention_h/kernel: ``[query, depth]``, and its bias.
    """

    def __init__(self, states: Any, heads: int, dtype: tf.DType) -> None:
        length, depth = states.shape.as_list()[1:]
        self._length = tf.shape(states)[1] if length is None else length
        self._depth, self._heads, self._dtype = depth, heads, dtype
        self._states = tf.reshape(states, [-1, self._length, 1, depth])
        self._features, self._weights = list[Any](), list[Any]()
        for head in range(heads):
            kernel = tf.get_variable(f"AttnW_{head}", [1, 1, depth, depth], dtype)
            self._features.append(tf.nn.conv2d(self._states, kernel, [1, 1, 1, 1], "SAME"))
            self._weights.append(tf.get_variable(f"AttnV_{head}", [depth], dtype))

    def nothing(self, batch: Any) -> list[tf.Tensor]:
        """Returns a glimpse of zeros ``[batch, depth]`` for each head."""
        zeros = tf.zeros(tf.stack([batch, self._depth]), self._dtype)
        zeros.set_shape([None, self._depth])
        return [zeros] * self._heads

    def glimpses(self, query: Any) -> list[tf.Tensor]:
        """Returns what each head sees, ``[batch, depth]``, for a state of the cell."""
        parts = tf.nest.flatten(query)
        for part in parts:
            if part.shape.rank not in (None, 2):
                raise errors.ShapeError(errors.explain("a state of another rank", got=part, expected="[batch, units]"))
        joined = tf.concat(parts, 1) if len(parts) > 1 else parts[0]
        return [self._glimpse(head, joined) for head in range(self._heads)]

    def _glimpse(self, head: int, query: Any) -> tf.Tensor:
        with tf.variable_scope(f"Attention_{head}"):
            asked = tf.cast(tf.reshape(linear(query, self._depth, True), [-1, 1, 1, self._depth]), self._dtype)
            scores = tf.reduce_sum(self._weights[head] * tf.tanh(self._features[head] + asked), [2, 3])
            shares = tf.cast(tf.nn.softmax(tf.cast(scores, tf.float32)), self._dtype)
            seen = tf.reduce_sum(tf.reshape(shares, [-1, self._length, 1, 1]) * self._states, [1, 2])
            return tf.reshape(seen, [-1, self._depth])


def attention_decoder(
    decoder_inputs: Sequence[Any],
    initial_state: Any,
    attention_states: Any,
    cell: Any,
    output_size: int | None = None,
    num_heads: int = 1,
    loop_function: Loop | None = None,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> Outputs:
    """Runs a cell over inputs and what it attends to, in the variable scope ``attention_decoder``.

    x = concat(input, glimpses) @ kernel + bias, as deep as the input
    cell_output, state = cell(x, state); glimpses = what the heads see for the state
    output = concat(cell_output, glimpses) @ AttnOutputProjection/kernel + AttnOutputProjection/bias

    Variables (see also the equations):
      kernel, bias; AttnOutputProjection/kernel and bias; for each head h AttnW_h ``[1, 1, depth, depth]``, AttnV_h
      ``[depth]`` and Attention_h/kernel and bias.

    Args:
      decoder_inputs: for each step a tensor ``[batch, depth]``.
      attention_states: tensor ``[batch, length, depth]``.
      output_size: of the outputs; by default that of the cell.
      loop_function: what gives the inputs of all steps but the first.
      initial_state_attention: whether the first step already attends, for the first state; by default to zeros.

    Raises:
      ArgumentError: no input, no head. ShapeError: a depth that is not known, or a state that is no matrix.
    """
    with errors.located("attention_decoder"):
        _require_attention(decoder_inputs, num_heads, attention_states)
    output_size = cell.output_size if output_size is None else output_size
    with tf.variable_scope(scope or "attention_decoder", dtype=dtype) as inside, errors.located("attention_decoder"):
        memory = _Memory(attention_states, num_heads, inside.dtype)
        seen = memory.nothing(tf.shape(decoder_inputs[0])[0])
        seen = memory.glimpses(initial_state) if initial_state_attention else seen
        state, outputs = initial_state, list[Any]()
        for number, given in enumerate(decoder_inputs):
            reuse_after_first(number)
            entered = looped(loop_function, outputs, number, given)
            joined = [tf.cast(part, inside.dtype) for part in (entered, *seen)]
            output, state = cell(linear(joined, _depth(entered, "decoder_inputs"), True), state)
            # A first state that was attended to has made the variables already.
            with tf.variable_scope(inside, reuse=True if number or initial_state_attention else None):
                seen = memory.glimpses(state)
            with tf.variable_scope("AttnOutputProjection"):
                outputs.append(linear([tf.cast(output, inside.dtype), *seen], output_size, True))
    return outputs, state


def embedding_attention_decoder(
    decoder_inputs: Sequence[Any],
    initial_state: Any,
    attention_states: Any,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_size: int | None = None,
    output_projection: Any = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> Outputs:
    """Runs :func:`attention_decoder` over symbols; in the variable scope ``embedding_attention_decoder``.

    Variables:
      embedding: ``[num_symbols, embedding_size]``; the others are below ``attention_decoder``.

    Args:
      decoder_inputs: for each step whole numbers ``[batch]``.
      output_projection: None, or weights ``[output_size, num_symbols]`` and biases that make logits, where the decoder
        chooses.
      feed_previous: whether all inputs but the first are the symbols of the largest logit of the step before.
      update_embedding_for_previous: whether gradients reach the embedding through symbols that were chosen.

    Raises:
      ArgumentError: weights or biases of another shape, or as :func:`attention_decoder`. ShapeError: as there.
    """
    output_size = cell.output_size if output_size is None else output_size
    with errors.located("embedding_attention_decoder"):
        require_projection(output_projection, output_size, num_symbols)
    with tf.variable_scope(scope or "embedding_attention_decoder", dtype=dtype):
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size])
        choose = chooser(embedding, output_projection, update_embedding_for_previous) if feed_previous else None
        embedded = [tf.nn.embedding_lookup(embedding, symbols) for symbols in decoder_inputs]
        return attention_decoder(
            embedded,
            initial_state,
            attention_states,
            cell,
            output_size=output_size,
            num_heads=num_heads,
            loop_function=choose,
            initial_state_attention=initial_state_attention,
        )


@dataclass(frozen=True)
class AttendedSymbols(Symbols):
    """What ``embedding_attention_seq2seq`` takes."""

    num_heads: int = 1
    initial_state_attention: bool = False


@takes(AttendedSymbols)
def embedding_attention_seq2seq(call: AttendedSymbols) -> Outputs:
    """Encodes symbols and decodes symbols, with attention to the encoder's outputs.

    The encoder has a copy of the cell, with weights of its own.

    Variables, in the variable scope ``embedding_attention_seq2seq``:
      As of :func:`embedding_rnn_seq2seq`, with embedding_attention_decoder in place of embedding_rnn_decoder.

    Args:
      num_heads, initial_state_attention: as of :func:`attention_decoder`.
      others: as of :func:`embedding_rnn_seq2seq`.

    Returns:
      A list of outputs, and the decoder's last state.

    Raises:
      ArgumentError, ShapeError: as :func:`embedding_attention_decoder`.
    """
    with tf.variable_scope(call.scope or "embedding_attention_seq2seq", dtype=call.dtype) as inside:
        steps, encoded = call.encoded(inside.dtype)
        cell, output_size = call.cell, None
        states = tf.concat([tf.reshape(step, [-1, 1, cell.output_size]) for step in steps], 1)
        if call.output_projection is None:
            cell, output_size = OutputProjectionWrapper(cell, call.num_decoder_symbols), call.num_decoder_symbols

        def decode(chosen: bool) -> Outputs:
            return embedding_attention_decoder(
                call.decoder_inputs,
                encoded,
                states,
                cell,
                call.num_decoder_symbols,
                call.embedding_size,
                num_heads=call.num_heads,
                output_size=output_size,
                output_projection=call.output_projection,
                feed_previous=chosen,
                update_embedding_for_previous=not told_by_tensor(call.feed_previous),
                initial_state_attention=call.initial_state_attention,
            )

        return either(call.feed_previous, decode, encoded)


def _require_attention(inputs: Sequence[Any], heads: int, states: Any) -> None:
    if not inputs:
        raise errors.ArgumentError(errors.explain("`decoder_inputs` is empty", expected="a tensor for each step"))
    if heads < 1:
        raise errors.ArgumentError(errors.explain("`num_heads` must be at least 1", got=heads))
    if states.shape.rank != 3:
        got = str(states.shape)
        raise errors.ShapeError(
            errors.explain("`attention_states` has another rank", got=got, expected="[batch, length, depth]")
        )
    _depth(states, "attention_states")


def _depth(tensor: Any, name: str) -> int:
    depth = tensor.shape.as_list()[-1] if tensor.shape.rank else None
    if depth is None:
        text = errors.explain(f"the last dimension of `{name}` must be known", got=str(tensor.shape))
        raise errors.ShapeError(text)
    return int(depth)
