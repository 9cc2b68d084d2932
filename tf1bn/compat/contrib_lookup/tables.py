"""Tables that are filled once: from keys to values, and to ids with buckets for unknown keys."""

from __future__ import annotations

import abc
import collections
import itertools
import os
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.compat.contrib_lookup.dtypes import Dtypes

MutableHashTable = tf.lookup.experimental.MutableHashTable
MutableDenseHashTable = tf.lookup.experimental.DenseHashTable

_numbers = itertools.count()


class LookupInterface(Dtypes, abc.ABC):
    """Looks up values of keys; for subclasses, which define ``lookup``, ``size`` and ``name``.

    The mutable tables are TensorFlow's own; they count as instances.
    """

    @property
    @abc.abstractmethod
    def name(self) -> str | None:
        """Name of the table."""

    @abc.abstractmethod
    def size(self, name: str | None = None) -> Any:
        """Returns the number of entries."""

    @abc.abstractmethod
    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """Returns the values of keys, dense or sparse as these are."""

    def _like(self, keys: Any, name: str | None, find: Callable[[Any], Any]) -> Any:
        """Returns what a function finds for keys, dense or sparse as these are.

        Raises:
          ArgumentTypeError: keys of another dtype.
        """
        if keys.dtype.base_dtype != self._key_dtype.base_dtype:
            raise errors.ArgumentTypeError(
                errors.explain("keys have another dtype", got=keys.dtype.name, expected=self._key_dtype.name),
                where=f"{type(self).__name__}.lookup",
            )
        with tf.name_scope(name, f"{self.name}_Lookup"):
            if not isinstance(keys, tf.SparseTensor):
                return find(keys)
            return tf.SparseTensor(keys.indices, find(keys.values), keys.dense_shape)


LookupInterface.register(MutableHashTable)
LookupInterface.register(MutableDenseHashTable)


class InitializableLookupTableBase(LookupInterface):
    """A table that an initializer fills; for subclasses, which make its resource in ``_create_resource()``."""

    def __init__(self, default_value: Any, initializer: Any) -> None:
        super().__init__(initializer.key_dtype, initializer.value_dtype)
        self._default_value = tf.convert_to_tensor(default_value, self._value_dtype)
        with tf.init_scope():
            handle = self._create_resource()
            self._resource_handle = handle
            self._init_op = initializer.initialize(self)

    @abc.abstractmethod
    def _create_resource(self) -> Any:
        """Returns the handle of a new table."""

    @property
    def resource_handle(self) -> Any:
        """Handle of the table."""
        return self._resource_handle

    @property
    def default_value(self) -> tf.Tensor:
        """What keys that are not in the table give."""
        return self._default_value

    @property
    def initializer(self) -> Any:
        """The operation that fills the table."""
        return self._init_op

    @property
    def init(self) -> Any:
        """The same operation."""
        return self._init_op

    @property
    def name(self) -> str | None:
        """Name of the table's op."""
        return self._resource_handle.op.name.split("/")[-1]

    def size(self, name: str | None = None) -> tf.Tensor:
        """Returns the number of entries."""
        with tf.name_scope(name, f"{self.name}_Size"):
            return tf.raw_ops.LookupTableSizeV2(table_handle=self._resource_handle)

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """Returns the values of keys, dense or sparse as these are.

        Raises:
          ArgumentTypeError: keys of another dtype.
        """
        return self._like(keys, name, self._found)

    def _found(self, keys: Any) -> tf.Tensor:
        values = tf.raw_ops.LookupTableFindV2(
            table_handle=self._resource_handle, keys=keys, default_value=self._default_value
        )
        values.set_shape(keys.shape)
        return values


class HashTable(InitializableLookupTableBase):
    """A table of any keys and values, fixed once it is filled.

    Args:
      initializer: what fills it, for example a :class:`KeyValueTensorInitializer`.
      default_value: what other keys give.
      shared_name: tables of one name are one table, also in sessions of other graphs; None for a table of its own.
    """

    def __init__(
        self, initializer: Any, default_value: Any, shared_name: str | None = None, name: str | None = None
    ) -> None:
        # Without a name two kernels of one op, such as those of a data set's function, would have two tables.
        self._shared_name = shared_name or f"hash_table_{os.getpid()}_{next(_numbers)}"
        self._op_name, self._dtypes = name or "hash_table", (initializer.key_dtype, initializer.value_dtype)
        super().__init__(default_value, initializer)

    def _create_resource(self) -> Any:
        return tf.raw_ops.HashTableV2(
            key_dtype=self._dtypes[0], value_dtype=self._dtypes[1], shared_name=self._shared_name, name=self._op_name
        )

    def export(self, name: str | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns all keys and all values."""
        with tf.name_scope(name, f"{self.name}_Export"):
            found = tf.raw_ops.LookupTableExportV2(
                table_handle=self._resource_handle, Tkeys=self._key_dtype, Tvalues=self._value_dtype
            )
        found.values.set_shape(found.keys.shape.concatenate(self._default_value.shape))
        return found.keys, found.values


class HasherSpec(collections.namedtuple("HasherSpec", ("hasher", "key"))):
    """Which hash gives an unknown key its bucket: ``hasher`` is "fasthash", "legacy" or "stronghash"; and its key."""

    __slots__ = ()


FastHashSpec = HasherSpec("fasthash", None)


class StrongHashSpec(HasherSpec):
    """A hash with a key of two whole numbers, whose buckets nobody can foresee without it.

    Raises:
      ArgumentError: not two numbers. ArgumentTypeError: entries that are no whole numbers.
    """

    __slots__ = ()

    def __new__(cls, key: Sequence[int]) -> StrongHashSpec:
        if not isinstance(key, list | tuple) or len(key) != 2:
            raise errors.ArgumentError(
                errors.explain("`key` must be two whole numbers", got=key), where="StrongHashSpec"
            )
        if not all(isinstance(part, int) for part in key):
            raise errors.ArgumentTypeError(
                errors.explain("`key` has an entry that is no whole number", got=key), where="StrongHashSpec"
            )
        return super().__new__(cls, "stronghash", tuple(key))


class IdTableWithHashBuckets(LookupInterface):
    """Ids of known keys from a table, and for other keys one of ``num_oov_buckets`` ids behind them, by a hash.

    Args:
      table: of strings or int64 to int64; None for buckets alone.
      num_oov_buckets: number of buckets.
      hasher_spec: the hash.
      key_dtype: of keys that are looked up, string or a kind of integer; by default that of the table.

    Raises:
      ArgumentError: neither a table nor a bucket, or an unknown hash. ArgumentTypeError: dtypes that do not fit, or no
        :class:`HasherSpec`.
    """

    def __init__(
        self,
        table: Any,
        num_oov_buckets: int,
        hasher_spec: Any = FastHashSpec,
        name: str | None = None,
        key_dtype: Any = None,
    ) -> None:
        with errors.located("IdTableWithHashBuckets"):
            kind = _key_dtype(table, key_dtype)
            if table is None and num_oov_buckets <= 0:
                raise errors.ArgumentError(
                    errors.explain("there is neither a table nor a bucket", got=num_oov_buckets, expected="above 0")
                )
            if not isinstance(hasher_spec, HasherSpec):
                raise errors.ArgumentTypeError(
                    errors.explain("`hasher_spec` is no HasherSpec", got=hasher_spec, expected="such as FastHashSpec")
                )
            if hasher_spec.hasher not in _HASHES:
                raise errors.ArgumentError(
                    errors.explain("the hash is not known", got=hasher_spec.hasher, expected=" or ".join(_HASHES))
                )
        super().__init__(kind, tf.int64)
        self._table, self._num_oov_buckets, self._hasher_spec = table, num_oov_buckets, hasher_spec
        known = (name or "").rstrip("/") or (table.name if table is not None else "hash_bucket")
        self._name = known.split("/")[-1]

    @property
    def name(self) -> str | None:
        """Name of the table."""
        return self._name

    @property
    def resource_handle(self) -> Any:
        """Handle of the table of known keys, or None."""
        return None if self._table is None else self._table.resource_handle

    @property
    def initializer(self) -> Any:
        """The operation that fills the table."""
        return tf.no_op() if self._table is None else self._table.initializer

    @property
    def init(self) -> Any:
        """The same operation."""
        return self.initializer

    def size(self, name: str | None = None) -> tf.Tensor:
        """Returns the number of entries and buckets."""
        with tf.name_scope(name, f"{self.name}_Size"):
            return self._known() + self._num_oov_buckets

    def _known(self) -> tf.Tensor:
        return tf.zeros([], tf.int64) if self._table is None else self._table.size()

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """Returns the ids of keys, dense or sparse as these are.

        Raises:
          ArgumentTypeError: keys of another dtype.
        """
        return self._like(keys, name, self._ids)

    def _ids(self, keys: Any) -> tf.Tensor:
        if self._table is None:
            return self._buckets(keys)
        known = tf.cast(keys, tf.int64) if self._table.key_dtype == tf.int64 else keys
        ids = self._table.lookup(known)
        if self._num_oov_buckets <= 0:
            return ids
        return tf.where(tf.equal(ids, self._table.default_value), self._buckets(keys) + self._known(), ids)

    def _buckets(self, keys: Any) -> tf.Tensor:
        text = keys if keys.dtype == tf.string else tf.as_string(keys)
        return _HASHES[self._hasher_spec.hasher](text, self._num_oov_buckets, self._hasher_spec.key)


_HASHES = {
    "fasthash": lambda text, buckets, key: tf.strings.to_hash_bucket_fast(text, buckets),
    "legacy": lambda text, buckets, key: tf.strings.to_hash_bucket(text, buckets),
    "stronghash": lambda text, buckets, key: tf.strings.to_hash_bucket_strong(text, buckets, list(key)),
}


def _key_dtype(table: Any, dtype: Any) -> tf.DType:
    """Returns the dtype of keys."""
    given = tf.string if dtype is None and table is None else table.key_dtype if dtype is None else tf.as_dtype(dtype)
    if not given.is_integer and given != tf.string:
        raise errors.ArgumentTypeError(
            errors.explain("keys must be strings or whole numbers", got=given.name, expected="string or an integer")
        )
    if table is None:
        return given
    kinds = (table.key_dtype.name, table.value_dtype.name)
    if kinds not in (("string", "int64"), ("int64", "int64")):
        raise errors.ArgumentTypeError(
            errors.explain("the table must map strings or int64 to int64", got=kinds, expected="(key, value) of these")
        )
    if table.key_dtype.is_integer != given.is_integer:
        raise errors.ArgumentTypeError(
            errors.explain("`key_dtype` does not fit the table", got=given.name, expected=table.key_dtype.name)
        )
    return given
