"""Initializers that take a matrix of a checkpoint into the order of a new vocabulary: contrib.framework's ``load_*``.

Row i of the new matrix is the row of the old one whose word is line i of the new vocabulary; what has no old word is
initialised anew, and so are the buckets of unknown words at the end. Columns likewise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.calls import given, takes

Initializer = Callable[..., Any]


class _Axis(NamedTuple):
    """Rows or columns: how many words the new vocabulary has, both files, the old words that count, and buckets."""

    size: int
    new_file: Any
    old_file: Any
    old_size: int
    buckets: int


@dataclass(frozen=True)
class _Matrix:
    """What ``load_and_remap_matrix_initializer`` takes; only that of a slot is told of a part of a variable."""

    ckpt_path: Any
    old_tensor_name: str
    primary_partition_info: Any = field(init=False)
    new_row_vocab_size: int
    new_col_vocab_size: int
    old_row_vocab_size: int = -1
    old_row_vocab_file: Any = None
    new_row_vocab_file: Any = None
    old_col_vocab_file: Any = None
    new_col_vocab_file: Any = None
    num_row_oov_buckets: int = 0
    num_col_oov_buckets: int = 0
    initializer: Initializer | None = None
    max_rows_in_memory: int = -1

    @property
    def rows(self) -> _Axis:
        """The first axis."""
        files = self.new_row_vocab_file, self.old_row_vocab_file
        return _Axis(self.new_row_vocab_size, *files, self.old_row_vocab_size, self.num_row_oov_buckets)

    @property
    def columns(self) -> _Axis:
        """The second axis."""
        files = self.new_col_vocab_file, self.old_col_vocab_file
        return _Axis(self.new_col_vocab_size, *files, -1, self.num_col_oov_buckets)

    @property
    def start(self) -> Initializer:
        """Initializer of what the checkpoint lacks."""
        return tf.zeros_initializer() if self.initializer is None else self.initializer


@dataclass(frozen=True)
class _Slot(_Matrix):
    """What ``load_variable_slot_initializer`` takes."""

    primary_partition_info: Any
    old_row_vocab_size: int = field(default=-1, init=False)


@takes(_Matrix)
def load_and_remap_matrix_initializer(call: _Matrix) -> Initializer:
    """Returns an initializer of a float32 matrix ``[new rows + buckets, new columns + buckets]``.

    Args:
      old_row_vocab_size: how many lines of the old file of rows count; -1 for all.
      initializer: of what the checkpoint lacks; zeros unless given.
      max_rows_in_memory: rows that are read at once; all of them if not positive.
      others: as in contrib. An axis without its two files keeps its order.

    Raises:
      ArgumentTypeError: ``initializer`` cannot be called; later, another dtype than float32.
      ArgumentError: one file of a pair, no pair at all, or less than 0 buckets.
      ShapeError: later, a variable of another shape.
    """
    with errors.located("load_and_remap_matrix_initializer"):
        _check(call)

    def made(shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> tf.Tensor:
        sizes = [int(size) for size in shape]
        with errors.located("load_and_remap_matrix_initializer", tensor=call.old_tensor_name):
            first = 0 if partition_info is None else partition_info.single_offset(sizes)
            _check_variable(call, sizes, tf.as_dtype(dtype), first)
            return _matrix(call, sizes, first)

    return made


def load_embedding_initializer(
    ckpt_path: Any,
    embedding_tensor_name: str,
    new_vocab_size: int,
    embedding_dim: int,
    old_vocab_file: Any,
    new_vocab_file: Any,
    old_vocab_size: int = -1,
    num_oov_buckets: int = 0,
    initializer: Initializer | None = None,
    max_rows_in_memory: int = -1,
) -> Initializer:
    """Returns an initializer of embeddings ``[new_vocab_size + num_oov_buckets, embedding_dim]``.

    Words that are new start from a normal distribution of deviation 1 / sqrt(embedding_dim), cut off at two.
    """
    start = tf.truncated_normal_initializer(stddev=1.0 / math.sqrt(embedding_dim))
    return load_and_remap_matrix_initializer(
        ckpt_path,
        embedding_tensor_name,
        new_vocab_size,
        embedding_dim,
        old_vocab_size,
        old_vocab_file,
        new_vocab_file,
        num_row_oov_buckets=num_oov_buckets,
        initializer=start if initializer is None else initializer,
        max_rows_in_memory=max_rows_in_memory,
    )


def load_linear_multiclass_bias_initializer(
    ckpt_path: Any,
    bias_tensor_name: str,
    new_class_vocab_size: int,
    old_class_vocab_file: Any,
    new_class_vocab_file: Any,
    num_class_oov_buckets: int = 0,
    initializer: Initializer | None = None,
    max_rows_in_memory: int = -1,
) -> Initializer:
    """Returns an initializer of biases ``[new_class_vocab_size + num_class_oov_buckets, 1]``; new ones start at 0."""
    return load_and_remap_matrix_initializer(
        ckpt_path,
        bias_tensor_name,
        new_class_vocab_size,
        1,
        old_row_vocab_file=old_class_vocab_file,
        new_row_vocab_file=new_class_vocab_file,
        num_row_oov_buckets=num_class_oov_buckets,
        initializer=initializer,
        max_rows_in_memory=max_rows_in_memory,
    )


@takes(_Slot)
def load_variable_slot_initializer(call: _Slot) -> Initializer:
    """Returns an initializer of an optimizer's slot.

    Args:
      primary_partition_info: which part of a partitioned variable the slot belongs to; the slot itself is not
        partitioned.
      others: as in ``load_and_remap_matrix_initializer``.
    """
    whole = load_and_remap_matrix_initializer(**given(call, "primary_partition_info"))

    def made(shape: Any, dtype: Any = tf.float32, partition_info: Any = None) -> tf.Tensor:
        return whole(shape, dtype, call.primary_partition_info)

    return made


def _check(source: _Matrix) -> None:
    if not callable(source.start):
        raise errors.ArgumentTypeError(errors.explain("`initializer` cannot be called", got=source.start))
    for word, axis in (("row", source.rows), ("col", source.columns)):
        if axis.buckets < 0:
            raise errors.ArgumentError(
                errors.explain(f"`num_{word}_oov_buckets` must not be negative", got=axis.buckets)
            )
        if (axis.new_file is None) != (axis.old_file is None):
            raise errors.ArgumentError(
                errors.explain(f"`old_{word}_vocab_file` and `new_{word}_vocab_file` belong together; one is missing")
            )
    if source.rows.new_file is None and source.columns.new_file is None:
        raise errors.ArgumentError(
            errors.explain("there is no vocabulary to follow", fix="Without one, use tf.train.init_from_checkpoint.")
        )


def _check_variable(source: _Matrix, sizes: list[int], dtype: tf.DType, first: int) -> None:
    if dtype != tf.float32:
        raise errors.ArgumentTypeError(errors.explain("the variable must be float32", got=dtype.name))
    width, height = (axis.size + axis.buckets for axis in (source.columns, source.rows))
    if len(sizes) != 2 or sizes[1] != width or first + sizes[0] > height:
        raise errors.ShapeError(
            errors.explain("the variable has another shape", got=[first, *sizes], expected=f"[0, {height}, {width}]")
        )


def _matrix(source: _Matrix, sizes: list[int], first: int) -> tf.Tensor:
    """Returns ``sizes[0]`` rows from row ``first`` on."""
    loaded = max(0, min(sizes[0], source.rows.size - first))
    if not loaded:
        return source.start(sizes, dtype=tf.float32)
    rows, known_rows = _remapping(source.rows, first, loaded)
    columns, known_columns = _remapping(source.columns, 0, source.columns.size)
    if source.rows.new_file is None:  # the op needs the rows of a part even where they keep their order
        rows = tf.range(first, first + loaded, dtype=tf.int64)
    lacking = loaded * source.columns.size - known_rows * known_columns
    # As many as there could be: a constant initializer needs a shape that is known.
    anew = source.start([loaded * source.columns.size, 1], dtype=tf.float32)
    body = tf.raw_ops.LoadAndRemapMatrix(
        ckpt_path=source.ckpt_path,
        old_tensor_name=source.old_tensor_name,
        row_remapping=rows,
        col_remapping=columns,
        initializing_values=anew[:lacking],
        num_rows=loaded,
        num_cols=source.columns.size,
        max_rows_in_memory=source.max_rows_in_memory,
    )
    if sizes[0] > loaded:
        below = source.start([sizes[0] - loaded, source.columns.size], dtype=tf.float32)
        body = tf.concat([body, below], 0)
    if source.columns.buckets:
        beside = source.start([sizes[0], source.columns.buckets], dtype=tf.float32)
        body = tf.concat([body, beside], 1)
    return body


def _remapping(axis: _Axis, first: int, count: int) -> tuple[Any, Any]:
    """Returns the old place of each new word, -1 for none, and how many have one; nothing for an axis that stays."""
    if axis.new_file is None:
        return tf.zeros([0], tf.int64), count
    found = tf.raw_ops.GenerateVocabRemapping(
        new_vocab_file=axis.new_file,
        old_vocab_file=axis.old_file,
        new_vocab_offset=first,
        num_new_vocab=count,
        old_vocab_size=axis.old_size,
    )
    return found.remapping, found.num_present
