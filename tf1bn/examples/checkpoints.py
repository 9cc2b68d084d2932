"""Finding and restoring checkpoints, with an answer for each way in which that fails."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors

NAME = "model"
"""Prefix of the checkpoints in a model folder: ``model-1000.index``, ``model-1000.data-00000-of-00001``, ..."""

_SHADOW = "/ExponentialMovingAverage"

# How checkpoints of other code bases name their averages: a part of the name, and whose it is.
_FOREIGN = {
    "/BatchNorm/moving_": "tf.contrib.layers or slim",
    "batch_normalization": "tf.layers",
    "mean/EMA": "tensorpack",
}


def require_writable(folder: Path) -> None:
    """Makes a folder and checks that files can be made in it.

    Raises:
      CheckpointError: not possible; the text has the system's reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise errors.CheckpointError(_unwritable(folder, error.strerror or str(error))) from error


def require_creatable(folder: Path) -> None:
    """Checks, without making anything, that :func:`require_writable` can be expected to succeed.

    Raises:
      CheckpointError: the folder, or the closest parent that exists, is no folder or cannot be written.
    """
    closest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not closest.is_dir():
        raise errors.CheckpointError(_unwritable(folder, f"{str(closest)!r} is not a folder"))
    if not os.access(closest, os.W_OK | os.X_OK):
        raise errors.CheckpointError(_unwritable(folder, f"no permission to write into {str(closest)!r}"))


def latest(folder: Path) -> str | None:
    """Returns the prefix of the newest checkpoint of a folder, None if it has none.

    Raises:
      CheckpointError: the folder names a checkpoint whose files are gone.
    """
    try:
        state = tf.train.get_checkpoint_state(str(folder))
    except (tf.errors.OpError, OSError, ValueError) as error:
        raise errors.CheckpointError(
            errors.explain(f"the file 'checkpoint' in {str(folder)!r} cannot be read: {error}")
        ) from error
    if state is None or not state.model_checkpoint_path:
        return None
    recorded = Path(state.model_checkpoint_path)
    prefix = folder / recorded.name  # the folder may have been moved since
    if not _index(prefix).exists():
        raise errors.CheckpointError(
            errors.explain(
                f"the newest checkpoint of {str(folder)!r} is missing: no file {_index(prefix).name}",
                fix="Restore its files, or name another one with --checkpoint.",
            )
        )
    return str(prefix)


def kept(folder: Path) -> list[str]:
    """Returns the prefixes of all checkpoints of a folder that a Saver should know, oldest first."""
    state = tf.train.get_checkpoint_state(str(folder))
    names = [] if state is None else [Path(path).name for path in state.all_model_checkpoint_paths]
    return [str(folder / name) for name in names if _index(folder / name).exists()]


def require_latest(folder: Path) -> str:
    """Returns the prefix of the newest checkpoint of a folder.

    Raises:
      CheckpointError: no such folder, no checkpoint in it, or its files are gone.
    """
    if not folder.is_dir():
        raise errors.CheckpointError(
            errors.explain(f"there is no folder {str(folder)!r}", fix="Name a folder that `tf1bn train` wrote.")
        )
    prefix = latest(folder)
    if prefix is None:
        raise errors.CheckpointError(
            errors.explain(
                f"there is no checkpoint in {str(folder)!r}",
                fix="Train first, or name a folder that `tf1bn train` wrote.",
            )
        )
    return prefix


def require_prefix(prefix: str) -> str:
    """Returns the prefix of a checkpoint that exists; one of its files is accepted in its place.

    Raises:
      CheckpointError: there is no such checkpoint.
    """
    for ending in (".index", ".meta", ".data-00000-of-00001"):
        prefix = prefix.removesuffix(ending)
    if not _index(Path(prefix)).exists():
        folder = Path(prefix).parent
        known = sorted(path.name.removesuffix(".index") for path in folder.glob("*.index"))
        raise errors.CheckpointError(
            errors.explain(
                f"there is no checkpoint {prefix!r}: no file {_index(Path(prefix)).name}",
                expected=f"one of {', '.join(known)}" if known else "the prefix of a checkpoint",
                fix="A checkpoint is named by its prefix, such as folder/model-1000.",
            )
        )
    return prefix


def restore(session: Any, saver: Any, prefix: str, strategy: str) -> None:
    """Restores all variables of the session's graph, after checking that the checkpoint is one of this network.

    Args:
      session: open on the graph that ``saver`` was made in.
      saver: a plain ``tf.train.Saver``.
      prefix: of the checkpoint.
      strategy: the update strategy that the graph was built with, or "none", for messages.

    Raises:
      CheckpointError: damaged files; variables that are missing or of another shape.
    """
    with _readable(prefix):
        found = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
    with session.graph.as_default():
        # Not `op.name`: to give its op, a variable of tf.distribute may have to be read.
        wanted = {variable.name.partition(":")[0]: variable.shape.as_list() for variable in tf.global_variables()}
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise errors.CheckpointError(_missing(prefix, missing, set(found), strategy))
    other = sorted(name for name in wanted if wanted[name] != found[name])
    if other:
        raise errors.CheckpointError(
            errors.explain(
                f"checkpoint {prefix!r} is of a network of another size: {len(other)} variables differ in shape, "
                f"first {other[0]!r}",
                got=found[other[0]],
                expected=str(wanted[other[0]]),
                fix="Use the checkpoint that belongs to this run.",
            )
        )
    with _readable(prefix):
        saver.restore(session, prefix)


def step_of(prefix: str) -> int | None:
    """Returns the global step in a checkpoint, None where it keeps none."""
    with _readable(prefix):
        reader = tf.train.load_checkpoint(prefix)
        return int(reader.get_tensor("global_step")) if reader.has_tensor("global_step") else None


def _missing(prefix: str, missing: list[str], found: set[str], strategy: str) -> str:
    names = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
    keeper, layout = _strategy_of(found), _layout_of(found)
    if layout:
        what = f"its names are of another layout, that of {layout}"
        fix = "Rename its variables to the names of this network first, or build the network with that code."
    elif all(name.endswith(_SHADOW) for name in missing) or keeper == "none" or strategy == "none":
        what = f"it was written with strategy {keeper}, the graph keeps its averages with strategy {strategy}"
        fix = "Use the strategy that it was trained with, or train into another folder."
    else:
        what = "it is of another network"
        fix = "Use the checkpoint that belongs to this run."
    return errors.explain(
        f"checkpoint {prefix!r} lacks {len(missing)} of the graph's variables ({names}): {what}", fix=fix
    )


def _strategy_of(names: set[str]) -> str:
    if any(name.endswith(_SHADOW) for name in names):
        return "ema"
    return "inline, collection or frozen" if any(name.endswith("/moving_mean") for name in names) else "none"


def _layout_of(names: set[str]) -> str:
    return next((owner for part, owner in _FOREIGN.items() if any(part in f"/{name}" for name in names)), "")


def _index(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}.index")


def _unwritable(folder: Path, why: str) -> str:
    return errors.explain(
        f"cannot write into {str(folder)!r}: {why}", fix="Name another folder, or give the permission to write."
    )


@contextlib.contextmanager
def _readable(prefix: str) -> Iterator[None]:
    """Turns TensorFlow's errors on damaged files into ours; its message is kept to the first line."""
    try:
        yield
    except (tf.errors.OpError, RuntimeError, ValueError) as error:
        reason = str(getattr(error, "message", error)).splitlines()[0]
        raise errors.CheckpointError(
            errors.explain(
                f"checkpoint {prefix!r} is damaged or incomplete: {reason}",
                fix="Copy its .index and .data files again, or use an older checkpoint of the folder.",
            )
        ) from error
