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
_PAGE = struct.Struct("<Q")  # the number of one
_NODE = struct.Struct("<HHHH")  # two halves of a number, flags, length of the key
_BRANCH, _LEAF = 0x01, 0x02
_BIG, _SUB_DATABASE, _DUPLICATES = 0x01, 0x02, 0x04
_DEEPEST = 32
"""Levels that a tree may have; one that goes on is a circle in a damaged file."""


def LMDBDataset(filenames: Any) -> Any:  # a class in 1.15
    """Returns a data set of the pairs (key, value) of databases, both strings; those of one database in key order.

    Python reads them while the data set runs, so a graph with it cannot be exported.

    Args:
      filenames: the path of a database, its file (``data.mdb``) or the folder of it, or several.

    Raises (when the data set runs):
      InvalidArgumentError: a file that is no such database, is cut off, or has several values for a key.
    """
    strings = (tf.TensorSpec([], tf.string), tf.TensorSpec([], tf.string))
    paths = tf.data.Dataset.from_tensor_slices(tf.reshape(tf.convert_to_tensor(filenames, tf.string), [-1]))

    def of_file(path: Any) -> Any:
        return tf.data.Dataset.from_generator(pairs, output_signature=strings, args=(path,))

    return paths.flat_map(of_file)


def pairs(path: Any) -> Iterator[tuple[bytes, bytes]]:
    """Yields the pairs of one database in the order of their keys.

    Raises:
      ArgumentError: a file that is no such database, is cut off, or has several values for a key.
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
            yield from self._below(self._root, 1)

    def _below(self, page: int, level: int) -> Iterator[tuple[bytes, bytes]]:
        if level > _DEEPEST:
            raise _refused(self._path, f"is damaged: its tree has more than {_DEEPEST} levels")
        begin = page * self._size
        _, _, kind, end, _ = self._read(_HEAD, begin)
        for (place,) in struct.iter_unpack("<H", self._bytes(begin + _HEAD.size, max(0, end - _HEAD.size) // 2 * 2)):
            low, high, flags, length = self._read(_NODE, begin + place)
            if kind & _BRANCH:
                # A page's number has 48 bits.
                yield from self._below(low | high << 16 | flags << 32, level + 1)
            elif kind & _LEAF:
                yield self._pair(begin + place + _NODE.size, low | high << 16, flags, length)
            else:
                raise _refused(self._path, f"has a page of kind {kind} where keys should be")

    def _pair(self, begin: int, size: int, flags: int, length: int) -> tuple[bytes, bytes]:
        if flags & (_SUB_DATABASE | _DUPLICATES):
            raise _refused(self._path, "has databases in it, or several values for a key")
        key, value = self._bytes(begin, length), begin + length
        if flags & _BIG:
            (page,) = self._read(_PAGE, value)
            value = page * self._size + _HEAD.size
        return key, self._bytes(value, size)

    def _meta(self, begin: int) -> _Meta:
        magic, version, _, _, *rest = self._read(_META, begin + _HEAD.size)
        if (magic, version) != (_MAGIC, _VERSION):
            raise _refused(self._path, "is no database of LMDB")
        free, main, (_, transaction) = rest[:8], rest[8:16], rest[16:]
        return _Meta(page_size=free[0], root=main[-1], transaction=transaction)

    def _read(self, form: struct.Struct, begin: int) -> tuple[int, ...]:
        return form.unpack(self._bytes(begin, form.size))

    def _bytes(self, begin: int, size: int) -> bytes:
        """Returns a part of the file, which a slice alone would give shorter where the file ends within it."""
        if begin + size > len(self._data):
            raise _refused(self._path, f"is cut off or damaged: it has {len(self._data)} bytes, not {begin + size}")
        return self._data[begin : begin + size]


def _refused(path: str, what: str) -> errors.ArgumentError:
    return errors.ArgumentError(errors.explain(f"the file {what}", got=path), where="LMDBDataset")
