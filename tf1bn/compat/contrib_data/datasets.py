"""``tf.contrib.data.Dataset`` and its relatives of TensorFlow 1.2 to 1.4, over those of ``tf.data``.

Their ``map`` took threads and a buffer, and what later became functions for ``apply`` were methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_data.reading import read_batch_features

_MAKERS = ("from_tensors", "from_tensor_slices", "from_sparse_tensor_slices", "from_generator", "range")


class Dataset:
    """A data set in the words of 1.2 to 1.4; made by ``Dataset.from_tensor_slices`` and its relatives.

    Methods that are not listed here are those of ``tf.data.Dataset`` and give a :class:`Dataset` again.
    """

    from_tensors: Callable[..., Dataset]
    from_tensor_slices: Callable[..., Dataset]
    from_sparse_tensor_slices: Callable[..., Dataset]
    from_generator: Callable[..., Dataset]
    range: Callable[..., Dataset]

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    @staticmethod
    def zip(datasets: Any) -> Dataset:
        """Returns a data set whose elements are structures of elements of others."""
        return Dataset(tf.data.Dataset.zip(unwrapped(datasets)))

    @staticmethod
    def list_files(file_pattern: Any) -> Dataset:
        """Returns a data set of the paths of files, in order."""
        return Dataset(tf.data.Dataset.list_files(file_pattern, shuffle=False))

    @staticmethod
    def read_batch_features(*args: Any, **kwargs: Any) -> Any:
        """Returns what :func:`read_batch_features` does."""
        return read_batch_features(*args, **kwargs)

    def map(
        self,
        map_func: Callable[..., Any],
        num_threads: Any = None,
        output_buffer_size: Any = None,
        num_parallel_calls: Any = None,
    ) -> Dataset:
        """Returns a data set of what a function gives, computed by some threads and kept in a buffer.

        Raises:
          ArgumentError: both names of the number of threads.
        """
        if num_threads is not None and num_parallel_calls is not None:
            raise errors.ArgumentError(
                errors.explain("`num_threads` and `num_parallel_calls` are both given", fix="Leave one out."),
                where="Dataset.map",
            )
        threads = num_parallel_calls if num_threads is None else num_threads
        mapped = self._dataset.map(map_func, num_parallel_calls=threads)
        return Dataset(mapped if output_buffer_size is None else mapped.prefetch(output_buffer_size))

    def flat_map(self, map_func: Callable[..., Any]) -> Dataset:
        """Returns all elements of the data sets that a function gives, one after the other."""
        return Dataset(self._dataset.flat_map(lambda *element: unwrapped(map_func(*element))))

    def interleave(self, map_func: Callable[..., Any], cycle_length: Any, block_length: Any = 1) -> Dataset:
        """Returns elements of the data sets that a function gives, in turn."""
        inner = self._dataset.interleave(lambda *element: unwrapped(map_func(*element)), cycle_length, block_length)
        return Dataset(inner)

    def enumerate(self, start: int = 0) -> Dataset:
        """Returns pairs of a number and an element."""
        return Dataset(self._dataset.enumerate(start))

    def unbatch(self) -> Dataset:
        """Returns the entries of batches."""
        return Dataset(self._dataset.unbatch())

    def ignore_errors(self) -> Dataset:
        """Returns the elements that can be computed."""
        return Dataset(self._dataset.apply(tf.data.experimental.ignore_errors()))

    def dense_to_sparse_batch(self, batch_size: Any, row_shape: Any) -> Dataset:
        """Returns sparse batches of elements of different shapes."""
        return Dataset(self._dataset.apply(tf.data.experimental.dense_to_sparse_batch(batch_size, row_shape)))

    def group_by_window(
        self,
        key_func: Callable[..., Any],
        reduce_func: Callable[[Any, Any], Any],
        window_size: Any = None,
        window_size_func: Callable[[Any], Any] | None = None,
    ) -> Dataset:
        """Returns what a function makes of windows of elements with the same key."""

        def reduced(key: Any, window: Any) -> Any:
            return unwrapped(reduce_func(key, Dataset(window)))

        grouped = tf.data.experimental.group_by_window(key_func, reduced, window_size, window_size_func)
        return Dataset(self._dataset.apply(grouped))

    def apply(self, transformation_func: Callable[[Any], Any]) -> Any:
        """Returns what a transformation of ``tf.contrib.data`` makes of the data set."""
        return wrapped(unwrapped(transformation_func(self._dataset)))

    @property
    def output_types(self) -> Any:
        """Dtypes of an element."""
        return tf.data.get_output_types(self._dataset)

    @property
    def output_shapes(self) -> Any:
        """Shapes of an element."""
        return tf.data.get_output_shapes(self._dataset)

    @property
    def output_classes(self) -> Any:
        """Classes of an element's parts."""
        return tf.data.get_output_classes(self._dataset)

    def make_one_shot_iterator(self) -> Any:
        """Returns an iterator that needs no initialization."""
        return tf.data.make_one_shot_iterator(self._dataset)

    def make_initializable_iterator(self, shared_name: str | None = None) -> Any:
        """Returns an iterator whose ``initializer`` must run."""
        return tf.data.make_initializable_iterator(self._dataset, shared_name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._dataset, name)
        return _wrapping(value) if callable(value) else value


def _wrapping(method: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a method that takes and gives data sets of both kinds."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return wrapped(method(*map(unwrapped, args), **{name: unwrapped(value) for name, value in kwargs.items()}))

    return call


for _name in _MAKERS:
    setattr(Dataset, _name, staticmethod(_wrapping(getattr(tf.data.Dataset, _name))))


def wrapped(value: Any) -> Any:
    """Returns a data set of ``tf.data`` as one of these, anything else as it is.

    Windows and what is made of them are data sets of another class, so their words count.
    """
    ours = isinstance(value, Dataset) or not (hasattr(value, "flat_map") and hasattr(value, "element_spec"))
    return value if ours else Dataset(value)


def unwrapped(value: Any) -> Any:
    """Returns a structure with data sets of ``tf.data`` in place of these."""
    if isinstance(value, list | tuple | dict):
        return tf.nest.map_structure(unwrapped, value)
    return value._dataset if isinstance(value, Dataset) else value


class TextLineDataset(Dataset):
    """The lines of text files."""

    def __init__(self, filenames: Any, compression_type: Any = None, buffer_size: Any = None) -> None:
        super().__init__(tf.data.TextLineDataset(unwrapped(filenames), compression_type, buffer_size))


class TFRecordDataset(Dataset):
    """The records of TFRecord files."""

    def __init__(self, filenames: Any, compression_type: Any = None, buffer_size: Any = None) -> None:
        super().__init__(tf.data.TFRecordDataset(unwrapped(filenames), compression_type, buffer_size))


class FixedLengthRecordDataset(Dataset):
    """Records of ``record_bytes`` bytes, between the headers and the footers of files."""

    def __init__(
        self,
        filenames: Any,
        record_bytes: Any,
        header_bytes: Any = None,
        footer_bytes: Any = None,
        buffer_size: Any = None,
    ) -> None:
        sizes = (record_bytes, header_bytes, footer_bytes, buffer_size)
        super().__init__(tf.data.FixedLengthRecordDataset(unwrapped(filenames), *sizes))


class Iterator:
    """An iterator over data sets of one structure; made by :meth:`from_dataset` or :meth:`from_structure`."""

    def __init__(self, iterator: Any) -> None:
        self._iterator = iterator

    @staticmethod
    def from_dataset(dataset: Any, shared_name: str | None = None) -> Iterator:
        """Returns an iterator over a data set, whose ``initializer`` must run."""
        return Iterator(tf.data.make_initializable_iterator(unwrapped(dataset), shared_name))

    @staticmethod
    def from_structure(
        output_types: Any, output_shapes: Any = None, shared_name: str | None = None, output_classes: Any = None
    ) -> Iterator:
        """Returns an iterator without a data set, which ``make_initializer(dataset)`` gives it."""
        return Iterator(tf.data.Iterator.from_structure(output_types, output_shapes, shared_name, output_classes))

    def make_initializer(self, dataset: Any, name: str | None = None) -> Any:
        """Returns the operation that begins with a data set."""
        return self._iterator.make_initializer(unwrapped(dataset), name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._iterator, name)
