"""An encoder before a decoder."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat.calls import takes
from tf1bn.compat.contrib_legacy_seq2seq.decoders import (
    Loop,
    Outputs,
    chooser,
    either,
    embedding_rnn_decoder,
    require_projection,
    rnn_decoder,
    told_by_tensor,
)
from tf1bn.compat.contrib_rnn import EmbeddingWrapper, OutputProjectionWrapper


def basic_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    dtype: Any = tf.float32,
    scope: Any = None,
) -> Outputs:
    """Runs a copy of the cell over what is encoded, then the cell from the state that this leaves.

    Variables, in the variable scope ``basic_rnn_seq2seq``:
      Those of the cell, below ``rnn`` for the encoder and below ``rnn_decoder`` for the decoder.

    Args:
      encoder_inputs, decoder_inputs: for each step a tensor ``[batch, depth]``.

    Returns:
      A list of tensors ``[batch, cell.output_size]``, and the last state.
    """
    with tf.variable_scope(scope or "basic_rnn_seq2seq"):
        _, encoded = tf.nn.static_rnn(copy.deepcopy(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, encoded, cell)


def tied_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    loop_function: Loop | None = None,
    dtype: Any = tf.float32,
    scope: Any = None,
) -> Outputs:
    """Runs one cell over what is encoded and what is decoded.

    Variables:
      Those of the cell, in the variable scope ``combined_tied_rnn_seq2seq/tied_rnn_seq2seq``.

    Args:
      encoder_inputs, decoder_inputs: for each step a tensor ``[batch, depth]``.
      loop_function: what gives the decoder's inputs of all steps but the first.
      scope: instead of ``tied_rnn_seq2seq``.
    """
    with tf.variable_scope("combined_tied_rnn_seq2seq"):
        inner = scope or "tied_rnn_seq2seq"
        _, encoded = tf.nn.static_rnn(cell, encoder_inputs, dtype=dtype, scope=inner)
        tf.get_variable_scope().reuse_variables()
        return rnn_decoder(decoder_inputs, encoded, cell, loop_function, inner)


@dataclass(frozen=True)
class Symbols:
    """What ``embedding_rnn_seq2seq`` takes; only the one with attention has ``num_heads``."""

    encoder_inputs: Sequence[Any]
    decoder_inputs: Sequence[Any]
    cell: Any
    num_encoder_symbols: int
    num_decoder_symbols: int
    embedding_size: int
    num_heads: int = field(default=1, init=False)
    output_projection: Any = None
    feed_previous: Any = False
    dtype: Any = None
    scope: Any = None

    def encoded(self, dtype: Any) -> Outputs:
        """Returns outputs and last state of a copy of the cell that runs over embedded symbols."""
        encoder = EmbeddingWrapper(copy.deepcopy(self.cell), self.num_encoder_symbols, self.embedding_size)
        outputs: Outputs = tf.nn.static_rnn(encoder, self.encoder_inputs, dtype=dtype)
        return outputs


@takes(Symbols)
def embedding_rnn_seq2seq(call: Symbols) -> Outputs:
    """Encodes symbols with a copy of the cell, and decodes symbols with the cell.

    Variables, in the variable scope ``embedding_rnn_seq2seq``:
      rnn/embedding_wrapper/embedding: ``[num_encoder_symbols, embedding_size]``; the encoder's cell beside it.
      embedding_rnn_decoder/embedding: ``[num_decoder_symbols, embedding_size]``; the decoder's below it.

    Args:
      encoder_inputs, decoder_inputs: for each step whole numbers ``[batch]``.
      output_projection: None, where outputs are logits ``[batch, num_decoder_symbols]``; or weights and biases, where
        they are ``[batch, cell.output_size]``.
      feed_previous: a bool, or a bool tensor: whether the decoder goes on with what it chose itself. Gradients reach
        the embedding through what was chosen unless a tensor says so, as in 1.15.

    Raises:
      ArgumentError: weights or biases of another shape.
    """
    with tf.variable_scope(call.scope or "embedding_rnn_seq2seq", dtype=call.dtype) as inside:
        _, encoded = call.encoded(inside.dtype)
        projected = call.output_projection is not None
        cell = call.cell if projected else OutputProjectionWrapper(call.cell, call.num_decoder_symbols)

        def decode(chosen: bool) -> Outputs:
            return embedding_rnn_decoder(
                call.decoder_inputs,
                encoded,
                cell,
                call.num_decoder_symbols,
                call.embedding_size,
                call.output_projection,
                feed_previous=chosen,
                update_embedding_for_previous=not told_by_tensor(call.feed_previous),
            )

        return either(call.feed_previous, decode, encoded)


def embedding_tied_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs: Sequence[Any],
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    num_decoder_symbols: int | None = None,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> Outputs:
    """Encodes and decodes symbols with one cell and one embedding.

    Variables, in the variable scope ``embedding_tied_rnn_seq2seq``:
      embedding: ``[num_symbols, embedding_size]``; the cell's below it.

    Args:
      encoder_inputs, decoder_inputs: for each step whole numbers ``[batch]``.
      num_decoder_symbols: how many symbols the decoder chooses from, the first ones; by default all.
      output_projection: None, where outputs are logits; or weights and biases, where they are the cell's outputs.
      feed_previous: a bool, or a bool tensor: whether the decoder goes on with what it chose itself.

    Raises:
      ArgumentError: weights or biases of another shape.
    """
    chosen_from = num_symbols if num_decoder_symbols is None else num_decoder_symbols
    require_projection(output_projection, getattr(cell, "output_size", None), chosen_from)
    with tf.variable_scope(scope or "embedding_tied_rnn_seq2seq", dtype=dtype) as inside:
        embedding = tf.get_variable("embedding", [num_symbols, embedding_size], inside.dtype)
        encoded, decoded = (
            [tf.nn.embedding_lookup(embedding, symbols) for symbols in steps]
            for steps in (encoder_inputs, decoder_inputs)
        )
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, chosen_from)
        choose = chooser(embedding, output_projection)

        def decode(chosen: bool) -> Outputs:
            return tied_rnn_seq2seq(encoded, decoded, cell, choose if chosen else None, inside.dtype)

        return either(feed_previous, decode, cell.state_size)


def one2many_rnn_seq2seq(
    encoder_inputs: Sequence[Any],
    decoder_inputs_dict: Mapping[str, Sequence[Any]],
    enc_cell: Any,
    dec_cells_dict: Mapping[str, Any],
    num_encoder_symbols: int,
    num_decoder_symbols_dict: Mapping[str, int],
    embedding_size: int,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Encodes symbols once and decodes them with several decoders.

    Variables, in the variable scope ``one2many_rnn_seq2seq``:
      rnn/embedding_wrapper/embedding, and for each decoder one2many_decoder_NAME/embedding_rnn_decoder/embedding.

    Returns:
      Name of a decoder -> its outputs, logits of its symbols; name of a decoder -> its last state.
    """
    outputs, states = dict[str, list[Any]](), dict[str, Any]()
    with tf.variable_scope(scope or "one2many_rnn_seq2seq", dtype=dtype) as inside:
        encoder = EmbeddingWrapper(enc_cell, num_encoder_symbols, embedding_size)
        _, encoded = tf.nn.static_rnn(encoder, encoder_inputs, dtype=inside.dtype)
        for name, inputs in decoder_inputs_dict.items():
            symbols = num_decoder_symbols_dict[name]
            with tf.variable_scope(f"one2many_decoder_{name}"):
                cell = OutputProjectionWrapper(dec_cells_dict[name], symbols)
                decode = functools.partial(
                    _decoded, inputs=inputs, first=encoded, cell=cell, symbols=symbols, size=embedding_size
                )
                outputs[name], states[name] = either(feed_previous, decode, encoded)
    return outputs, states


def _decoded(chosen: bool, inputs: Any, first: Any, cell: Any, symbols: int, size: int) -> Outputs:
    return embedding_rnn_decoder(inputs, first, cell, symbols, size, feed_previous=chosen)
