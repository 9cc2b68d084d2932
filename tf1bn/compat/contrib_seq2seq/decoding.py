"""The loop that runs a decoder until every sequence has ended, and what it asks of a decoder."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.rnn_base import zeros


class Decoder(abc.ABC):
    """One step of decoding, which :func:`dynamic_decode` repeats.

    A subclass tells the sizes and dtypes of what a step gives, the batch size, where decoding begins, and the step.
    """

    @property
    @abc.abstractmethod
    def batch_size(self) -> Any:
        """Number of sequences."""

    @property
    @abc.abstractmethod
    def output_size(self) -> Any:
        """Structure of the sizes of one step's outputs, without the batch."""

    @property
    @abc.abstractmethod
    def output_dtype(self) -> Any:
        """The same structure of dtypes."""

    @abc.abstractmethod
    def initialize(self, name: str | None = None) -> tuple[Any, Any, Any]:
        """Returns which sequences have ended already, the first inputs and the first state."""

    @abc.abstractmethod
    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> tuple[Any, Any, Any, Any]:
        """Returns the outputs, the next state, the next inputs, and which sequences end with this step."""

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> tuple[Any, Any]:
        """Returns the outputs and the state that the caller of the loop gets; here as they are."""
        return outputs, final_state

    @property
    def tracks_own_finished(self) -> bool:
        """Whether a sequence's end, told once, may move to another place or be taken back; the loop keeps it if not."""
        return False


def dynamic_decode(
    decoder: Any,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: Any = None,
    parallel_iterations: int = 32,
    swap_memory: bool = False,
    scope: Any = None,
) -> tuple[Any, Any, Any]:
    """Runs a decoder until all sequences have ended.

    Args:
      decoder: a :class:`Decoder`.
      output_time_major: whether outputs are ``[time, batch, ...]`` and not ``[batch, time, ...]``.
      impute_finished: whether a sequence that has ended gives zeros and keeps its state. Scalars and arrays of the
        state always go on.
      maximum_iterations: scalar, the most steps; None for no limit.
      parallel_iterations, swap_memory: as of ``tf.while_loop``.
      scope: name or scope of the variables that are made, by default ``decoder``.

    Returns:
      The outputs of all steps, the last state, and the number of steps of each sequence.

    Raises:
      ArgumentTypeError: no decoder. ShapeError: a limit that is no scalar.
    """
    with errors.located("dynamic_decode"):
        if not isinstance(decoder, Decoder):
            raise errors.ArgumentTypeError(
                errors.explain("`decoder` is no Decoder", got=decoder, expected="an instance of a subclass of Decoder")
            )
        with tf.variable_scope(scope, "decoder"):
            limit = _scalar(maximum_iterations)
            loop = _Loop(decoder, impute_finished)
            _, arrays, state, _, _, lengths = tf.while_loop(
                loop.goes_on,
                loop.step,
                loop.begin(limit),
                parallel_iterations=parallel_iterations,
                maximum_iterations=limit,
                swap_memory=swap_memory,
            )
            outputs, state = _finalized(decoder, loop.stacked(arrays), state, lengths)
            if not output_time_major:
                outputs = tf.nest.map_structure(transpose_batch_time, outputs)
            return outputs, state, lengths


class _Loop:
    """The state of the loop: step number, arrays of outputs, the decoder's state and inputs, ends and lengths."""

    def __init__(self, decoder: Decoder, impute: bool) -> None:
        self._decoder, self._impute = decoder, impute
        self._zeros: Any = None
        self._shapes: Any = None

    def begin(self, limit: Any) -> tuple[Any, ...]:
        """Returns the values before the first step."""
        decoder = self._decoder
        finished, inputs, state = decoder.initialize()
        sizes, dtypes = decoder.output_size, decoder.output_dtype
        self._zeros = tf.nest.map_structure(lambda s, d: zeros(s, decoder.batch_size, d), sizes, dtypes)
        arrays = tf.nest.map_structure(self._array, sizes, dtypes)
        if limit is not None:
            finished = tf.logical_or(finished, limit <= 0)
        return tf.constant(0), arrays, state, inputs, finished, tf.zeros_like(finished, tf.int32)

    def _array(self, size: Any, dtype: Any) -> Any:
        shape = None
        if isinstance(size, tf.TensorShape) and size.rank:
            shape = tf.TensorShape([tf.get_static_value(tf.convert_to_tensor(self._decoder.batch_size))])
            shape = shape.concatenate(size)
        return tf.TensorArray(dtype, size=0, dynamic_size=True, element_shape=shape)

    @staticmethod
    def goes_on(time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, lengths: Any) -> Any:
        """Whether a sequence has not ended."""
        return tf.logical_not(tf.reduce_all(finished))

    def step(self, time: Any, arrays: Any, state: Any, inputs: Any, finished: Any, lengths: Any) -> tuple[Any, ...]:
        """Returns the values after one step."""
        outputs, new_state, new_inputs, ended = self._decoder.step(time, inputs, state)
        for before, after in ((state, new_state), (arrays, outputs), (inputs, new_inputs)):
            tf.nest.assert_same_structure(before, after)
        if not self._decoder.tracks_own_finished:
            ended = tf.logical_or(ended, finished)
        lengths = tf.where(finished, lengths, tf.fill(tf.shape(lengths), time + 1))
        if self._impute:
            outputs = tf.nest.map_structure(lambda zero, out: tf.where(finished, zero, out), self._zeros, outputs)
            new_state = tf.nest.map_structure(lambda old, new: _kept(finished, old, new), state, new_state)
        self._shapes = tf.nest.map_structure(lambda out: out.shape, outputs)
        arrays = tf.nest.map_structure(lambda array, out: array.write(time, out), arrays, outputs)
        return time + 1, arrays, new_state, new_inputs, ended, lengths

    def stacked(self, arrays: Any) -> Any:
        """Returns the outputs of all steps ``[time, batch, ...]``.

        Arrays forget the shapes that were written to them in the loop, so these were noted while it was built.
        """

        def one(array: Any, shape: Any) -> Any:
            values = array.stack()
            values.set_shape(tf.TensorShape([None]).concatenate(shape))
            return values

        return tf.nest.map_structure(one, arrays, self._shapes)


def _kept(finished: Any, old: Any, new: Any) -> Any:
    """Returns the old state of sequences that have ended, the new of others."""
    if isinstance(old, tf.TensorArray):
        return new
    new.set_shape(old.shape)
    return new if new.shape.rank == 0 else tf.where(finished, old, new)


def _finalized(decoder: Decoder, outputs: Any, state: Any, lengths: Any) -> tuple[Any, Any]:
    try:
        return decoder.finalize(outputs, state, lengths)
    except NotImplementedError:  # how decoders of 1.15 said that they have none
        return outputs, state


def _scalar(limit: Any) -> Any:
    if limit is None:
        return None
    limit = tf.convert_to_tensor(limit, tf.int32, name="maximum_iterations")
    if limit.shape.rank != 0:
        raise errors.ShapeError(errors.explain("`maximum_iterations` must be a scalar", got=str(limit.shape)))
    return limit


def transpose_batch_time(x: Any) -> Any:
    """Returns a tensor with its first two axes exchanged; what has not two, and arrays, as they are."""
    if isinstance(x, tf.TensorArray) or (x.shape.rank is not None and x.shape.rank < 2):
        return x
    if x.shape.rank is not None:
        return tf.transpose(x, [1, 0, *range(2, x.shape.rank)])
    return tf.transpose(x, tf.concat([[1, 0], tf.range(2, tf.rank(x))], 0))
