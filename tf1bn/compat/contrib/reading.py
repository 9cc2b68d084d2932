"""What tf.contrib.framework reads from checkpoints; its words for the arguments, and those of tf.train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def load_checkpoint(filepattern: Any = None, *, ckpt_dir_or_file: Any = None) -> Any:
    """Returns a reader of a checkpoint.

    Args:
      filepattern: a folder with a checkpoint, or the path of one; ``ckpt_dir_or_file`` is tf.train's word.
    """
    return tf.train.load_checkpoint(_one("load_checkpoint", "filepattern", filepattern, ckpt_dir_or_file))


def load_variable(checkpoint_dir: Any = None, name: str | None = None, *, ckpt_dir_or_file: Any = None) -> Any:
    """Returns the value of one variable of a checkpoint as an array.

    Args:
      checkpoint_dir: a folder with a checkpoint, or the path of one; ``ckpt_dir_or_file`` is tf.train's word.
      name: of the variable, with or without ``:0``.
    """
    if name is None:
        raise errors.ArgumentTypeError("load_variable: `name` is missing. Name the variable.")
    place = _one("load_variable", "checkpoint_dir", checkpoint_dir, ckpt_dir_or_file)
    return tf.train.load_variable(place, name.removesuffix(":0"))


def list_variables(checkpoint_dir: Any = None, *, ckpt_dir_or_file: Any = None) -> list[tuple[str, list[int]]]:
    """Returns name and shape of each variable of a checkpoint.

    Args:
      checkpoint_dir: a folder with a checkpoint, or the path of one; ``ckpt_dir_or_file`` is tf.train's word.
    """
    return tf.train.list_variables(_one("list_variables", "checkpoint_dir", checkpoint_dir, ckpt_dir_or_file))


def init_from_checkpoint(
    checkpoint_dir: Any = None, assignment_map: Mapping[str, Any] | None = None, *, ckpt_dir_or_file: Any = None
) -> None:
    """Makes variables begin with the values of a checkpoint.

    Args:
      checkpoint_dir: a folder with a checkpoint, or the path of one; ``ckpt_dir_or_file`` is tf.train's word.
      assignment_map: variables, their names or scopes, by name or scope in the checkpoint.
    """
    if assignment_map is None:
        raise errors.ArgumentTypeError("init_from_checkpoint: `assignment_map` is missing. Name what to restore.")
    place = _one("init_from_checkpoint", "checkpoint_dir", checkpoint_dir, ckpt_dir_or_file)
    tf.train.init_from_checkpoint(place, assignment_map)


def _one(where: str, word: str, given: Any, other: Any) -> Any:
    if (given is None) == (other is None):
        raise errors.ArgumentTypeError(f"{where}: `{word}` is missing, or given twice. Pass the checkpoint once.")
    return other if given is None else given
