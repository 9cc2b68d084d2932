"""What fills a table: given keys and values, or the lines of a text file."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_lookup.dtypes import Dtypes

TextFileIndex = tf.lookup.TextFileIndex
WHOLE_LINE, LINE_NUMBER = TextFileIndex.WHOLE_LINE, TextFileIndex.LINE_NUMBER


class TableInitializerBase(Dtypes, abc.ABC):
    """Fills a table; for subclasses, which define ``initialize(table)``."""

    @abc.abstractmethod
    def initialize(self, table: Any) -> Any:
        """Returns the operation that fills a table."""

    def _check(self, table: Any) -> None:
        """Refuses a table of other dtypes."""
        ours, its = (self.key_dtype, self.value_dtype), (table.key_dtype, table.value_dtype)
        if tuple(dtype.base_dtype for dtype in ours) != tuple(dtype.base_dtype for dtype in its):
            raise errors.ArgumentTypeError(
                errors.explain(
                    "the table has keys or values of another dtype",
                    got=tuple(dtype.name for dtype in its),
                    expected=str(tuple(dtype.name for dtype in ours)),
                ),
                where=type(self).__name__,
            )


class KeyValueTensorInitializer(TableInitializerBase):
    """Fills a table with keys and the values beside them.

    Graph effects:
      The operation is in TABLE_INITIALIZERS, which ``tf.tables_initializer()`` runs.

    Raises:
      ArgumentTypeError: the table has other dtypes.
    """

    def __init__(
        self, keys: Any, values: Any, key_dtype: Any = None, value_dtype: Any = None, name: str | None = None
    ) -> None:
        with tf.init_scope():
            self._keys = tf.convert_to_tensor(keys, key_dtype, name="keys")
            self._values = tf.convert_to_tensor(values, value_dtype, name="values")
        self._name = name or "key_value_init"
        super().__init__(self._keys.dtype, self._values.dtype)

    def initialize(self, table: Any) -> Any:
        """Returns the operation that fills a table."""
        self._check(table)
        with tf.name_scope(self._name):
            op = tf.raw_ops.LookupTableImportV2(
                table_handle=table.resource_handle, keys=self._keys, values=self._values
            )
        tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, op)
        return op


class TextFileInitializer(TableInitializerBase):
    """Fills a table with one entry for each line of a text file.

    Args:
      filename: path, or a scalar tensor with one.
      key_index, value_index: a column, counted from 0; ``TextFileIndex.WHOLE_LINE`` or ``.LINE_NUMBER``.
      vocab_size: number of lines, if known; the file must have no fewer.
      delimiter: the character between columns.

    Graph effects:
      The operation is in TABLE_INITIALIZERS, the path in ASSET_FILEPATHS.

    Raises:
      ArgumentError: no path, an unknown column, or a dtype that a line or its number cannot have.
      ArgumentTypeError: the table has other dtypes.
    """

    def __init__(
        self,
        filename: Any,
        key_dtype: Any,
        key_index: int,
        value_dtype: Any,
        value_index: int,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: str | None = None,
    ) -> None:
        super().__init__(key_dtype, value_dtype)
        with errors.located(type(self).__name__):
            if not isinstance(filename, tf.Tensor) and not filename:
                raise errors.ArgumentError(errors.explain("`filename` is empty", got=filename))
            _require_column("key", key_index, self.key_dtype)
            _require_column("value", value_index, self.value_dtype)
        self._filename, self._delimiter, self._name = filename, delimiter, name or "text_file_init"
        self._columns, self._vocab_size = (key_index, value_index), -1 if vocab_size is None else vocab_size

    def initialize(self, table: Any) -> Any:
        """Returns the operation that fills a table."""
        self._check(table)
        with tf.name_scope(self._name):
            path = tf.convert_to_tensor(self._filename, tf.string, name="asset_filepath")
            op = tf.raw_ops.InitializeTableFromTextFileV2(
                table_handle=table.resource_handle,
                filename=path,
                key_index=self._columns[0],
                value_index=self._columns[1],
                vocab_size=self._vocab_size,
                delimiter=self._delimiter,
            )
        tf.add_to_collection(tf.GraphKeys.TABLE_INITIALIZERS, op)
        tf.add_to_collection(tf.GraphKeys.ASSET_FILEPATHS, path)
        return op


class TextFileIdTableInitializer(TextFileInitializer):
    """Fills a table from lines, or columns of them, to their numbers."""

    def __init__(
        self,
        filename: Any,
        key_column_index: int = WHOLE_LINE,
        value_column_index: int = LINE_NUMBER,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: str | None = "text_file_id_table_init",
        key_dtype: Any = tf.string,
    ) -> None:
        super().__init__(
            filename, key_dtype, key_column_index, tf.int64, value_column_index, vocab_size, delimiter, name
        )


class TextFileStringTableInitializer(TextFileInitializer):
    """Fills a table from the numbers of lines to the lines, or to columns of them."""

    def __init__(
        self,
        filename: Any,
        key_column_index: int = LINE_NUMBER,
        value_column_index: int = WHOLE_LINE,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: str | None = "text_file_string_table_init",
    ) -> None:
        super().__init__(
            filename, tf.int64, key_column_index, tf.string, value_column_index, vocab_size, delimiter, name
        )


def _require_column(what: str, index: int, dtype: tf.DType) -> None:
    if index < WHOLE_LINE:
        raise errors.ArgumentError(
            errors.explain(f"`{what}_index` is no column", got=index, expected="0 or more, WHOLE_LINE or LINE_NUMBER")
        )
    # Keys of whole lines may be whole numbers, which the op reads; values of whole lines may not.
    whole = dtype == tf.string or (what == "key" and dtype.is_integer)
    if (index == LINE_NUMBER and dtype != tf.int64) or (index == WHOLE_LINE and not whole):
        allowed = "int64" if index == LINE_NUMBER else "string or integer" if what == "key" else "string"
        raise errors.ArgumentError(
            errors.explain(
                f"{what}s that are {'line numbers' if index == LINE_NUMBER else 'lines'} have another dtype",
                got=dtype.name,
                expected=allowed,
            )
        )
