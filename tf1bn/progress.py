"""Progress of long work on stderr: a bar on a terminal where tqdm is installed, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO


class Progress:
    """Counts steps of known number; a context manager.

    Args:
      total: steps in all.
      label: what is going on.
      start: steps that were done before.
      stream: where to write; by default stderr.
      quiet: writes nothing.
    """

    LINES = 10

    def __init__(
        self, total: int, label: str, *, start: int = 0, stream: TextIO | None = None, quiet: bool = False
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._total, self._label, self._done, self._quiet = total, label, start, quiet
        self._text = ""
        self._start, self._began = start, time.monotonic()
        self._bar = None if quiet else _bar(total, label, start, self._stream)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, steps: int = 1) -> None:
        """Counts steps; prints a line for every tenth of the work when there is no bar."""
        before, self._done = self._done, self._done + steps
        if self._bar is not None:
            self._bar.update(steps)
        elif self._done * self.LINES // self._total > before * self.LINES // self._total:
            self._write(f"{self._label}: {self._done}/{self._total}{self._text}{self._left()}")

    def show(self, text: str) -> None:
        """Sets the text that stands beside the count."""
        self._text = f"  {text}"
        if self._bar is not None:
            self._bar.set_postfix_str(text)

    def note(self, text: str) -> None:
        """Prints one line at once."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            self._write(text)

    def _left(self) -> str:
        """The time that the rest takes at the present rate; nothing below a second."""
        spent = time.monotonic() - self._began
        seconds = round(spent / (self._done - self._start) * (self._total - self._done))
        return f"  {seconds // 60}:{seconds % 60:02d} left" if seconds else ""

    def _write(self, text: str) -> None:
        if not self._quiet:
            print(text, file=self._stream, flush=True)


def _bar(total: int, label: str, start: int, stream: TextIO) -> Any:
    """Returns a tqdm bar, or None where the stream is no terminal or tqdm is not installed."""
    if not stream.isatty():
        return None
    try:
        import tqdm
    except ImportError:
        return None
    return tqdm.tqdm(total=total, desc=label, initial=start, file=stream, leave=False)
