"""A decoder that keeps the best sequences of each batch entry, the beams."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_seq2seq.beam_scores import attention_of, ended_log_probs, scores
from tf1bn.compat.contrib_seq2seq.beams import gather_tree, gather_tree_from_array
from tf1bn.compat.contrib_seq2seq.decoding import Decoder
from tf1bn.compat.contrib_seq2seq.outputs import embedder, output_size, require_cell, require_layer, tokens


class BeamSearchDecoderState(NamedTuple):
    """State of a beam search.

    Attributes:
      cell_state: state of the cell, ``[batch, beams, ...]``.
      log_probs: of each beam, ``[batch, beams]``.
      finished: whether it has ended.
      lengths: its number of symbols, the end included.
      accumulated_attention_probs: sums of alignments ``[batch, beams, entries]``, or ``()`` without coverage.
    """

    cell_state: Any
    log_probs: Any
    finished: Any
    lengths: Any
    accumulated_attention_probs: Any


class BeamSearchDecoderOutput(NamedTuple):
    """What a step gives, each ``[batch, beams]``: scores, symbols, and the beams of the step before."""

    scores: Any
    predicted_ids: Any
    parent_ids: Any


class FinalBeamSearchDecoderOutput(NamedTuple):
    """What a beam search gives.

    Attributes:
      predicted_ids: whole sequences ``[batch, time, beams]``, the best beam first.
      beam_search_decoder_output: the choices of single steps.
    """

    predicted_ids: Any
    beam_search_decoder_output: Any


class BeamSearchDecoder(Decoder):
    """Keeps the ``beam_width`` best sequences of each batch entry.

    Memory and states must have an entry for each beam; see :func:`tile_batch`.

    Args:
      cell: an ``RNNCell``.
      embedding: a function of ids, or the table to look them up in.
      start_tokens: vector ``[batch]``; ``end_token``: scalar.
      initial_state: state of the cell for ``batch * beam_width`` sequences.
      output_layer: makes logits of the cell's output.
      length_penalty_weight: above 0 for longer sequences.
      coverage_penalty_weight: above 0 for sequences that attended to the whole memory.
      reorder_tensor_arrays: whether arrays in the state, such as the history of alignments, are given as tensors
        in the order of the sequences. As in 1.15 that is the order after each step, though a step writes in the order
        before it; and arrays whose first two dimensions are both known, with the batch size, stay arrays.

    Raises:
      ArgumentTypeError: no cell, or no layer. ShapeError: tokens of another rank, or a state that does not fit.
      ArgumentError: a weight of coverage without attention.
    """

    def __init__(
        self,
        cell: Any,
        embedding: Any,
        start_tokens: Any,
        end_token: Any,
        initial_state: Any,
        beam_width: int,
        output_layer: Any = None,
        length_penalty_weight: Any = 0.0,
        coverage_penalty_weight: Any = 0.0,
        reorder_tensor_arrays: bool = True,
    ) -> None:
        require_cell("BeamSearchDecoder", cell)
        require_layer("BeamSearchDecoder", "output_layer", output_layer)
        self._cell, self._output_layer, self._beam_width = cell, output_layer, beam_width
        self._length_penalty_weight, self._coverage_penalty_weight = length_penalty_weight, coverage_penalty_weight
        self._reorder_tensor_arrays = reorder_tensor_arrays
        self._embedding_fn = embedder(embedding)
        start, self._end_token = tokens("BeamSearchDecoder", start_tokens, end_token)
        self._batch_size = tf.size(start)
        self._start_tokens = tf.tile(tf.expand_dims(start, 1), [1, beam_width])
        self._first = self._embedding_fn(self._start_tokens)
        self._initial_cell_state = tf.nest.map_structure(self._split, initial_state)

    @property
    def batch_size(self) -> Any:
        """Number of batch entries."""
        return self._batch_size

    @property
    def tracks_own_finished(self) -> bool:
        """True: the end of a beam moves with it."""
        return True

    def _rnn_output_size(self) -> Any:
        return output_size(self._cell, self._output_layer)

    @property
    def output_size(self) -> BeamSearchDecoderOutput:
        """The number of beams, three times."""
        return BeamSearchDecoderOutput(*(tf.TensorShape([self._beam_width]) for _ in range(3)))

    @property
    def output_dtype(self) -> BeamSearchDecoderOutput:
        """The dtype of the state, and int32 of symbols and beams."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        return BeamSearchDecoderOutput(
            tf.nest.map_structure(lambda _: dtype, self._rnn_output_size()), tf.int32, tf.int32
        )

    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        """Returns ends, inputs and state before the first step: beam 0 alone is alive, so that beams differ."""
        dtype = tf.nest.flatten(self._initial_cell_state)[0].dtype
        first = tf.one_hot(tf.zeros([self._batch_size], tf.int32), self._beam_width, True, False, dtype=tf.bool)
        zero = tf.zeros(tf.shape(first), dtype)
        attended = attention_of(self._initial_cell_state, self._coverage_penalty_weight)
        finished = tf.logical_not(first)
        state = BeamSearchDecoderState(
            cell_state=self._initial_cell_state,
            log_probs=tf.where(first, zero, zero - float("inf")),
            finished=finished,
            lengths=tf.zeros([self._batch_size, self._beam_width], tf.int64),
            accumulated_attention_probs=() if attended is None else attended,
        )
        return finished, self._first, state

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> tuple[Any, Any, Any, Any]:
        """Returns the best continuations, the next state, the next inputs, and which beams have ended."""
        with tf.name_scope(name, "BeamSearchDecoderStep"):
            inputs = tf.nest.map_structure(self._merge, inputs)
            cell_state = tf.nest.map_structure(self._merge, state.cell_state)
            logits, cell_state = self._cell(inputs, cell_state)
            logits, cell_state = tf.nest.map_structure(self._split, (logits, cell_state))
            if self._output_layer is not None:
                logits = self._output_layer(logits)
            output, state = self._best(logits, cell_state, state)
            inputs = tf.cond(
                tf.reduce_all(state.finished),
                lambda: self._first,
                lambda: self._embedding_fn(output.predicted_ids),
            )
        return output, state, inputs, state.finished

    def _best(self, logits: Any, cell_state: Any, old: Any) -> tuple[BeamSearchDecoderOutput, BeamSearchDecoderState]:
        symbols = tf.shape(logits)[2]
        alive = tf.logical_not(old.finished)
        log_probs = ended_log_probs(tf.nn.log_softmax(logits), self._end_token, old.finished)
        log_probs += tf.expand_dims(old.log_probs, 2)
        attended = attention_of(cell_state, self._coverage_penalty_weight)
        if attended is not None:
            attended = old.accumulated_attention_probs + attended * tf.expand_dims(tf.cast(alive, attended.dtype), 2)
        rated = scores(
            log_probs,
            tf.expand_dims(old.lengths, 2) + self._added(alive, symbols),
            self._length_penalty_weight,
            self._coverage_penalty_weight,
            old.finished,
            attended,
        )
        best, places = tf.nn.top_k(tf.reshape(rated, [self._batch_size, -1]), self._beam_width)
        chosen, parents = places % symbols, places // symbols
        ended = tf.gather(old.finished, parents, batch_dims=1)
        output = BeamSearchDecoderOutput(*(self._beams(value) for value in (best, chosen, parents)))
        state = BeamSearchDecoderState(
            cell_state=tf.nest.map_structure(lambda part: self._of(part, parents), cell_state),
            log_probs=self._beams(tf.gather(tf.reshape(log_probs, [self._batch_size, -1]), places, batch_dims=1)),
            finished=self._beams(tf.logical_or(ended, tf.equal(chosen, self._end_token))),
            lengths=self._of(old.lengths, parents) + tf.cast(tf.logical_not(ended), tf.int64),
            accumulated_attention_probs=() if attended is None else self._of(attended, parents),
        )
        return output, state

    def _added(self, alive: Any, symbols: Any) -> Any:
        """Returns by how much each symbol makes a beam longer, for scores: 1 for all but the end of living beams."""
        ends = tf.fill(tf.shape(alive), self._end_token)
        others = tf.one_hot(ends, symbols, on_value=0, off_value=1, dtype=tf.int64)
        return others * tf.expand_dims(tf.cast(alive, tf.int64), 2)

    def _beams(self, values: Any) -> Any:
        """Returns values ``[batch, beams]`` with the shape that is known."""
        values.set_shape([tf.get_static_value(self._batch_size), self._beam_width])
        return values

    def _of(self, part: Any, parents: Any) -> Any:
        """Returns the part of the state of other beams; scalars and arrays have no beams."""
        if isinstance(part, tf.TensorArray) or part.shape.rank < 2:
            return part
        taken = tf.gather(part, parents, batch_dims=1)
        taken.set_shape(part.shape)
        return taken

    def _merge(self, part: Any) -> Any:
        """Returns ``[batch * beams, ...]`` of ``[batch, beams, ...]``."""
        if isinstance(part, tf.TensorArray) or self._rank(part) < 2:
            return part
        batch = tf.get_static_value(self._batch_size)
        merged = tf.reshape(part, tf.concat([[self._batch_size * self._beam_width], tf.shape(part)[2:]], 0))
        merged.set_shape(
            tf.TensorShape([None if batch is None else batch * self._beam_width]).concatenate(part.shape[2:])
        )
        return merged

    def _split(self, part: Any) -> Any:
        """Returns ``[batch, beams, ...]`` of ``[batch * beams, ...]``."""
        if isinstance(part, tf.TensorArray) or self._rank(part) < 1:
            return part
        batch, rows = tf.get_static_value(self._batch_size), part.shape.as_list()[0]
        if batch is not None and rows is not None and rows != batch * self._beam_width:
            raise errors.ShapeError(
                errors.explain(
                    "a state has another batch size than batch * beam_width",
                    got=str(part.shape),
                    expected=f"{batch} * {self._beam_width} rows",
                    fix="Make it of tensors that tile_batch(..., multiplier=beam_width) gives.",
                ),
                where="BeamSearchDecoder",
            )
        split = tf.reshape(part, tf.concat([[self._batch_size, self._beam_width], tf.shape(part)[1:]], 0))
        split.set_shape(tf.TensorShape([batch, self._beam_width]).concatenate(part.shape[1:]))
        return split

    @staticmethod
    def _rank(part: Any) -> int:
        if part.shape.rank is None:
            raise errors.ShapeError(
                errors.explain("parts of the state must have a known rank", got=part.name), where="BeamSearchDecoder"
            )
        return part.shape.rank

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> tuple[Any, Any]:
        """Returns whole sequences beside the choices of single steps; lengths are those of the state."""
        longest = tf.cast(tf.reduce_max(final_state.lengths, axis=1), tf.int32)
        sequences = gather_tree(outputs.predicted_ids, outputs.parent_ids, longest, self._end_token)
        if self._reorder_tensor_arrays:

            def ordered(part: Any) -> Any:
                return self._ordered(part, outputs.parent_ids, final_state.lengths)

            final_state = final_state._replace(cell_state=tf.nest.map_structure(ordered, final_state.cell_state))
        return FinalBeamSearchDecoderOutput(sequences, outputs), final_state

    def _ordered(self, part: Any, parents: Any, lengths: Any) -> Any:
        if not isinstance(part, tf.TensorArray):
            return part
        shape = part.element_shape
        if not shape.rank or not self._has_beams(shape):
            tf.logging.warning(
                "BeamSearchDecoder: an array of the state with elements %s is left in the order of the steps.", shape
            )
            return part
        values = part.stack()
        sizes, rows = tf.shape(values), self._batch_size * self._beam_width
        fits = tf.equal(sizes[1], rows)
        if shape.rank > 1:
            apart = tf.logical_and(tf.equal(sizes[1], self._batch_size), tf.equal(sizes[2], self._beam_width))
            fits = tf.logical_or(fits, apart)
        text = "BeamSearchDecoder: elements of an array are no [batch * beams, ...]; pass reorder_tensor_arrays=False."
        with tf.control_dependencies([tf.Assert(fits, [text, sizes])]):
            return gather_tree_from_array(tf.identity(values), parents, lengths)

    def _has_beams(self, shape: Any) -> bool:
        """Whether elements may be split into beams; 1.15 said no where batch and inner size were both known."""
        batch, (rows, inner) = tf.get_static_value(self._batch_size), (*shape.as_list(), None)[:2]
        if batch is None or rows is None:
            return True
        return rows == batch * self._beam_width and (inner is None or (rows, inner) == (batch, self._beam_width))
