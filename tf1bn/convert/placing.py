"""Puts files in place so that there is either none of a target or all of it; the file that names the others is last."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence

from tf1bn import errors
from tf1bn.checkpoint.staging import Staging


def companions(path: str) -> list[str]:
    """Returns the files that belong to a target: itself, and the shards that its index names."""
    found = [path] if os.path.lexists(path) else []
    index = index_path(path)
    if os.path.lexists(index):
        found.append(index)
        with contextlib.suppress(OSError, ValueError, KeyError, AttributeError):
            with open(index, encoding="utf-8") as file:
                names = sorted(set(json.load(file)["weight_map"].values()))
            folder = os.path.dirname(path)
            inside = [os.path.join(folder, name) for name in names if os.path.basename(name) == name]
            found += [name for name in inside if os.path.lexists(name)]
    return found


def index_path(path: str) -> str:
    """Returns where the index of a target in several shards is."""
    return f"{path}.index.json"


def check(path: str, overwrite: bool) -> None:
    """Refuses a place that is taken or cannot be written.

    Raises:
      ConvertError: as said.
    """
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder) or not os.path.basename(path) or os.path.isdir(path):
        raise errors.ConvertError(
            errors.explain(f"{path!r} cannot be written", fix="Name a file in a directory that exists.")
        )
    taken = companions(path)
    if taken and not overwrite:
        raise errors.ConvertError(
            errors.explain(f"the output {taken[0]!r} exists", fix="Choose another, or overwrite=True (--overwrite).")
        )


@contextlib.contextmanager
def staged(path: str, overwrite: bool) -> Iterator[str]:
    """Gives a hidden folder beside a target, which is gone afterwards whatever happens.

    Raises:
      CheckpointExistsError: another process writes this target.
    """
    with _staging(path, overwrite).open() as staging:
        yield os.path.dirname(staging.prefix)


def _staging(path: str, overwrite: bool) -> Staging:
    return Staging(path, overwrite, index_path(path))


def commit(folder: str, names: Sequence[str], path: str, overwrite: bool) -> list[str]:
    """Moves finished files beside the target; the last of them is the one by which it is found.

    Raises:
      ConvertError: a target appeared meanwhile.
    """
    check(path, overwrite)
    beside = os.path.dirname(path)
    old = companions(path)
    final = [os.path.join(beside, name) for name in names]
    stray = [name for name in final if os.path.lexists(name) and name not in old]
    if stray and not overwrite:
        raise errors.ConvertError(errors.explain(f"the output {stray[0]!r} exists", fix="Choose another name."))
    mode = _usual_mode(folder)
    for name in names:
        os.chmod(os.path.join(folder, name), mode)  # safetensors lets nobody else read what it writes
        _flush(os.path.join(folder, name))
    if len(final) > 1:  # a kill between two of them leaves what the next run clears away
        _staging(path, overwrite).mark([*names, *map(os.path.basename, old)])
    for name in old:
        if name not in final or len(final) > 1:
            os.remove(name)
    for name, place in zip(names, final, strict=True):
        os.replace(os.path.join(folder, name), place)
    _flush(beside or ".")
    return final


def _usual_mode(folder: str) -> int:
    """Returns the permissions that a new file gets here."""
    path = os.path.join(folder, ".mode")
    with open(path, "w", encoding="utf-8") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
    os.remove(path)
    return mode


def _flush(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
