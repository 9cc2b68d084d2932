"""Helpers: what a :class:`BasicDecoder` chooses from the output of a step, and what it reads next."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_seq2seq.decoding import transpose_batch_time
from tf1bn.compat.contrib_seq2seq.draws import categorical
from tf1bn.compat.contrib_seq2seq.outputs import embedder, tokens


class Helper(abc.ABC):
    """Chooses from outputs and gives the next inputs; for subclasses."""

    @property
    @abc.abstractmethod
    def batch_size(self) -> Any:
        """Number of sequences."""

    @property
    @abc.abstractmethod
    def sample_ids_shape(self) -> Any:
        """Shape of a choice, without the batch."""

    @property
    @abc.abstractmethod
    def sample_ids_dtype(self) -> Any:
        """Dtype of a choice."""

    @abc.abstractmethod
    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns which sequences have ended already, and the first inputs."""

    @abc.abstractmethod
    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Returns the choices from the outputs of a step."""

    @abc.abstractmethod
    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Returns which sequences end, the next inputs and the next state."""


class _Symbols(Helper):
    """A helper whose choices are numbers of symbols, one for each sequence."""

    _batch_size: Any

    @property
    def batch_size(self) -> Any:
        """Number of sequences."""
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """That of a scalar."""
        return tf.TensorShape([])

    @property
    def sample_ids_dtype(self) -> Any:
        """int32."""
        return tf.int32


class CustomHelper(Helper):
    """A helper made of three functions.

    Args:
      initialize_fn: returns ``(finished, next_inputs)``.
      sample_fn: takes ``time``, ``outputs`` and ``state`` by name and returns the choices.
      next_inputs_fn: takes ``time``, ``outputs``, ``state`` and ``sample_ids`` by name and returns
        ``(finished, next_inputs, next_state)``.
      sample_ids_shape, sample_ids_dtype: of a choice; by default a scalar of int32.
    """

    def __init__(
        self,
        initialize_fn: Callable[..., Any],
        sample_fn: Callable[..., Any],
        next_inputs_fn: Callable[..., Any],
        sample_ids_shape: Any = None,
        sample_ids_dtype: Any = None,
    ) -> None:
        self._initialize_fn, self._sample_fn, self._next_inputs_fn = initialize_fn, sample_fn, next_inputs_fn
        self._sample_ids_shape = tf.TensorShape([] if sample_ids_shape is None else sample_ids_shape)
        self._sample_ids_dtype = sample_ids_dtype or tf.int32
        self._batch_size: Any = None

    @property
    def batch_size(self) -> Any:
        """Number of sequences.

        Raises:
          ArgumentError: before ``initialize``, which finds it out.
        """
        if self._batch_size is None:
            raise errors.ArgumentError(
                errors.explain("`batch_size` is not known before `initialize` was called"), where=type(self).__name__
            )
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """Shape of a choice, without the batch."""
        return self._sample_ids_shape

    @property
    def sample_ids_dtype(self) -> Any:
        """Dtype of a choice."""
        return self._sample_ids_dtype

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns what the first function does."""
        with tf.name_scope(name, f"{type(self).__name__}Initialize"):
            finished, inputs = self._initialize_fn()
            if self._batch_size is None:
                self._batch_size = tf.size(finished)
            return finished, inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Returns what the second function does."""
        with tf.name_scope(name, f"{type(self).__name__}Sample"):
            drawn = self._sample_fn(time=time, outputs=outputs, state=state)
        return drawn

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Returns what the third function does."""
        with tf.name_scope(name, f"{type(self).__name__}NextInputs"):
            return self._next_inputs_fn(time=time, outputs=outputs, state=state, sample_ids=sample_ids)


class TrainingHelper(_Symbols):
    """Feeds given inputs, whatever the decoder gives; its choice is the largest output.

    Args:
      inputs: tensor, or a tuple or dictionary of them, ``[batch, time, ...]``.
      sequence_length: vector, the number of steps of each sequence.
      time_major: whether the inputs are ``[time, batch, ...]``.

    Raises:
      ShapeError: ``sequence_length`` is no vector.
    """

    def __init__(self, inputs: Any, sequence_length: Any, time_major: bool = False, name: str | None = None) -> None:
        with tf.name_scope(name, "TrainingHelper"):
            self._inputs = as_tensors(inputs)
            across = self._inputs if time_major else tf.nest.map_structure(transpose_batch_time, self._inputs)
            self._input_tas = tf.nest.map_structure(as_array, across)
            self._sequence_length = tf.convert_to_tensor(sequence_length, name="sequence_length")
            if self._sequence_length.shape.rank != 1:
                raise errors.ShapeError(
                    errors.explain("`sequence_length` must be a vector", got=str(self._sequence_length.shape)),
                    where=type(self).__name__,
                )
            self._zero_inputs = tf.nest.map_structure(_zero_step, across)
            self._batch_size = tf.size(self._sequence_length)

    @property
    def inputs(self) -> Any:
        """The inputs as they were given."""
        return self._inputs

    @property
    def sequence_length(self) -> Any:
        """The number of steps of each sequence."""
        return self._sequence_length

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns which sequences are empty, and the inputs of step 0."""
        with tf.name_scope(name, "TrainingHelperInitialize"):
            return self._read(tf.constant(0))

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        """Returns the place of the largest output."""
        with tf.name_scope(name, "TrainingHelperSample"):
            return tf.argmax(outputs, axis=-1, output_type=tf.int32)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any = None, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Returns the inputs of the next step."""
        with tf.name_scope(name, "TrainingHelperNextInputs"):
            return (*self._read(time + 1), state)

    def _read(self, time: Any) -> tuple[Any, Any]:
        """Returns which sequences have no such step, and its inputs; zeros where none has it."""
        finished = tf.cast(time, self._sequence_length.dtype) >= self._sequence_length
        inputs = tf.cond(
            tf.reduce_all(finished),
            lambda: self._zero_inputs,
            lambda: tf.nest.map_structure(lambda array: array.read(time), self._input_tas),
        )
        tf.nest.map_structure(lambda value, zero: value.set_shape(zero.shape), inputs, self._zero_inputs)
        return finished, inputs


class GreedyEmbeddingHelper(_Symbols):
    """Chooses the largest output and feeds its embedding.

    Args:
      embedding: a function of a vector of ids, or the table to look them up in.
      start_tokens: vector, the first symbol of each sequence.
      end_token: scalar, the symbol that ends a sequence.

    Raises:
      ShapeError: ``start_tokens`` is no vector, or ``end_token`` no scalar.
    """

    def __init__(self, embedding: Any, start_tokens: Any, end_token: Any) -> None:
        self._embedding_fn = embedder(embedding)
        self._start_tokens, self._end_token = tokens(type(self).__name__, start_tokens, end_token)
        self._batch_size = tf.size(self._start_tokens)
        self._first = self._embedding_fn(self._start_tokens)

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns that nothing has ended, and the embedded first symbols."""
        return tf.tile([False], [self._batch_size]), self._first

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Returns the place of the largest output.

        Raises:
          ArgumentTypeError: the outputs are no single tensor.
        """
        return tf.argmax(_single(self, outputs), axis=-1, output_type=tf.int32)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Returns the embedded choices."""
        finished = tf.equal(sample_ids, self._end_token)
        inputs = tf.cond(tf.reduce_all(finished), lambda: self._first, lambda: self._embedding_fn(sample_ids))
        return finished, inputs, state


class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """Draws a symbol with the probabilities ``softmax(outputs / softmax_temperature)`` and feeds its embedding."""

    def __init__(
        self, embedding: Any, start_tokens: Any, end_token: Any, softmax_temperature: Any = None, seed: Any = None
    ) -> None:
        super().__init__(embedding, start_tokens, end_token)
        self._softmax_temperature, self._seed = softmax_temperature, seed

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Returns a draw.

        Raises:
          ArgumentTypeError: the outputs are no single tensor.
        """
        logits = _single(self, outputs)
        return categorical(
            logits if self._softmax_temperature is None else logits / self._softmax_temperature, self._seed
        )


class InferenceHelper(Helper):
    """Chooses by a function and feeds the choice, or what a second function makes of it.

    Args:
      sample_fn: maps outputs to choices.
      sample_shape, sample_dtype: of a choice.
      start_inputs: the first inputs.
      end_fn: maps choices to a bool for each sequence: whether it ends.
      next_inputs_fn: maps choices to inputs; None where they are inputs themselves.
    """

    def __init__(
        self,
        sample_fn: Callable[[Any], Any],
        sample_shape: Any,
        sample_dtype: Any,
        start_inputs: Any,
        end_fn: Callable[[Any], Any],
        next_inputs_fn: Callable[[Any], Any] | None = None,
    ) -> None:
        self._sample_fn, self._end_fn, self._next_inputs_fn = sample_fn, end_fn, next_inputs_fn
        self._sample_shape, self._sample_dtype = tf.TensorShape(sample_shape), sample_dtype
        self._start_inputs = tf.convert_to_tensor(start_inputs, name="start_inputs")
        self._batch_size = tf.shape(self._start_inputs)[0]

    @property
    def batch_size(self) -> Any:
        """Number of sequences."""
        return self._batch_size

    @property
    def sample_ids_shape(self) -> Any:
        """Shape of a choice, without the batch."""
        return self._sample_shape

    @property
    def sample_ids_dtype(self) -> Any:
        """Dtype of a choice."""
        return self._sample_dtype

    def initialize(self, name: str | None = None) -> tuple[Any, Any]:
        """Returns that nothing has ended, and the first inputs."""
        return tf.tile([False], [self._batch_size]), self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Returns what ``sample_fn`` makes of the outputs."""
        return self._sample_fn(outputs)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> tuple[Any, Any, Any]:
        """Returns the choices, or what ``next_inputs_fn`` makes of them."""
        inputs = sample_ids if self._next_inputs_fn is None else self._next_inputs_fn(sample_ids)
        return self._end_fn(sample_ids), inputs, state


def as_tensors(inputs: Any) -> Any:
    """Returns a tuple or dictionary with a tensor for each part, of anything else one tensor."""
    if isinstance(inputs, tuple | dict):
        return tf.nest.map_structure(tf.convert_to_tensor, inputs)
    return tf.convert_to_tensor(inputs, name="inputs")


def as_array(values: Any) -> Any:
    """Returns an array whose entries are the steps of a tensor ``[time, batch, ...]``."""
    array = tf.TensorArray(values.dtype, size=tf.shape(values)[0], element_shape=values.shape[1:])
    return array.unstack(values)


def _zero_step(values: Any) -> tf.Tensor:
    """Returns zeros of the shape of one step, also where there is no step."""
    zero = tf.zeros(tf.shape(values)[1:], values.dtype)
    zero.set_shape(values.shape[1:])
    return zero


def _single(helper: Helper, outputs: Any) -> tf.Tensor:
    if not isinstance(outputs, tf.Tensor):
        raise errors.ArgumentTypeError(
            errors.explain("outputs must be one tensor of logits", got=outputs), where=type(helper).__name__
        )
    return outputs
