"""Tables between symbols and their numbers, from a list of symbols or a file with one in each line."""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_lookup.initializers import (
    LINE_NUMBER,
    WHOLE_LINE,
    KeyValueTensorInitializer,
    TextFileIdTableInitializer,
    TextFileStringTableInitializer,
)
from tf1bn.compat.contrib_lookup.tables import FastHashSpec, HashTable, IdTableWithHashBuckets


def index_table_from_file(
    vocabulary_file: Any = None,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    key_dtype: Any = tf.string,
    name: str | None = None,
    key_column_index: int = WHOLE_LINE,
    value_column_index: int = LINE_NUMBER,
    delimiter: str = "\t",
) -> Any:
    """Returns a table from the lines of a file to their numbers.

    Args:
      num_oov_buckets: number of ids behind those of the file, which other symbols are given by a hash.
      vocab_size: number of lines, if known.
      default_value: id of other symbols without buckets.
      key_column_index, value_column_index, delimiter: as of :class:`TextFileInitializer`.

    Raises:
      ArgumentError: no file, a negative number of buckets, or no entry. ArgumentTypeError: keys of another kind.
    """
    with errors.located("index_table_from_file"):
        _require_file(vocabulary_file, vocab_size)
        kind = _require_kind(num_oov_buckets, key_dtype)
    with tf.name_scope(name, "string_to_index"):
        with tf.name_scope(None, "hash_table"):
            table = HashTable(
                TextFileIdTableInitializer(
                    vocabulary_file,
                    key_column_index,
                    value_column_index,
                    vocab_size,
                    delimiter,
                    "table_init",
                    tf.int64 if kind.is_integer else kind,
                ),
                default_value,
            )
        return _bucketed(table, num_oov_buckets, hasher_spec, kind)


def index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    dtype: Any = tf.string,
    name: str | None = None,
) -> Any:
    """Returns a table from the entries of a list, strings or whole numbers, to their places.

    Args:
      num_oov_buckets, default_value, hasher_spec: as of :func:`index_table_from_file`.
      dtype: of keys that are looked up.

    Raises:
      ArgumentError: no list, or entries of another kind than ``dtype``; a negative number of buckets.
      ArgumentTypeError: a ``dtype`` that is neither string nor integer.
    """
    with errors.located("index_table_from_tensor"):
        _require_list(mapping)
        kind = _require_kind(num_oov_buckets, dtype)
        with tf.name_scope(name, "string_to_index") as scope:
            keys = tf.convert_to_tensor(mapping)
        if keys.dtype.is_integer != kind.is_integer or (not kind.is_integer and keys.dtype != kind):
            raise errors.ArgumentError(
                errors.explain("entries of `mapping` have another dtype", got=keys.dtype.name, expected=kind.name)
            )
    with tf.name_scope(scope):
        with tf.name_scope(None, "hash_table"):
            keys = tf.cast(keys, tf.int64) if kind.is_integer else keys
            places = tf.range(tf.size(keys, out_type=tf.int64), dtype=tf.int64)
            table = HashTable(KeyValueTensorInitializer(keys, places, name="table_init"), default_value)
        return _bucketed(table, num_oov_buckets, hasher_spec, kind)


def index_to_string_table_from_file(
    vocabulary_file: Any,
    vocab_size: int | None = None,
    default_value: str = "UNK",
    name: str | None = None,
    key_column_index: int = LINE_NUMBER,
    value_column_index: int = WHOLE_LINE,
    delimiter: str = "\t",
) -> Any:
    """Returns a table from numbers of lines, int64, to the lines of a file.

    Raises:
      ArgumentError: no file, or no entry.
    """
    with errors.located("index_to_string_table_from_file"):
        _require_file(vocabulary_file, vocab_size)
    with tf.name_scope(name, "index_to_string"):
        return HashTable(
            TextFileStringTableInitializer(
                vocabulary_file, key_column_index, value_column_index, vocab_size, delimiter, "table_init"
            ),
            default_value,
        )


def index_to_string_table_from_tensor(mapping: Any, default_value: str = "UNK", name: str | None = None) -> Any:
    """Returns a table from places, int64, to the strings of a list.

    Raises:
      ArgumentError: no list.
    """
    with errors.located("index_to_string_table_from_tensor"):
        _require_list(mapping)
    with tf.name_scope(name, "index_to_string"):
        values = tf.convert_to_tensor(mapping, tf.string)
        places = tf.range(tf.size(values, out_type=tf.int64), dtype=tf.int64)
        return HashTable(KeyValueTensorInitializer(places, values, name="table_init"), default_value)


def string_to_index_table_from_file(
    vocabulary_file: Any = None,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    name: str | None = None,
) -> Any:
    """Returns what :func:`index_table_from_file` does, of strings."""
    return index_table_from_file(
        vocabulary_file, num_oov_buckets, vocab_size, default_value, hasher_spec, tf.string, name
    )


def string_to_index_table_from_tensor(
    mapping: Any,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: Any = FastHashSpec,
    name: str | None = None,
) -> Any:
    """Returns what :func:`index_table_from_tensor` does, of strings."""
    return index_table_from_tensor(mapping, num_oov_buckets, default_value, hasher_spec, tf.string, name)


def string_to_index(tensor: Any, mapping: Any, default_value: int = -1, name: str | None = None) -> Any:
    """Returns the places of strings in a list; ``default_value`` for others."""
    return index_table_from_tensor(mapping, default_value=default_value, name=name).lookup(tensor)


def index_to_string(tensor: Any, mapping: Any, default_value: str = "UNK", name: str | None = None) -> Any:
    """Returns the strings at places of a list; ``default_value`` for other places."""
    return index_to_string_table_from_tensor(mapping, default_value, name).lookup(tensor)


def _bucketed(table: Any, buckets: int, hasher_spec: Any, kind: tf.DType) -> Any:
    # Without buckets 1.15 gives the table itself, so keys of int32 need a cast to int64 in the program.
    return IdTableWithHashBuckets(table, buckets, hasher_spec, key_dtype=kind) if buckets else table


def _require_file(path: Any, size: int | None) -> None:
    if path is None or (isinstance(path, str) and not path):
        raise errors.ArgumentError(errors.explain("`vocabulary_file` is empty", got=path, expected="a path"))
    if size is not None and size < 1:
        raise errors.ArgumentError(errors.explain("`vocab_size` must be above 0", got=size))


def _require_list(mapping: Any) -> None:
    if mapping is None:
        raise errors.ArgumentError(errors.explain("`mapping` is None", expected="a list or a vector of symbols"))


def _require_kind(buckets: int, dtype: Any) -> tf.DType:
    if buckets < 0:
        raise errors.ArgumentError(errors.explain("`num_oov_buckets` is negative", got=buckets, expected="0 or more"))
    dtype = tf.as_dtype(dtype).base_dtype
    if not dtype.is_integer and dtype != tf.string:
        raise errors.ArgumentTypeError(
            errors.explain("keys must be strings or whole numbers", got=dtype.name, expected="string or an integer")
        )
    return dtype
