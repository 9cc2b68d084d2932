"""Runs an unmodified TensorFlow 1 program; its help is that of :mod:`tf1bn.run`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn


class _Command:
    """Hands the command line on as it is, because flags behind the program's name are the program's."""

    def start(self, program: str, arguments: Sequence[str], text: str) -> NoReturn:
        """Runs the program and leaves with its exit code."""
        del program, text
        from tf1bn import run

        _forget_own_folder()
        sys.exit(run.main(arguments))


def _forget_own_folder() -> None:
    """Takes the folder of the console command off the search path, where Python put it as that of a script."""
    folder, name = os.path.split(os.path.abspath(sys.argv[0]))
    if name.partition(".")[0] == "tf1bn" and sys.path and os.path.abspath(sys.path[0]) == folder:
        del sys.path[0]


COMMAND = _Command()
