"""``tf.contrib.training.bucket``: batches of examples of like size, by queues."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import takes


@dataclass(frozen=True)
class Queued:
    """The last arguments of both functions: the queues."""

    num_threads: int = 1
    capacity: int = 32
    bucket_capacities: Sequence[int] | None = None
    shapes: Sequence[Any] | None = None
    dynamic_pad: bool = False
    allow_smaller_final_batch: bool = False
    keep_input: Any = True
    shared_name: str | None = None
    name: str | None = None

    def queues(self) -> dict[str, Any]:
        """Returns these arguments by name."""
        return {field.name: getattr(self, field.name) for field in fields(Queued)}


@dataclass(frozen=True)
class _Bucketed:
    tensors: Any
    which_bucket: Any
    batch_size: Any
    num_buckets: int


@dataclass(frozen=True)
class Bucket(Queued, _Bucketed):
    """What ``bucket`` is given."""


@dataclass(frozen=True)
class _ByLength:
    input_length: Any
    tensors: Any
    batch_size: Any
    bucket_boundaries: Sequence[int]


@dataclass(frozen=True)
class BucketByLength(Queued, _ByLength):
    """What ``bucket_by_sequence_length`` is given."""


@takes(Bucket)
def bucket(call: Bucket) -> tuple[Any, Any]:
    """Returns the bucket of the next batch and the batch, a list or a dictionary as ``tensors`` is.

    Each example goes into the queue of its bucket; a bucket that has a batch puts it into a common queue.

    Graph effects:
      A queue runner for the buckets and one for the examples; summaries of how full the queues are.

    Args:
      tensors: those of one example.
      which_bucket: its bucket, from 0 on.
      batch_size: one for all buckets, or a list.
      capacity: batches in the common queue, and examples in each bucket unless ``bucket_capacities`` says more.
      dynamic_pad: whether unknown dimensions may differ and are padded.
      allow_smaller_final_batch: whether what is left at the end is a batch, too.
      keep_input: whether this example is taken.

    Raises:
      ArgumentError: lists that do not fit ``num_buckets``, or no tensors; ArgumentTypeError: sparse tensors.
    """
    sizes = _per_bucket("batch_size", call.batch_size, call.num_buckets)
    capacities = _per_bucket("bucket_capacities", call.bucket_capacities or call.capacity, call.num_buckets)
    names = sorted(call.tensors) if isinstance(call.tensors, dict) else None
    listed = _listed([call.tensors[key] for key in names] if names else list(call.tensors))
    with tf.name_scope(call.name, "bucket", listed):
        which, numbers = tf.cast(call.which_bucket, tf.int32), range(call.num_buckets)
        kind = tf.PaddingFIFOQueue if call.dynamic_pad else tf.FIFOQueue
        dtypes = [value.dtype.base_dtype for value in listed]
        own = [tf.TensorShape(shape) for shape in (call.shapes or [value.shape for value in listed])]
        shared = [
            None if call.shared_name is None else f"{call.shared_name}_{number}" for number in range(call.num_buckets)
        ]
        queues = [
            kind(capacities[number], dtypes, own, shared_name=shared[number], name=f"bucket_queue_{number}")
            for number in numbers
        ]
        fixed = sizes[0] if isinstance(call.batch_size, int) and not call.allow_smaller_final_batch else None
        wide = [tf.TensorShape([fixed]).concatenate(shape) for shape in own]
        scalar = tf.TensorShape([])
        top = tf.PaddingFIFOQueue(
            call.capacity, [tf.int32, *dtypes], [scalar, *wide], shared_name=call.shared_name, name="top_queue"
        )
        _start(queues, top, which, listed, sizes, call.keep_input, call.num_threads, call.allow_smaller_final_batch)
        found = top.dequeue(name="dequeue_top")
        batch = list(found[1:])
        return found[0], dict(zip(names, batch, strict=True)) if names else batch


def _start(
    queues: list[Any], top: Any, which: Any, listed: list[Any], sizes: list[Any], keep: Any, threads: int, smaller: bool
) -> None:
    """Adds the queue runners and the summaries."""
    closed = (tf.errors.OutOfRangeError, tf.errors.CancelledError)

    def into(number: int) -> Any:
        chosen = tf.logical_and(tf.equal(which, number), tf.cast(keep, tf.bool))
        return tf.cond(chosen, lambda: _done(queues[number].enqueue(listed)), lambda: _done(tf.no_op()))

    fill = tf.group(*(into(number) for number in range(len(queues))), name="group_enqueues")
    moves: list[Any] = []
    for number, (queue, size) in enumerate(zip(queues, sizes, strict=True)):
        take = queue.dequeue_up_to if smaller else queue.dequeue_many
        taken = take(size, name=f"read_bucket_{number}")
        parts = list(taken) if isinstance(taken, list | tuple) else [taken]
        move = top.enqueue([tf.constant(number), *parts], name=f"enqueue_from_bucket_{number}")
        moves.append(move)
        tf.summary.scalar(f"bucket/{queue.name}/size", tf.cast(queue.size(), tf.float32))
    # One runner for all buckets: when each has given its last batch, it closes the common queue.
    tf.train.add_queue_runner(tf.train.QueueRunner(top, moves, queue_closed_exception_types=closed))
    # The runner of the examples closes all buckets at the end of the input, so that what is left can go on.
    close = tf.group(*(queue.close() for queue in queues))
    cancel = tf.group(*(queue.close(cancel_pending_enqueues=True) for queue in queues))
    tf.train.add_queue_runner(
        tf.train.QueueRunner(queues[0], [fill] * threads, close, cancel, queue_closed_exception_types=closed)
    )


def _done(op: Any) -> Any:
    with tf.control_dependencies([op]):
        return tf.constant(True)


@takes(BucketByLength)
def bucket_by_sequence_length(call: BucketByLength) -> tuple[Any, Any]:
    """Returns the lengths of the next batch and the batch; :func:`bucket` by length.

    Args:
      bucket_boundaries: growing lengths; bucket 0 is below the first, the last one from the last on.

    Raises:
      ArgumentError: boundaries that do not grow; ArgumentTypeError: others than integers.
    """
    where, edges = "bucket_by_sequence_length", list(call.bucket_boundaries)
    if not edges:
        raise errors.ArgumentError(errors.explain("there are no `bucket_boundaries`", got=edges), where=where)
    for edge in edges:
        if not isinstance(edge, int):
            raise errors.ArgumentTypeError(errors.explain("bucket boundaries must be integers", got=edges), where=where)
    if any(a >= b for a, b in itertools.pairwise(edges)):
        raise errors.ArgumentError(errors.explain("the boundaries of the buckets do not rise", got=edges), where=where)
    with tf.name_scope(call.name, "bucket_by_sequence_length"):
        length = tf.cast(call.input_length, tf.int32)
        which = tf.reduce_sum(tf.cast(tf.constant(edges, tf.int32) <= length, tf.int32))
        tensors = {**call.tensors, _LENGTH: length} if isinstance(call.tensors, dict) else [length, *call.tensors]
        shapes = None if call.shapes is None else [tf.TensorShape([]), *call.shapes]
        passed = {**call.queues(), "shapes": shapes, "name": None}
        _, batch = bucket(tensors, which, call.batch_size, len(edges) + 1, **passed)
        if isinstance(batch, dict):
            return batch.pop(_LENGTH), batch
        return batch[0], batch[1:]


_OWN = ("input_length", "tensors", "batch_size", "bucket_boundaries")

_LENGTH = ""
"""Name of the lengths beside a program's tensors: sorted before all others, like the first of a list."""


def _listed(values: list[Any]) -> list[Any]:
    if not values:
        raise errors.ArgumentError("bucket: Expected at least one tensor in bucket().")
    if any(isinstance(value, tf.SparseTensor) for value in values):
        raise errors.ArgumentTypeError(
            errors.explain(
                "sparse tensors are not served",
                fix="Make them dense, or use tf.data.Dataset.bucket_by_sequence_length.",
            ),
            where="bucket",
        )
    return [tf.convert_to_tensor(value) for value in values]


def _per_bucket(name: str, given: Any, count: int) -> list[Any]:
    listed = list(given) if isinstance(given, list | tuple) else [given] * count
    if len(listed) != count:
        raise errors.ArgumentError(
            errors.explain(f"`{name}` must have one entry for each bucket", got=len(listed), expected=str(count)),
            where="bucket",
        )
    return listed
