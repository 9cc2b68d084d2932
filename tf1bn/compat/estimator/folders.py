"""Folders of exports, which are named by their time in seconds."""

from __future__ import annotations

import os
import time

import tensorflow.compat.v1 as tf

from tf1bn import errors

_TRIES = 10


def new_export(base: str) -> str:
    """Returns a folder below ``base`` that does not exist, named by the time in seconds since 1970.

    Raises:
      ExportError: other exports took each of the next names.
    """
    for _ in range(_TRIES):
        path = os.path.join(base, str(int(time.time())))
        if not tf.gfile.Exists(path) and not tf.gfile.Exists(temporary(path)):
            return path
        time.sleep(1)
    raise errors.ExportError(errors.explain("no free name for a new export", got=base))


def temporary(path: str) -> str:
    """Returns the folder in which an export is made, before it gets its name."""
    base, name = os.path.split(path)
    return os.path.join(base, f"temp-{name}")


def exports(base: str) -> list[str]:
    """Returns the exports below a folder, oldest first."""
    if not tf.gfile.IsDirectory(base):
        return []
    names = (name.rstrip("/") for name in tf.gfile.ListDirectory(base))
    return [os.path.join(base, name) for name in sorted((n for n in names if n.isdigit()), key=int)]


def keep_newest(base: str, count: int | None) -> None:
    """Deletes all exports below a folder but the newest; None keeps all."""
    if count is None:
        return
    for path in exports(base)[:-count]:
        try:
            tf.gfile.DeleteRecursively(path)
        except tf.errors.NotFoundError:
            tf.logging.warning("cannot delete the old export %s", path)
