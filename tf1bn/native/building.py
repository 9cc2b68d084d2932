"""Compiles the library into a folder, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tf1bn import errors, progress
from tf1bn.native import compilers, places
from tf1bn.native.names import DIRECTORY_VARIABLE

_SHOWN_LINES = 12


class Built(NamedTuple):
    """What a build did.

    Attributes:
      path: the library.
      compiler: the command that compiled it; empty where the library was there.
    """

    path: Path
    compiler: str


def build(
    *, compiler: str | None = None, cache_dir: str | os.PathLike[str] | None = None, force: bool = False
) -> Built:
    """Compiles the op library unless it is there, and returns where it is.

    Safe beside other builds, of other machines as well, and when killed: the file appears under its name in one step,
    complete.

    Args:
      compiler: a GCC or Clang for C++17, or ``"ziglang"``, the Python package of this name; by default ``$CXX``, else
        the first of g++, clang++, c++ on the path, else ziglang.
      cache_dir: folder for the library; by default ``$TF1BN_NATIVE_DIR``, else ``tf1bn/native`` in the user's cache.
      force: compiles also where the library is there.

    Raises:
      NativeError: no compiler, no headers of TensorFlow, not Linux, a folder that cannot be written to, or the
        compiler fails.
    """
    with errors.located("tf1bn.native.build"):
        _require_system()
        target = places.folder(cache_dir) / places.file_name()
        if not force and _is_there(target):
            return Built(target, "")
        command = compilers.find(compiler)
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(target) as alone:
                if not force and _is_there(target):
                    return Built(target, "")  # another build was faster
                if alone:
                    _sweep(target)
                _compile(command, target)
        except OSError as error:
            raise errors.NativeError(
                errors.explain(
                    f"the folder {str(target.parent)!r} cannot be written to: {error.strerror or error}",
                    fix=f"Name another with --cache_dir or {DIRECTORY_VARIABLE}.",
                )
            ) from error
        return Built(target, shlex.join(command))


def _require_system() -> None:
    if not sys.platform.startswith("linux"):
        raise errors.NativeError(
            errors.explain("the native op library is for Linux", got=sys.platform, fix="Leave the kernel out here.")
        )


def _is_there(target: Path) -> bool:
    return target.is_file() and places.is_whole(target)


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[bool]:
    """Lets one build at a time compile, and tells whether that is so; the lock goes with the process that holds it.

    It saves work and is not what makes a build safe, so a file system without locks does not matter.
    """
    import fcntl

    with open(target.with_suffix(".lock"), "wb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX)
            alone = True
        except OSError:
            alone = False
        yield alone


def _sweep(target: Path) -> None:
    """Removes what killed builds of this machine left behind; another machine's build may be at work on its own."""
    for left in target.parent.glob(f"{target.stem}.{_machine()}.*"):
        with contextlib.suppress(OSError):
            shutil.rmtree(left)


def _machine() -> str:
    return "".join(c if c.isalnum() else "_" for c in os.uname().nodename) or "machine"


def _compile(command: Sequence[str], target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{target.stem}.{_machine()}.", dir=target.parent) as work:
        progress.say(f"compiling with {Path(command[0]).name}, which takes half a minute or so")
        made, finished = Path(work) / "library.so", Path(work) / "sealed.so"
        run_compiler([*command, *places.FLAGS, *_tensorflow_flags(), "-o", str(made)], work)
        with open(finished, "wb") as stream:
            stream.write(places.sealed(made.read_bytes()))
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(finished, 0o755)
        os.replace(finished, target)


def run_compiler(command: Sequence[str], work: str | os.PathLike[str]) -> None:
    """Runs a compiler.

    Args:
      command: program and arguments.
      work: a folder for what it makes beside.

    Raises:
      NativeError: it cannot be run, or it fails; the text has the end of what it says.
    """
    environment = {**_caches(Path(work)), **os.environ}
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environment)
    except OSError as error:
        raise errors.NativeError(errors.explain(f"the compiler {command[0]!r} cannot be run: {error}")) from error
    if done.returncode:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_SHOWN_LINES:])
        raise errors.NativeError(
            errors.explain(
                f"the compiler {command[0]!r} failed",
                got=done.returncode,
                expected="GCC 9 or Clang 11, or newer",
                fix=f"It says:\n{said}",
            )
        )


def _caches(work: Path) -> Mapping[str, str]:
    """Returns where Zig keeps what it makes of its own libraries: not in the home, unless the user names a place."""
    return {name: str(work / "zig") for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR")}


def _tensorflow_flags() -> list[str]:
    import tensorflow.compat.v1 as tf

    include = Path(tf.sysconfig.get_include())
    if not (include / "tensorflow" / "c" / "kernels.h").is_file():
        raise errors.NativeError(
            errors.explain(
                f"this TensorFlow comes without its C headers in {str(include)!r}",
                fix="Build beside a TensorFlow from pip; the library serves every TensorFlow 2 since 2.15.",
            )
        )
    # Source before libraries, as linkers want it.
    return [f"-I{include}", str(places.SOURCE / "ops.cc"), *_exports(), *tf.sysconfig.get_link_flags()]


def _exports() -> list[str]:
    """Returns what keeps all names but our own inside: of a C++ library within, other libraries must not find any."""
    return ["-Xlinker", f"--version-script={places.SOURCE / 'exports.map'}"]
