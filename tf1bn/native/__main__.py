"""Builds the native op library, or tells about it; also ``tf1bn native``.

  python -m tf1bn.native build [--compiler=g++] [--cache_dir=DIR] [--force]
  python -m tf1bn.native info

Exit codes: 0 done, 1 refused, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from tf1bn import errors, exits
from tf1bn.native import building, telling
from tf1bn.native.names import DIRECTORY_VARIABLE


def main(arguments: Sequence[str]) -> int:
    """Runs one command, prints what it did, and returns the exit code."""
    given = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        print(_built(given) if given.command == "build" else _told())
    except errors.Tf1bnError as error:
        print(f"tf1bn.native: {error}", file=sys.stderr)
        return exits.REFUSED
    return exits.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tf1bn.native", description="The native op library of tf1bn.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="compile the library unless it is there, and print where it is")
    build.add_argument("--compiler", help="GCC, Clang or ziglang; by default $CXX, else the first there is")
    build.add_argument("--cache_dir", help=f"folder for it; by default ${DIRECTORY_VARIABLE}, else the user's cache")
    build.add_argument("--force", action="store_true", help="compile also where it is there")
    commands.add_parser("info", help="print where the library is and what it runs on this processor")
    return parser


def _built(given: argparse.Namespace) -> str:
    return telling.of_build(building.build(compiler=given.compiler, cache_dir=given.cache_dir, force=given.force))


def _told() -> str:
    from tf1bn.native import library

    return telling.of_library(library.info())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
