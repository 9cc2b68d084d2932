"""Databases of LMDB (Lightning Memory-Mapped Database), read in key order; TensorFlow's own reader is gone.

A file is a row of pages. The first two describe it; the newer one counts. From there a tree of pages goes down to the
pairs: branches point to pages, leaves have keys with values, and a value that is too long for a leaf has pages of its
own. Numbers are little-endian, as on the machines of all that wrote such data sets.

Source: the format of LMDB 0.9 (``lmdb.h`` and ``mdb.c`` of OpenLDAP), data version 1.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors

_MAGIC, _VERSION, _NOWHERE = 0xBEEFC0DE, 1, 2**64 - 1
_HEAD = struct.Struct("<QHHHH")  # of a page: number, padding, kind, end of the list of nodes, begin of the nodes
_META = struct.Struct("<IIQQ" + 2 * "IHHQQQQQ" + "QQ")
_NODE = struct.Struct("<HHHH")  # two halves of a number, flags, length of the key
_BRANCH, _LEAF = 0x01, 0x02
_BIG, _SUB_DATABASE, _DUPLICATES = 0x01, 0x02, 0x04


def LMDBDataset(filenames: Any) -> Any:  # a class in 1.15
    """Returns a data set of the pairs (key, value) of databases, both strings; those of one database in key order.

    Python reads them while the data set runs, so a graph with it cannot be exported.

    Args:
      filenames: the path of a database, its file (``data.mdb``) or the folder of it, or several.

    Raises (when the data set runs):
      InvalidArgumentError: a file that is no such database, or one with several values for a key.
    """
    strings = (tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.string))
    paths = tf.data.Dataset.from_tensor_slices(tf.reshape(tf.convert_to_tensor(filenames, tf.string), [-1]))

    def of_file(path: Any) -> Any:
        return tf.data.Dataset.from_generator(pairs, output_signature=strings, args=(path,))

    return paths.flat_map(of_file)


def pairs(path: Any) -> Iterator[tuple[bytes, bytes]]:
    """Yields the pairs of one database in the order of their keys.

    Raises:
      ArgumentError: a file that is no such database, or one with several values for a key.
    """
    path = os.fsdecode(path)
    path = os.path.join(path, "data.mdb") if os.path.isdir(path) else path
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size < _HEAD.size + _META.size:
            raise _refused(path, "is no database of LMDB")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield from _File(path, data).pairs()


class _Meta(NamedTuple):
    """What counts of a page that describes a file."""

    page_size: int
    root: int
    transaction: int


class _File:
    """An open database."""

    def __init__(self, path: str, data: mmap.mmap) -> None:
        self._path, self._data = path, data
        first = self._meta(0)
        second = self._meta(first.page_size)
        self._size = first.page_size
        self._root = max(first, second, key=lambda meta: meta.transaction).root

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Yields the pairs of the database."""
        if self._root != _NOWHERE:
            yield from self._below(self._root)

    def _below(self, page: int) -> Iterator[tuple[bytes, bytes]]:
        begin = page * self._size
        _, _, kind, end, _ = _HEAD.unpack_from(self._data, begin)
        places = struct.unpack_from(f"<{(end - _HEAD.size) // 2}H", self._data, begin + _HEAD.size)
        for place in places:
            low, high, flags, length = _NODE.unpack_from(self._data, begin + place)
            if kind & _BRANCH:
                yield from self._below(low | high << 16 | flags << 32)  # a page's number has 48 bits
            elif kind & _LEAF:
                yield self._pair(begin + place + _NODE.size, low | high << 16, flags, length)
            else:
                raise _refused(self._path, f"has a page of kind {kind} where keys should be")

    def _pair(self, begin: int, size: int, flags: int, length: int) -> tuple[bytes, bytes]:
        if flags & (_SUB_DATABASE | _DUPLICATES):
            raise _refused(self._path, "has databases in it, or several values for a key")
        key, value = self._data[begin : begin + length], begin + length
        if flags & _BIG:
            (page,) = struct.unpack_from("<Q", self._data, value)
            value = page * self._size + _HEAD.size
        return key, self._data[value : value + size]

    def _meta(self, begin: int) -> _Meta:
        magic, version, _, _, *rest = _META.unpack_from(self._data, begin + _HEAD.size)
        if (magic, version) != (_MAGIC, _VERSION):
            raise _refused(self._path, "is no database of LMDB")
        free, main, (_, transaction) = rest[:8], rest[8:16], rest[16:]
        return _Meta(page_size=free[0], root=main[-1], transaction=transaction)


def _refused(path: str, what: str) -> errors.ArgumentError:
    return errors.ArgumentError(errors.explain(f"the file {what}", got=path), where="LMDBDataset")
