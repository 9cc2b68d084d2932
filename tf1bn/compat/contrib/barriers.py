"""A barrier: values of one key arrive one after the other, and leave together once all are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf


class Taken(NamedTuple):
    """Entries that were complete: when each came first, the keys, and the values of each component."""

    indices: tf.Tensor
    keys: tf.Tensor
    values: Sequence[tf.Tensor]


class Barrier:
    """A table from keys to rows, whose rows are taken in the order in which they began, once they are complete.

    Args:
      types, shapes: of the components of a row.
    """

    def __init__(self, types: Sequence[tf.DType], shapes: Sequence[Sequence[int]]) -> None:
        self._types, self._shapes = list(types), [tf.TensorShape(shape) for shape in shapes]
        self.barrier_ref = tf.raw_ops.Barrier(component_types=self._types, shapes=self._shapes)

    @property
    def name(self) -> str:
        """The name of the op."""
        return self.barrier_ref.op.name

    def insert_many(self, component_index: int, keys: Any, values: Any, name: str | None = None) -> tf.Operation:
        """Returns an op that writes one component of some rows."""
        return tf.raw_ops.BarrierInsertMany(
            handle=self.barrier_ref, keys=keys, values=values, component_index=component_index, name=name
        )

    def take_many(self, num_elements: Any, allow_small_batch: bool = False, name: str | None = None) -> Taken:
        """Returns complete rows, which leave the table; waits for them.

        Args:
          allow_small_batch: whether fewer rows will do once the barrier is closed.
        """
        found = tf.raw_ops.BarrierTakeMany(
            handle=self.barrier_ref,
            num_elements=num_elements,
            component_types=self._types,
            allow_small_batch=allow_small_batch,
            name=name,
        )
        size = None if allow_small_batch else tf.get_static_value(tf.convert_to_tensor(num_elements))
        for value, shape in zip(found.values, self._shapes, strict=True):
            value.set_shape(tf.TensorShape([size]).concatenate(shape))
        return Taken(found.indices, found.keys, found.values)

    def ready_size(self, name: str | None = None) -> tf.Tensor:
        """Returns how many rows are complete."""
        return tf.raw_ops.BarrierReadySize(handle=self.barrier_ref, name=name)

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> tf.Operation:
        """Returns an op after which no new keys are taken."""
        return tf.raw_ops.BarrierClose(
            handle=self.barrier_ref, cancel_pending_enqueues=cancel_pending_enqueues, name=name
        )
