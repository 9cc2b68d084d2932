"""Opens a checkpoint of either format, and explains what is wrong when there is none."""

from __future__ import annotations

import contextlib
import glob
import os
import re

from tf1bn import errors
from tf1bn.checkpoint.bundle import Bundle
from tf1bn.checkpoint.v1_format import V1Checkpoint

Checkpoint = Bundle | V1Checkpoint


def open_checkpoint(prefix: str | os.PathLike[str]) -> Checkpoint:
    """Opens the checkpoint of a prefix for reading; V2, V1, or V1 in several files.

    The folder of a SavedModel stands for the variables in it. A V2 checkpoint opens without its data files: the
    index has every name, type and shape; reading a value then fails.

    Raises:
      CheckpointMissingError: nothing there; the text says what was meant instead, where that can be seen.
      CheckpointDamagedError: something is there, and is cut, altered, or no checkpoint.
      CheckpointUnsupportedError: compressed or big-endian.
    """
    # People pass the name of one shard, or the pattern that TensorFlow 1 printed.
    prefix = _in_saved_model(re.sub(r"-(\?{5}|\d{5})-of-\d{5}$", "", os.fspath(prefix)))
    # The newer format wins where both are there, as in TensorFlow.
    if os.path.lexists(prefix + ".index"):
        return Bundle(prefix)
    if os.path.isfile(prefix) and not _hint_of_suffix(prefix):
        _refuse_other_formats(prefix)
        return V1Checkpoint(prefix, [prefix])
    sharded = sorted(glob.glob(glob.escape(prefix) + "-?????-of-?????"))
    if sharded:
        return V1Checkpoint(prefix, _complete(prefix, sharded))
    raise errors.CheckpointMissingError(
        errors.explain(
            f"there is no checkpoint {prefix!r}", expected="a prefix such as DIR/model.ckpt-1000", fix=_hint(prefix)
        )
    )


def _in_saved_model(path: str) -> str:
    """Returns the prefix of the variables in the folder of a SavedModel, or in its folder ``variables``."""
    for inner in ("variables/variables", "variables"):
        prefix = os.path.join(path, inner)
        if os.path.isdir(path) and os.path.isfile(prefix + ".index"):
            return prefix
    return path


# First bytes of what else people keep weights in.
_FORMATS = (
    (b"\x89HDF", "an HDF5 file, as Keras writes weights"),
    (b"PK\x03\x04", "a zip archive, such as .npz, .keras or a PyTorch file"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"\x93NUMPY", "a NumPy array"),
)


def _refuse_other_formats(path: str) -> None:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        head = file.read(8)
        for magic, what in _FORMATS:
            if head.startswith(magic):
                raise errors.CheckpointUnsupportedError(
                    errors.explain(
                        f"{path!r} is {what}, not a checkpoint of TensorFlow",
                        fix="Load it with its own library into the program's variables and save them with a Saver.",
                    )
                )


def _complete(prefix: str, paths: list[str]) -> list[str]:
    # Each file says how many there are; two sets of other counts may lie side by side.
    count = int(paths[0][-5:]) if paths[0][-5:].isdigit() else 0
    if [f"{prefix}-{shard:05d}-of-{count:05d}" for shard in range(count)] != paths:
        raise errors.CheckpointMissingError(
            errors.explain(f"files of the V1 checkpoint {prefix!r} are missing", got=paths, expected=f"{count} files")
        )
    return paths


def _hint_of_suffix(prefix: str) -> str:
    match = re.fullmatch(r"(.+)\.(index|meta|data-\d{5}-of-\d{5})", prefix)
    return f"This is one file of it; pass the prefix {match[1]!r}." if match else ""


def _hint(prefix: str) -> str:
    if os.path.isfile(os.path.join(prefix, "saved_model.pb")):
        return "This SavedModel has no variables; its weights, if it has any, are constants in saved_model.pb."
    if os.path.isdir(prefix):
        latest = _latest(prefix)
        return f"This is a directory; pass a prefix{f', perhaps {latest!r}' if latest else ' inside it'}."
    if glob.glob(glob.escape(prefix) + ".data-*"):
        return f"Data files are there, but {prefix + '.index'!r} is not: the checkpoint is incomplete."
    folder = os.path.dirname(prefix) or "."
    if not os.path.isdir(folder):
        return f"The directory {folder!r} does not exist."
    near = [path[: -len(".index")] for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.index")))]
    return _hint_of_suffix(prefix) or errors.did_you_mean(prefix, near).strip()


def _latest(folder: str) -> str:
    """Returns the newest prefix that the folder's `checkpoint` file names, or nothing."""
    try:
        with open(os.path.join(folder, "checkpoint"), encoding="utf-8", errors="replace") as file:
            match = re.search(r'^model_checkpoint_path: "([^"]+)"', file.read(4096), re.MULTILINE)
    except OSError:
        return ""
    return os.path.join(folder, match[1]) if match else ""
