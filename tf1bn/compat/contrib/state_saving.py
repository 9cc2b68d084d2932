"""Batches of segments of long sequences, whose states go from one segment to the next: tf.contrib.training.

An example of many steps is cut into segments of ``num_unroll``. Each is a row of a barrier that lacks only its states:
for the first segment these are the initial ones, for each other what ``save_state`` was given for the one before.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib.barriers import Barrier

_BOOKKEEPING = ("length", "total_length", "next_key", "sequence", "sequence_count")


class NextQueuedSequenceBatch:
    """One batch of segments; what ``SequenceQueueingStateSaver.next_batch`` gives.

    Attributes:
      batch_size: how many segments there are.
      key, next_key: ``"00001_of_00003:key"`` of each segment and of the one after, which is ``"STOP:key"`` at the end.
      sequence, sequence_count: the place of each segment among those of its example, and how many they are.
      length, total_length: steps of each segment, and of its example, that are no padding.
      insertion_index: rises with each example, from -2^63.
      sequences: tensors ``[batch_size, num_unroll, ...]`` by name.
      context: tensors ``[batch_size, ...]`` by name.
    """

    def __init__(self, state_saver: SequenceQueueingStateSaver) -> None:
        self._saver = state_saver
        taken = state_saver.barrier.take_many(state_saver.batch_size, state_saver.allow_small_batch, "BarrierTakeMany")
        found = dict(zip(state_saver.components, taken.values, strict=True))
        self.insertion_index, self.key = taken.indices, taken.keys
        self.length, self.total_length, self.next_key = (found["", name] for name in _BOOKKEEPING[:3])
        self.sequence, self.sequence_count = (found["", name] for name in _BOOKKEEPING[3:])
        self.context = {name: value for (kind, name), value in found.items() if kind == "context"}
        self.sequences = {name: value for (kind, name), value in found.items() if kind == "sequence"}
        self.batch_size = tf.shape(self.length)[0]
        self._goes_on = tf.less(self.sequence + 1, self.sequence_count)
        states = {name: value for (kind, name), value in found.items() if kind == "state"}
        with tf.control_dependencies([state_saver.let_in(tf.logical_not(self._goes_on))]):
            self._states = {name: tf.identity(value) for name, value in states.items()}

    def state(self, state_name: str) -> tf.Tensor:
        """Returns the states ``[batch_size, ...]`` that the segments begin with.

        Raises:
          UnknownNameError: there is no such state.
        """
        return self._states[self._known(state_name)]

    def save_state(self, state_name: str, value: Any, name: str | None = None) -> tf.Operation:
        """Returns an op that keeps the states for the segments after these; without it, they never come.

        Raises:
          UnknownNameError: there is no such state.
        """
        index = self._saver.components.index(("state", self._known(state_name)))
        with tf.name_scope(name, "InputQueueingStateSaver_SaveState", [value]):
            given = tf.convert_to_tensor(value)
            given.set_shape(given.shape.merge_with(self._states[state_name].shape))
            keys, kept = (tf.boolean_mask(part, self._goes_on) for part in (self.next_key, given))
            return self._saver.barrier.insert_many(index, keys, kept, f"BarrierInsertState_{state_name}")

    def _known(self, name: str) -> str:
        if name not in self._states:
            raise errors.UnknownNameError(
                errors.explain("no such state", got=name, expected=" or ".join(sorted(self._states))),
                where="NextQueuedSequenceBatch",
            )
        return name


class SequenceQueueingStateSaver:
    """Cuts examples into segments, batches these, and carries states from each to the next.

    Args:
      batch_size: segments of a batch, each of another example.
      num_unroll: steps of a segment; the length of all sequences is a multiple of it.
      input_length: steps that are no padding, a scalar int32.
      input_key: a scalar string, unique among the examples that are under way.
      input_sequences: tensors ``[steps, ...]`` by name.
      input_context: tensors by name that every segment of the example gets.
      initial_states: values by name.
      capacity: examples that may be under way; None for any number.
      allow_small_batch: whether the last batches may be smaller. Segments can get lost where a step waits for a full
        batch just when the input ends: TensorFlow's barrier then drops what that step has taken already.
      name: of the scope.

    Raises:
      ArgumentError: no states, a colon in the name of one, or a capacity below the batch size.
      ArgumentTypeError: a length that is not int32, or a key that is no string.
      ShapeError: a shape is not known, but for the number of steps.
    """

    def __init__(
        self,
        batch_size: Any,
        num_unroll: int,
        input_length: Any,
        input_key: Any,
        input_sequences: Mapping[str, Any],
        input_context: Mapping[str, Any],
        initial_states: Mapping[str, Any],
        capacity: int | None = None,
        allow_small_batch: bool = False,
        name: str | None = None,
    ) -> None:
        self.batch_size, self.num_unroll, self.allow_small_batch = batch_size, num_unroll, allow_small_batch
        with errors.located("SequenceQueueingStateSaver"):
            _check_arguments(initial_states, capacity, batch_size)
            with tf.name_scope(name, "InputQueueingStateSaver") as scope:
                self.name = scope
                self._key, self._length = tf.convert_to_tensor(input_key), tf.convert_to_tensor(input_length)
                groups = {"sequence": input_sequences, "context": input_context, "state": initial_states}
                self._inputs = {
                    (kind, key): tf.convert_to_tensor(group[key])
                    for kind, group in groups.items()
                    for key in sorted(group)
                }
                self._check_tensors()
                self._places = tf.FIFOQueue(-1 if capacity is None else capacity, [tf.int32], [[]])
                self.barrier = self._barrier()

    @property
    def components(self) -> list[tuple[str, str]]:
        """The kind and name of each component of the barrier."""
        return [*(("", name) for name in _BOOKKEEPING), *self._inputs]

    @functools.cached_property
    def prefetch_op(self) -> tf.Operation:
        """Takes in one example; to be run again and again, in threads of their own."""
        with tf.name_scope(self.name):
            return self._prefetch()

    @functools.cached_property
    def next_batch(self) -> NextQueuedSequenceBatch:
        """The batch; ``prefetch_op`` must run beside it."""
        with tf.name_scope(self.name):
            return NextQueuedSequenceBatch(self)

    def let_in(self, done: tf.Tensor) -> tf.Operation:
        """Returns an op that makes room for as many examples as are done."""
        return self._places.dequeue_many(tf.reduce_sum(tf.cast(done, tf.int32))).op

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> tf.Operation:
        """Returns an op after which no example is taken in; those under way go on unless they are cancelled."""
        with tf.name_scope(name, "SQSSClose") as scope:
            closed = self.barrier.close(cancel_pending_enqueues), self._places.close(cancel_pending_enqueues)
            return tf.group(*closed, name=scope)

    def runner(self, num_threads: int) -> tf.train.QueueRunner:
        """Returns a runner whose threads take examples in."""
        # A second closing of the barrier, by cancel_op, would wait for ever; the threads wait for places alone.
        return tf.train.QueueRunner(
            enqueue_ops=[self.prefetch_op] * num_threads,
            queue=self._places,
            close_op=self.close(),
            cancel_op=self._places.close(cancel_pending_enqueues=True),
            queue_closed_exception_types=(tf.errors.OutOfRangeError, tf.errors.CancelledError),
        )

    def _check_tensors(self) -> None:
        for word, tensor, dtype in (("input_length", self._length, tf.int32), ("input_key", self._key, tf.string)):
            if tensor.dtype != dtype:
                raise errors.ArgumentTypeError(
                    errors.explain(f"`{word}` has another dtype", got=tensor.dtype.name, expected=dtype.name)
                )
            tensor.shape.assert_is_compatible_with([])
        for (kind, name), tensor in self._inputs.items():
            if not (tensor.shape[1:] if kind == "sequence" else tensor.shape).is_fully_defined():
                raise errors.ShapeError(errors.explain(f"the shape of {kind} {name!r} is not known", got=tensor.shape))

    def _barrier(self) -> Barrier:
        types = [tf.string if name == "next_key" else tf.int32 for name in _BOOKKEEPING]
        shapes: list[Any] = [[] for _ in _BOOKKEEPING]
        for (kind, _), tensor in self._inputs.items():
            types.append(tensor.dtype.base_dtype)
            steps = [self.num_unroll, *tensor.shape.as_list()[1:]] if kind == "sequence" else tensor.shape.as_list()
            shapes.append(steps)
        return Barrier(types, shapes)

    def _prefetch(self) -> tf.Operation:
        steps = [tf.shape(tensor)[0] for (kind, _), tensor in self._inputs.items() if kind == "sequence"]
        with tf.control_dependencies(self._asserts(steps)):
            count = steps[0] // self.num_unroll
        place = tf.range(count)
        numbers = [tf.as_string(number, width=5, fill="0") for number in (place, count)]
        keys = tf.strings.join([numbers[0], "_of_", numbers[1], ":", self._key])
        with tf.control_dependencies([count]):
            room = self._places.enqueue(0)
        rows: dict[tuple[str, str], Any] = {
            ("", "length"): tf.clip_by_value(self._length - self.num_unroll * place, 0, self.num_unroll),
            ("", "total_length"): tf.fill([count], self._length),
            ("", "next_key"): tf.concat([keys[1:], [tf.strings.join(["STOP:", self._key])]], 0),
            ("", "sequence_count"): tf.fill([count], count),
        }
        for (kind, name), tensor in self._inputs.items():
            if kind != "state":
                rows[kind, name] = self._segments(kind, tensor, count)
        # The first insertion gives all segments of the example one index, by which the barrier hands them out.
        with tf.control_dependencies([room]):
            first = self.barrier.insert_many(self.components.index(("", "sequence")), keys, place)
        with tf.control_dependencies([first]):
            others = [self.barrier.insert_many(self.components.index(row), keys, value) for row, value in rows.items()]
            states = [
                self.barrier.insert_many(self.components.index(("state", name)), keys[:1], tensor[None])
                for (kind, name), tensor in self._inputs.items()
                if kind == "state"
            ]
        return tf.group(*others, *states)

    def _segments(self, kind: str, tensor: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """Returns one row of an input for each segment."""
        if kind == "sequence":
            return tf.reshape(tensor, [count, self.num_unroll, *tensor.shape.as_list()[1:]])
        return tf.tile(tensor[None], [count, *(1 for _ in tensor.shape)])

    def _asserts(self, steps: list[tf.Tensor]) -> list[Any]:
        told = ["The sequences of", self._key, "have other lengths, or no multiple of num_unroll: ", *steps]
        same = [tf.Assert(tf.equal(other, steps[0]), told) for other in steps[1:]]
        fits = tf.Assert(tf.equal(steps[0] % self.num_unroll, 0) & (steps[0] > 0), told)
        short = tf.Assert(self._length <= steps[0], ["input_length is more than the sequences have: ", self._length])
        return [*same, fits, short]


def batch_sequences_with_states(
    input_key: Any,
    input_sequences: Mapping[str, Any],
    input_context: Mapping[str, Any],
    input_length: Any,
    initial_states: Mapping[str, Any],
    num_unroll: int,
    batch_size: Any,
    num_threads: int = 3,
    capacity: int = 1000,
    allow_small_batch: bool = True,
    pad: bool = True,
    make_keys_unique: bool = False,
    make_keys_unique_seed: int | None = None,
    name: str | None = None,
) -> NextQueuedSequenceBatch:
    """Returns the batch of a ``SequenceQueueingStateSaver``, which queue runners of the graph fill.

    Args:
      input_length: None with ``pad`` for the length that the sequences have.
      num_threads: threads that take examples in.
      pad: whether zeros are added up to the next multiple of ``num_unroll``.
      make_keys_unique: whether a random number is put behind each key, drawn with ``make_keys_unique_seed``.
      others: as of ``SequenceQueueingStateSaver``.

    Raises:
      ArgumentError: no ``input_length`` without ``pad``.
    """
    if input_length is None and not pad:
        raise errors.ArgumentError("`input_length` is needed without `pad`.", where="batch_sequences_with_states")
    with tf.name_scope(name, "batch_sequences_with_states"):
        sequences = {key: tf.convert_to_tensor(value) for key, value in input_sequences.items()}
        if input_length is None and sequences:
            input_length = tf.shape(next(iter(sequences.values())))[0]
        if pad:
            sequences = {key: _padded(value, num_unroll) for key, value in sequences.items()}
        if make_keys_unique:
            number = tf.random_uniform([], 0, tf.int64.max, tf.int64, seed=make_keys_unique_seed)
            input_key = tf.strings.join([input_key, ":", tf.as_string(number)])
        saver = SequenceQueueingStateSaver(
            batch_size,
            num_unroll,
            input_length,
            input_key,
            sequences,
            input_context,
            initial_states,
            capacity,
            allow_small_batch,
        )
        ready = tf.cast(saver.barrier.ready_size(), tf.float32)
        tf.summary.scalar(f"queue/{saver.barrier.name}/ready_segment_batches_", ready)
        tf.train.add_queue_runner(saver.runner(num_threads))
        return saver.next_batch


def _padded(tensor: tf.Tensor, num_unroll: int) -> tf.Tensor:
    lacking = -tf.shape(tensor)[0] % num_unroll
    padded = tf.pad(tensor, [[0, lacking], *([0, 0] for _ in tensor.shape[1:])])
    padded.set_shape([None, *tensor.shape.as_list()[1:]])
    return padded


def _check_arguments(initial_states: Mapping[str, Any], capacity: int | None, batch_size: Any) -> None:
    if not isinstance(initial_states, Mapping) or not initial_states:
        raise errors.ArgumentError(
            errors.explain("`initial_states` must be a dictionary, not empty", got=initial_states)
        )
    for name in initial_states:
        if ":" in name:
            raise errors.ArgumentError(errors.explain("the name of a state must not have a colon", got=name))
    if capacity is not None and isinstance(batch_size, int) and capacity < batch_size:
        raise errors.ArgumentError(
            errors.explain("`capacity` is below the batch size", got=capacity, expected=f"at least {batch_size}")
        )
