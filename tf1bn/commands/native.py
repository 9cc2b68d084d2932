"""Builds the optional op library, or tells about it.

  tf1bn native build
  tf1bn native build --compiler=g++ --cache_dir=DIR --force
  tf1bn native info

`build` compiles the library unless it is there; it needs g++, clang or the Python package ziglang, once per machine.
`info` says where it is and which vector instructions it uses on this processor. kernel="native" of a layer uses it.

Exit codes: 0 done, 1 refused: no compiler, a folder that cannot be written to, or no library; 2 wrong usage.
"""

from __future__ import annotations

from tf1bn.commands import parsing

ACTIONS = ("build", "info")

_FLAGS = parsing.Flags()
_FLAGS.progress()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")
_COMPILER = _FLAGS.string("compiler", None, "GCC, Clang or ziglang; by default $CXX, else the first there is.")
_CACHE_DIR = _FLAGS.string("cache_dir", None, "Folder for it; by default $TF1BN_NATIVE_DIR, else the user's cache.")
_FORCE = _FLAGS.bool("force", False, "Compile also where it is there.")


def _work(words: list[str]) -> parsing.Report:
    if words[0] not in ACTIONS:
        raise parsing.UsageError(f"{words[0]!r} is not one of {', '.join(ACTIONS)}.")
    return _build() if words[0] == "build" else _info()


def _build() -> parsing.Report:
    from tf1bn.native import building, telling

    done = building.build(compiler=_COMPILER.value, cache_dir=_CACHE_DIR.value, force=_FORCE.value)
    return parsing.Report(telling.of_build(done), {"path": str(done.path), "compiler": done.compiler or None})


def _info() -> parsing.Report:
    from tf1bn.native import library, telling

    if _COMPILER.value or _CACHE_DIR.value or _FORCE.value:
        raise parsing.UsageError("--compiler, --cache_dir and --force belong to build.")
    found = library.info()
    return parsing.Report(telling.of_library(found), {**found._asdict(), "path": str(found.path)})


COMMAND = parsing.Command(_work, _FLAGS, _FORMAT, "build or info", exactly=1)
