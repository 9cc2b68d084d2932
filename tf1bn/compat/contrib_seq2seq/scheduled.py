"""Helpers of training that now and then feed what the decoder gave instead of the given inputs.

Source: Bengio, Vinyals, Jaitly, Shazeer: Scheduled sampling for sequence prediction with recurrent networks (2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import made_with
from tf1bn.compat.contrib_seq2seq.decoding import transpose_batch_time
from tf1bn.compat.contrib_seq2seq.draws import bernoulli, categorical
from tf1bn.compat.contrib_seq2seq.inputs import TrainingHelper, as_array
from tf1bn.compat.contrib_seq2seq.outputs import embedder


@dataclass(frozen=True)
class Scheduled:
    """What both helpers take; only the one of symbols has an ``embedding``."""

    inputs: Any
    sequence_length: Any
    embedding: Any = field(init=False)
    sampling_probability: Any
    time_major: bool = False
    seed: Any = None


@dataclass(frozen=True)
class ScheduledEmbedding(Scheduled):
    """What ``ScheduledEmbeddingTrainingHelper`` takes."""

    embedding: Any
    scheduling_seed: Any = None
    name: str | None = None


@dataclass(frozen=True)
class ScheduledOutput(Scheduled):
    """What ``ScheduledOutputTrainingHelper`` takes."""

    next_inputs_fn: Callable[[Any], Any] | None = None
    auxiliary_inputs: Any = None
    name: str | None = None


class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """Feeds with a probability the embedding of a symbol drawn from the outputs, else the given input.

    Its choices are the symbols that were drawn, and -1 where none was.

    Args:
      embedding: a function of a vector of ids, or the table to look them up in.
      sampling_probability: scalar or vector with an entry for each sequence.
      seed: of the symbols; ``scheduling_seed``: of whether one is drawn.

    Raises:
      ShapeError: a probability of a higher rank, or lengths that are no vector.
    """

    @made_with(ScheduledEmbedding)
    def __init__(self, call: ScheduledEmbedding) -> None:
        with tf.name_scope(call.name, "ScheduledEmbeddingSamplingWrapper"):
            self._embedding_fn = embedder(call.embedding)
            self._sampling_probability = _probability(type(self).__name__, call.sampling_probability)
            self._seed, self._scheduling_seed = call.seed, call.scheduling_seed
            super().__init__(call.inputs, call.sequence_length, call.time_major, call.name)

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        """Returns symbols, and -1 where none is drawn."""
        with tf.name_scope(name, "ScheduledEmbeddingTrainingHelperSample"):
            chosen = bernoulli(self._sampling_probability, self.batch_size, self._scheduling_seed)
            return tf.where(chosen, categorical(outputs, self._seed), tf.fill([self.batch_size], -1))

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any = None, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Returns the given inputs, with the embedded symbols in the places of those that were drawn."""
        with tf.name_scope(name, "ScheduledEmbeddingTrainingHelperNextInputs"):
            finished, given, state = super().next_inputs(time, outputs, state)

            def mixed() -> Any:
                return _replaced(given, sample_ids > -1, lambda rows: self._embedding_fn(tf.gather(sample_ids, rows)))

            return finished, tf.cond(tf.reduce_all(finished), lambda: given, mixed), state


class ScheduledOutputTrainingHelper(TrainingHelper):
    """Feeds with a probability the output of the step, else the given input.

    Its choices are 1 where the output is fed, else 0.

    Args:
      sampling_probability: scalar or vector with an entry for each sequence.
      next_inputs_fn: maps outputs to inputs; None where they are inputs themselves.
      auxiliary_inputs: what is joined to the last axis of each input, given or made of an output.

    Raises:
      ShapeError: a probability of a higher rank, or lengths that are no vector.
    """

    @made_with(ScheduledOutput)
    def __init__(self, call: ScheduledOutput) -> None:
        inputs = call.inputs
        with tf.name_scope(call.name, "ScheduledOutputTrainingHelper"):
            self._sampling_probability = _probability(type(self).__name__, call.sampling_probability)
            self._auxiliary_input_tas: Any = None
            if call.auxiliary_inputs is not None:
                beside = tf.convert_to_tensor(call.auxiliary_inputs, name="auxiliary_inputs")
                inputs = tf.concat([tf.convert_to_tensor(inputs, name="inputs"), beside], -1)
                self._auxiliary_input_tas = as_array(beside if call.time_major else transpose_batch_time(beside))
            self._seed, self._next_inputs_fn = call.seed, call.next_inputs_fn
            super().__init__(inputs, call.sequence_length, call.time_major, call.name)

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        """Returns 1 for each sequence that is fed its output next."""
        with tf.name_scope(name, "ScheduledOutputTrainingHelperSample"):
            return tf.cast(bernoulli(self._sampling_probability, self.batch_size, self._seed), tf.int32)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any = None, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Returns the given inputs, with outputs in the places that were chosen."""
        with tf.name_scope(name, "ScheduledOutputTrainingHelperNextInputs"):
            finished, given, state = super().next_inputs(time, outputs, state)
            chosen = tf.cast(sample_ids, tf.bool)
            asis = tf.logical_or(tf.reduce_all(finished), tf.logical_not(tf.reduce_any(chosen)))

            def mixed() -> Any:
                return _replaced(given, chosen, lambda rows: self._made(time + 1, tf.gather(outputs, rows), rows))

            return finished, tf.cond(asis, lambda: given, mixed), state

    def _made(self, time: Any, outputs: Any, rows: Any) -> Any:
        inputs = outputs if self._next_inputs_fn is None else self._next_inputs_fn(outputs)
        if self._auxiliary_input_tas is None:
            return inputs
        return tf.concat([inputs, tf.gather(self._auxiliary_input_tas.read(time), rows)], -1)


def _replaced(given: Any, chosen: Any, make: Callable[[Any], Any]) -> Any:
    """Returns rows of inputs, with what ``make`` gives for the numbers of the chosen ones in their places.

    Only chosen rows are made, so an embedding meets no -1.
    """
    rows = tf.reshape(tf.where(chosen), [-1])
    others = tf.reshape(tf.where(tf.logical_not(chosen)), [-1])
    shape = tf.shape(given, out_type=tf.int64)
    made = tf.scatter_nd(tf.expand_dims(rows, 1), make(rows), shape)
    return made + tf.scatter_nd(tf.expand_dims(others, 1), tf.gather(given, others), shape)


def _probability(where: str, probability: Any) -> tf.Tensor:
    probability = tf.convert_to_tensor(probability, name="sampling_probability")
    if probability.shape.rank not in (0, 1):
        raise errors.ShapeError(
            errors.explain("`sampling_probability` must be a scalar or a vector", got=str(probability.shape)),
            where=where,
        )
    return probability
