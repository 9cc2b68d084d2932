"""Where the library is looked for and built, and the check that a file is whole; needs no TensorFlow."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
from pathlib import Path

from tf1bn import errors
from tf1bn.native.names import BUILD_COMMAND, DIRECTORY_VARIABLE

SOURCE = Path(__file__).resolve().parent / "source"
PREBUILT = Path(__file__).resolve().parent / "prebuilt"
FLAGS = ("-std=c++17", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-math-errno", "-Wno-psabi")

# TensorFlow's C interface keeps its meaning within a major release, so one file serves all of them. No flag asks for
# this processor: the library holds every set of instructions and chooses when it runs.
_ABI = "tensorflow-2-c"
_SEAL = b"\ntf1bn.native "


def sources() -> list[Path]:
    """Returns the files that the library is made of, in a fixed order."""
    return sorted(path for path in SOURCE.iterdir() if path.suffix in (".cc", ".h", ".inc", ".map"))


@functools.cache
def key() -> str:
    """Returns what tells libraries apart: source, flags, interface, system and machine."""
    digest = hashlib.sha256("\0".join((*FLAGS, _ABI, sys.platform, platform.machine())).encode())
    for path in sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def file_name() -> str:
    """Returns the name of the library's file in a folder."""
    return f"tf1bn_native-{key()}.so"


def folder(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Returns the folder of libraries: the given one, ``$TF1BN_NATIVE_DIR``, or one in the user's cache."""
    given = cache_dir or os.environ.get(DIRECTORY_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    # A relative path in this variable is invalid by its specification.
    return (Path(cache) if cache and os.path.isabs(cache) else Path("~/.cache").expanduser()) / "tf1bn" / "native"


def candidates() -> list[Path]:
    """Returns where the library is looked for, in order: the folder, then what was installed with the package."""
    return [folder() / file_name(), PREBUILT / file_name()]


def sealed(content: bytes) -> bytes:
    """Returns a library with its digest behind it, where no loader looks."""
    return content + _SEAL + hashlib.sha256(content).hexdigest().encode()


def is_whole(path: Path) -> bool:
    """Whether a file ends with the digest of what stands before: not cut, not overwritten."""
    content = path.read_bytes()
    body, seal, digest = content.rpartition(_SEAL)
    return bool(seal) and hashlib.sha256(body).hexdigest().encode() == digest


def find() -> Path:
    """Returns the library's file.

    Raises:
      NativeError: there is none, or it is damaged.
    """
    tried = candidates()
    try:
        found = next((path for path in tried if path.is_file()), None)
        if found is not None and is_whole(found):
            return found
    except OSError as error:
        raise errors.NativeError(
            errors.explain(f"the native op library cannot be read: {error}", fix=f"Build it anew: {BUILD_COMMAND}")
        ) from error
    if found is not None:
        raise errors.NativeError(
            errors.explain(
                f"the native op library {str(found)!r} is damaged", fix=f"Remove it and build it anew: {BUILD_COMMAND}"
            )
        )
    raise errors.NativeError(
        errors.explain(
            "the native op library of this version of tf1bn is not built",
            got=[str(path) for path in tried],
            expected="one of these files",
            fix=f"Build it once: {BUILD_COMMAND}, with the same {DIRECTORY_VARIABLE} or none; if it was built with "
            f"--cache_dir, set {DIRECTORY_VARIABLE} to that folder; or leave the kernel out.",
        )
    )
