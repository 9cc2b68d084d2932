"""``RecordInput`` of tf.contrib.framework: records of many files, shuffled by one op."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


class RecordInput:
    """Reads TFRecords of many files in threads of its own and gives them in random order, without end.

    Args:
      file_pattern: the files, with wildcards.
      batch_size: records of each batch.
      buffer_size: records from which it draws.
      parallelism: files read at once.
      shift_ratio: share of the files by which each pass over them starts later.
      seed: of the order.
      name: of the op.
      batches: how many batches one step gives, as lists of scalars; None for one tensor.
      compression_type: as in ``tf.python_io.TFRecordCompressionType``.
    """

    def __init__(
        self,
        file_pattern: str,
        batch_size: int = 1,
        buffer_size: int = 1,
        parallelism: int = 1,
        shift_ratio: float = 0,
        seed: int = 0,
        name: str | None = None,
        batches: int | None = None,
        compression_type: Any = None,
    ) -> None:
        kinds = tf.python_io.TFRecordCompressionType
        kind = kinds.NONE if compression_type is None else compression_type
        self._batches = batches
        self._records = batch_size * (1 if batches is None else batches)
        self._name = name
        self._settings = {
            "file_pattern": file_pattern,
            "file_buffer_size": buffer_size,
            "file_parallelism": parallelism,
            "file_shuffle_shift_ratio": float(shift_ratio),
            "file_random_seed": seed,
            "compression_type": tf.python_io.TFRecordOptions.get_compression_type_string(kind),
        }

    def get_yield_op(self) -> Any:
        """Returns a tensor ``[batch_size]`` of records, or ``batches`` lists of scalars; new ones in each run."""
        records = tf.raw_ops.RecordInput(batch_size=self._records, name=self._name, **self._settings)
        if self._batches is None:
            return records
        with tf.name_scope(self._name, "RecordInput"):
            each = tf.unstack(tf.ensure_shape(records, [self._records]))
            return [each[place :: self._batches] for place in range(self._batches)]
