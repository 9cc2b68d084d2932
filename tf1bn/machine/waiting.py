"""Says that TensorFlow is being asked, for whom it takes long: its first start on a machine may take half a minute."""

from __future__ import annotations

import sys
from typing import TextIO

TEXT = "asking TensorFlow in a process of its own"
BETWEEN_LINES = 10
"""Seconds from one line to the next where there is no terminal."""


class Waiting:
    """Counts seconds on stderr: in place on a terminal, in lines elsewhere; a context manager."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._next_line = 0.0
        self._drawn = 0

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            self._stream.write(f"\r{' ' * self._drawn}\r")
            self._stream.flush()

    def __call__(self, seconds: float) -> None:
        """Tells how many seconds have gone by, if it is time for that."""
        text = f"{TEXT}: {seconds:.0f} s"
        if self._terminal:
            self._stream.write(f"\r{text}")
            self._drawn = max(self._drawn, len(text))
        elif seconds >= self._next_line:
            self._stream.write(f"{text}\n")
            self._next_line = seconds + BETWEEN_LINES
        self._stream.flush()
