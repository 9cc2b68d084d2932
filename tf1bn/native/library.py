"""Loads the library into this process, once."""

from __future__ import annotations

import ctypes
import threading
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.native import places
from tf1bn.native.names import BUILD_COMMAND

_lock = threading.Lock()
_loaded: list[Any] = []


class Info(NamedTuple):
    """The library of this process.

    Attributes:
      path: its file.
      levels: sets of instructions that this processor runs, best first.
      threads: threads of an op where a session does not say how many.
    """

    path: str
    levels: tuple[str, ...]
    threads: int


def available() -> bool:
    """Whether the library is built; nothing is loaded."""
    try:
        places.find()
    except errors.NativeError:
        return False
    return True


def load() -> Any:
    """Returns the ops as functions; loads the library at the first call.

    Raises:
      NativeError: the library is not built, is damaged, or does not load here.
    """
    with _lock:
        if not _loaded:
            _loaded.append(_open(str(places.find())))
        return _loaded[0]


def info() -> Info:
    """Returns what the library says of this processor.

    Raises:
      NativeError: as ``load``.
    """
    load()
    path = str(places.find())
    library = ctypes.CDLL(path)
    library.tf1bn_native_level.restype = ctypes.c_char_p
    levels: list[str] = []
    while (name := library.tf1bn_native_level(len(levels))) is not None:
        levels.append(name.decode())
    return Info(path, tuple(levels), library.tf1bn_native_threads())


def _open(path: str) -> Any:
    try:
        ops = tf.load_op_library(path)
        library = ctypes.CDLL(path)
        library.tf1bn_native_problem.restype = ctypes.c_char_p
        problem = library.tf1bn_native_problem().decode()
    except (tf.errors.OpError, RuntimeError, OSError) as error:
        problem = str(error)
    if problem:
        raise errors.NativeError(
            errors.explain(
                f"the native op library {path!r} does not load here: {problem}",
                fix=f"Build it anew on this machine: {BUILD_COMMAND} --force.",
            )
        )
    return ops
