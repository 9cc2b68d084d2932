"""What compiles the library: GCC or Clang of the system, or the C++ compiler of the Python package ``ziglang``."""

from __future__ import annotations

import importlib.util
import os
import platform
import shlex
import shutil
import sys

from tf1bn import errors

PROGRAMS = ("g++", "clang++", "c++")
ZIG = "ziglang"

# The C library that wheels of TensorFlow ask for. A file built against it runs with every later one.
_C_LIBRARY = "2.17"


def find(named: str | None = None) -> tuple[str, ...]:
    """Returns the command of a compiler: its program and its first arguments.

    Args:
      named: a program, on the path or with its path, arguments behind it; or ``"ziglang"``. By default ``$CXX``, else
        the first of g++, clang++, c++ on the path, else the package ziglang where it is installed.

    Raises:
      NativeError: there is none, or not the one that is named.
    """
    wanted = named or os.environ.get("CXX") or ""
    if wanted and wanted != ZIG:
        # A path may hold a space, and is then no list of words.
        program, *arguments = [wanted] if shutil.which(wanted) else shlex.split(wanted) or [wanted]
        path = shutil.which(program)
        found = (path, *arguments) if path else None
    elif wanted:
        found = zig()
    else:
        path = next((path for path in map(shutil.which, PROGRAMS) if path), None)
        found = (path,) if path else zig()
    if found is None:
        raise errors.NativeError(
            errors.explain(
                f"the C++ compiler {wanted!r} is not here" if wanted else "there is no C++ compiler",
                expected="GCC or Clang, for C++17, on the path, or the Python package ziglang",
                fix="Install one (apt install g++, dnf install gcc-c++, pip install ziglang), name one with "
                "--compiler, or build on another machine of this kind and copy the file.",
            )
        )
    return found


def zig(machine: str | None = None) -> tuple[str, ...] | None:
    """Returns the command of the package's compiler for a kind of machine, by default this one; None without it.

    The target is spelled out: else the compiler takes this processor's instructions and this system's C library.
    """
    if importlib.util.find_spec(ZIG) is None:
        return None
    target = f"{machine or platform.machine()}-linux-gnu.{_C_LIBRARY}"
    return (sys.executable, "-m", ZIG, "c++", "-target", target)
