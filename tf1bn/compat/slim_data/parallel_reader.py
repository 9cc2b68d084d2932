"""``slim.parallel_reader``: several readers that fill one queue of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

__all__ = ["ParallelReader", "get_data_files", "parallel_read", "single_pass_read"]


class ParallelReader:
    """Readers of one class, whose records go through a common queue.

    Args:
      reader_class: for example ``tf.TFRecordReader``.
      common_queue: a queue of a key and a value, both strings.

    Raises:
      ArgumentTypeError: another queue.
    """

    def __init__(
        self,
        reader_class: Any,
        common_queue: Any,
        num_readers: int = 4,
        reader_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        if [tf.as_dtype(dtype) for dtype in common_queue.dtypes] != [tf.string, tf.string]:
            raise errors.ArgumentTypeError(
                errors.explain("`common_queue` must hold pairs of strings", got=common_queue.dtypes),
                where="ParallelReader",
            )
        self._readers = [reader_class(**dict(reader_kwargs or {})) for _ in range(num_readers)]
        self._queue = common_queue

    @property
    def num_readers(self) -> int:
        """How many readers there are."""
        return len(self._readers)

    @property
    def common_queue(self) -> Any:
        """The queue of records."""
        return self._queue

    def read(self, queue: Any, name: str | None = None) -> Any:
        """Returns key and value of the next record of the files of a queue; adds a queue runner."""
        self._start(queue)
        return self._queue.dequeue(name=name)

    def read_up_to(self, queue: Any, num_records: Any, name: str | None = None) -> Any:
        """Returns keys and values of the next records, fewer at the end; adds a queue runner."""
        self._start(queue)
        return self._queue.dequeue_up_to(num_records, name)

    def num_records_produced(self, name: str | None = None) -> Any:
        """Returns how many records all readers have given."""
        return tf.add_n([reader.num_records_produced() for reader in self._readers], name=name)

    def num_work_units_completed(self, name: str | None = None) -> Any:
        """Returns how many files all readers have finished."""
        return tf.add_n([reader.num_work_units_completed() for reader in self._readers], name=name)

    def _start(self, queue: Any) -> None:
        fills = [self._queue.enqueue(reader.read(queue)) for reader in self._readers]
        tf.train.add_queue_runner(tf.train.QueueRunner(self._queue, fills))


def parallel_read(
    data_sources: Any,
    reader_class: Any,
    num_epochs: int | None = None,
    num_readers: int = 4,
    reader_kwargs: Mapping[str, Any] | None = None,
    shuffle: bool = True,
    dtypes: Sequence[Any] | None = None,
    capacity: int = 256,
    min_after_dequeue: int = 128,
    seed: int | None = None,
    scope: str | None = None,
) -> Any:
    """Returns key and value of the next record of all files.

    Graph effects:
      Queue runners of the files and of the records, a summary of how full the queue is, and with ``num_epochs`` a local
      variable that counts.

    Args:
      shuffle: whether files and records come in random order, records out of ``min_after_dequeue`` at least.
    """
    files = get_data_files(data_sources)
    with tf.name_scope(scope, "parallel_read"):
        names = tf.train.string_input_producer(
            files, num_epochs=num_epochs, shuffle=shuffle, seed=seed, name="filenames"
        )
        kinds = list(dtypes or (tf.string, tf.string))
        if shuffle:
            records: Any = tf.RandomShuffleQueue(capacity, min_after_dequeue, kinds, seed=seed, name="common_queue")
        else:
            records = tf.FIFOQueue(capacity, kinds, name="common_queue")
        tf.summary.scalar(f"fraction_of_{capacity}_full", tf.cast(records.size(), tf.float32) / capacity)
        return ParallelReader(reader_class, records, num_readers, reader_kwargs).read(names)


def single_pass_read(
    data_sources: Any, reader_class: Any, reader_kwargs: Mapping[str, Any] | None = None, scope: str | None = None
) -> Any:
    """Returns key and value of the next record, each once and in order."""
    files = get_data_files(data_sources)
    with tf.name_scope(scope, "single_pass_read"):
        names = tf.train.string_input_producer(files, num_epochs=1, shuffle=False, capacity=1, name="filenames")
        return reader_class(**dict(reader_kwargs or {})).read(names)


def get_data_files(data_sources: Any) -> list[str]:
    """Returns the files of a name, a pattern, or a list of such.

    Raises:
      ArgumentError: none.
    """
    if isinstance(data_sources, list | tuple):
        files = [name for source in data_sources for name in get_data_files(source)]
    else:
        files = tf.gfile.Glob(data_sources) if set("*?[") & set(data_sources) else [data_sources]
    if not files:
        raise errors.ArgumentError(
            errors.explain("no file matches the sources", got=data_sources), where="get_data_files"
        )
    return files
