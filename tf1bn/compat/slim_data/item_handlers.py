"""Handlers of ``slim.tfexample_decoder``: how parsed features become items."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

Features = Mapping[str, Any]


class ItemHandler(abc.ABC):
    """Makes an item of some of the parsed features; ``keys`` names them."""

    def __init__(self, keys: Any) -> None:
        self._keys = list(keys) if isinstance(keys, list | tuple) else [keys]

    @property
    def keys(self) -> list[str]:
        """Names of the features that it needs."""
        return self._keys

    @abc.abstractmethod
    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        """Returns the item."""


class ItemHandlerCallback(ItemHandler):
    """Calls a function with the features by name."""

    def __init__(self, keys: Any, func: Callable[[Features], Any]) -> None:
        super().__init__(keys)
        self._function = func

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        """Returns what the function does."""
        return self._function(keys_to_tensors)


class BoundingBox(ItemHandler):
    """Boxes ``[count, 4]`` of four features, by default ymin, xmin, ymax, xmax after the prefix.

    Raises:
      ArgumentError: another number of features.
    """

    def __init__(self, keys: Sequence[str] | None = None, prefix: str = "") -> None:
        super().__init__(_prefixed("BoundingBox", keys, ("ymin", "xmin", "ymax", "xmax"), prefix))

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        """Returns the boxes."""
        sides = [keys_to_tensors[key] for key in self.keys]
        return tf.stack([side.values if isinstance(side, tf.SparseTensor) else side for side in sides], -1)


class Tensor(ItemHandler):
    """A feature as a dense tensor, with a shape that is given or comes with the features.

    Raises:
      ArgumentError: both kinds of shape.
    """

    def __init__(self, tensor_key: str, shape_keys: Any = None, shape: Any = None, default_value: Any = 0) -> None:
        if shape_keys and shape is not None:
            raise errors.ArgumentError(
                errors.explain("`shape_keys` and `shape` were both given", got=(shape_keys, shape)),
                where="Tensor",
            )
        self._shape_keys = [shape_keys] if isinstance(shape_keys, str) else list(shape_keys or ())
        self._key, self._shape, self._default = tensor_key, shape, default_value
        super().__init__([tensor_key, *self._shape_keys])

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        """Returns the dense tensor."""
        tensor, shape = keys_to_tensors[self._key], self._shape
        if self._shape_keys:
            shape = tf.reshape(tf.stack([_dense(keys_to_tensors[key]) for key in self._shape_keys]), [-1])
        if isinstance(tensor, tf.SparseTensor):
            tensor = tensor if shape is None else tf.sparse_reshape(tensor, shape)
            return tf.sparse_tensor_to_dense(tensor, self._default)
        return tensor if shape is None else tf.reshape(tensor, shape)


class LookupTensor(Tensor):
    """A feature whose values a table maps."""

    def __init__(
        self, tensor_key: str, table: Any, shape_keys: Any = None, shape: Any = None, default_value: Any = ""
    ) -> None:
        super().__init__(tensor_key, shape_keys, shape, default_value)
        self._table = table

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        """Returns the mapped tensor."""
        return self._table.lookup(super().tensors_to_item(keys_to_tensors))


class BackupHandler(ItemHandler):
    """An item of one handler or, where that is empty, of another.

    Raises:
      ArgumentError: something that is not a handler.
    """

    def __init__(self, handler: ItemHandler, backup: ItemHandler) -> None:
        for what, given in (("handler", handler), ("backup", backup)):
            if not isinstance(given, ItemHandler):
                raise errors.ArgumentError(
                    errors.explain(f"the {what} is no handler", got=type(given).__name__, expected="an ItemHandler"),
                    where="BackupHandler",
                )
        super().__init__([*handler.keys, *backup.keys])
        self._first, self._second = handler, backup

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        """Returns the item of one of the two."""
        item = self._first.tensors_to_item(keys_to_tensors)
        empty = tf.equal(tf.size(item), 0)
        return tf.cond(empty, lambda: self._second.tensors_to_item(keys_to_tensors), lambda: item)


class SparseTensor(ItemHandler):
    """A sparse tensor of two features: the indices of its last axis, and the values."""

    def __init__(
        self,
        indices_key: str | None = None,
        values_key: str | None = None,
        shape_key: str | None = None,
        shape: Any = None,
        densify: bool = False,
        default_value: Any = 0,
    ) -> None:
        self._indices, self._values = indices_key or "indices", values_key or "values"
        self._shape_key, self._shape = shape_key, shape
        self._densify, self._default = densify, default_value
        super().__init__([self._indices, self._values, *([shape_key] if shape_key else [])])

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        """Returns the tensor, dense if so asked."""
        indices, values = keys_to_tensors[self._indices], keys_to_tensors[self._values]
        shape = self._shape if self._shape else indices.dense_shape
        if self._shape_key:
            shape = _dense(keys_to_tensors[self._shape_key])
        last = tf.expand_dims(tf.cast(indices.values, tf.int64), 1)
        found = tf.SparseTensor(tf.concat([indices.indices[:, :-1], last], 1), values.values, shape)
        return tf.sparse_tensor_to_dense(found, self._default) if self._densify else found


class _SparseColumns(ItemHandler):
    """Sparse features ``[steps, count]`` side by side, ``[steps, count, features]``."""

    def __init__(self, keys: list[str], return_dense: bool, default_value: float) -> None:
        super().__init__(keys)
        self._return_dense, self._default = return_dense, default_value

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        """Returns them joined, dense if so asked."""
        sides = [keys_to_tensors[key] for key in self.keys]
        wide = [tf.sparse_reshape(side, tf.concat([side.dense_shape, [1]], 0)) for side in sides]
        joined = tf.sparse_concat(2, wide)
        return tf.sparse_tensor_to_dense(joined, self._default) if self._return_dense else joined


class _NamedColumns(_SparseColumns):
    """Sparse features that are named by keys, or by a prefix and the names of the class."""

    _names: tuple[str, ...]

    def __init__(
        self,
        keys: Sequence[str] | None = None,
        prefix: str | None = None,
        return_dense: bool = True,
        default_value: float = -1.0,
    ) -> None:
        super().__init__(_prefixed(type(self).__name__, keys, self._names, prefix or ""), return_dense, default_value)


class BoundingBoxSequence(_NamedColumns):
    """Boxes ``[steps, count, 4]`` of four sparse features, missing ones as ``default_value``.

    Raises:
      ArgumentError: another number of features.
    """

    _names = ("ymin", "xmin", "ymax", "xmax")


class KeypointsSequence(_NamedColumns):
    """Points ``[steps, count, 2]`` of two sparse features, missing ones as ``default_value``.

    Raises:
      ArgumentError: another number of features.
    """

    _names = ("y", "x")


class NumBoxesSequence(ItemHandler):
    """How many boxes each step has, by sparse features ``[steps, count]`` that must agree.

    Raises:
      ArgumentError: no feature, or a dense one.
    """

    def __init__(self, keys: Any = None, check_consistency: bool = True) -> None:
        if not keys:
            raise errors.ArgumentError(errors.explain("there are no keys", got=keys), where="NumBoxesSequence")
        super().__init__(keys)
        self._check = check_consistency

    def tensors_to_item(self, keys_to_tensors: Features) -> Any:
        """Returns the counts ``[steps]``."""
        counts = [_count(keys_to_tensors[key]) for key in self.keys]
        checks = [tf.assert_equal(counts[0], other) for other in counts[1:]] if self._check else []
        with tf.control_dependencies(checks):
            return tf.identity(counts[0])


def _count(tensor: Any) -> Any:
    if not isinstance(tensor, tf.SparseTensor):
        raise errors.ArgumentError(errors.explain("tensor must be of type tf.SparseTensor", got=tensor))
    columns = tf.SparseTensor(tensor.indices, tensor.indices[:, 1] + 1, tensor.dense_shape)
    return tf.reduce_max(tf.pad(tf.sparse_tensor_to_dense(columns), [[0, 0], [0, 1]]), 1)


def _dense(tensor: Any) -> Any:
    return tf.sparse_tensor_to_dense(tensor) if isinstance(tensor, tf.SparseTensor) else tensor


def _prefixed(where: str, keys: Sequence[str] | None, default: tuple[str, ...], prefix: str) -> list[str]:
    names = list(default if keys is None else keys)
    if len(names) != len(default):
        raise errors.ArgumentError(
            errors.explain("another number of keys", got=names, expected=f"{len(default)} names"), where=where
        )
    return [prefix + name for name in names]
