"""Checkpoints that a program names."""

from __future__ import annotations

import os
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def named(path: Any) -> str | None:
    """Returns the path of a checkpoint that a program passed, as text; None and an empty one mean the newest.

    Raises:
      CheckpointMissingError: there is none.
    """
    if not path:
        return None
    prefix = os.fsdecode(path)
    if not _exists(prefix):
        raise errors.CheckpointMissingError(
            errors.explain(
                "there is no checkpoint at `checkpoint_path`",
                got=prefix,
                expected="the path of its files without .index, as model.ckpt-100",
                fix="Of a folder, tf.train.latest_checkpoint(folder) gives the newest.",
            )
        )
    return prefix


def _exists(prefix: str) -> bool:
    """Whether there are files of a checkpoint, in the format of today or in the first one, whole or in parts."""
    if tf.gfile.Exists(f"{prefix}.index"):
        return True
    return any(not tf.gfile.IsDirectory(name) for name in tf.gfile.Glob([prefix, f"{prefix}-*-of-*"]))
