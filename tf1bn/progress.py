"""Progress of long work on stderr: a bar on a terminal where tqdm is installed, plain lines elsewhere.

A program that knows its own steps makes a :class:`Progress`. The library counts what may take long in a
:func:`stage`, and nobody sees that but within :func:`shown`, which the commands use.
"""

from __future__ import annotations

import contextlib
import contextvars
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TextIO, TypeVar

__all__ = ["shown"]  # the rest is for the library and its commands

Item = TypeVar("Item")

BYTES = "MiB"
"""The unit of steps that are bytes."""
PATIENCE_SECONDS = 2.0
"""How long a stage of the library stays unseen: most end before."""


class Progress:
    """Counts steps of known number; a context manager.

    Args:
      total: steps in all.
      label: what is going on.
      start: steps that were done before.
      stream: where to write; by default stderr.
      quiet: writes nothing.
      unit: what the steps are, behind their number. :data:`BYTES` for bytes, whose number is divided by 2^20.
      patience_seconds: for how long nothing is written; work that ends before leaves no trace.
    """

    LINES = 10

    def __init__(
        self,
        total: int,
        label: str,
        *,
        start: int = 0,
        stream: TextIO | None = None,
        quiet: bool = False,
        unit: str = "",
        patience_seconds: float = 0.0,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._total, self._label, self._done, self._quiet, self._unit = total, label, start, quiet, unit
        self._text = ""
        self._start, self._began, self._patience = start, time.monotonic(), patience_seconds
        self._bar = None if quiet else _bar(total, label, start, self._stream, unit, patience_seconds)

    def __enter__(self) -> Progress:
        display = None if self._quiet else _display.get()
        # What is counted within is a part of this and not shown by itself.
        self._displays = [display] if display is not None and not display.taken else []
        for free in self._displays:
            free.taken = True
        return self

    def __exit__(self, *_: object) -> None:
        for held in self._displays:
            held.taken = False
        if self._bar is not None:
            self._bar.close()

    def advance(self, steps: int = 1) -> None:
        """Counts steps; prints a line for every tenth of the work when there is no bar."""
        before, self._done = self._done, self._done + steps
        if self._bar is not None:
            self._bar.update(steps)
        elif not self._quiet and self._done * self.LINES // self._total > before * self.LINES // self._total:
            spent = time.monotonic() - self._began
            if spent >= self._patience:
                self._write(f"{self._label}: {self._count()}{self._text}{self._left(spent)}")

    def through(self, items: Iterable[Item], size: Callable[[Item], int] = lambda _: 1) -> Iterator[Item]:
        """Yields the items and counts each, by its size in steps, when the next is asked for."""
        for item in items:
            yield item
            self.advance(size(item))

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

    def _count(self) -> str:
        size = 2**20 if self._unit == BYTES else 1
        return f"{self._done // size}/{self._total // size}{self._unit and f' {self._unit}'}"

    def _left(self, spent: float) -> str:
        """The time that the rest takes at the present rate; nothing below a second."""
        seconds = round(spent / (self._done - self._start) * (self._total - self._done))
        return f"  {seconds // 60}:{seconds % 60:02d} left" if seconds else ""

    def _write(self, text: str) -> None:
        if not self._quiet:
            print(text, file=self._stream, flush=True)


class _Display:
    """Where stages are seen, one at a time."""

    def __init__(self, stream: TextIO | None, patience_seconds: float) -> None:
        self.stream, self.patience_seconds = stream, patience_seconds
        self.taken = False


_display: contextvars.ContextVar[_Display | None] = contextvars.ContextVar("tf1bn_progress", default=None)


@contextlib.contextmanager
def shown(*, stream: TextIO | None = None, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Within it, calls of the library show how far their long stages are, and the time that is left of each.

    Only the thread that called it is watched. ::

        from tf1bn import checkpoint, progress

        with progress.shown():
            checkpoint.migrate(plan, "/models/new/model.ckpt")

    Args:
      stream: where to write; by default stderr.
      patience_seconds: a stage that ends before is not shown.
    """
    token = _display.set(_Display(stream, patience_seconds))
    try:
        yield
    finally:
        _display.reset(token)


@contextlib.contextmanager
def stage(label: str, total: int, unit: str = "") -> Iterator[Progress]:
    """Gives what counts the steps of a stretch of the library's work; quiet where nobody watches.

    Args:
      label: what is done, such as "reading weights".
      total: how many steps there are.
      unit: what they are, such as "tensors", or :data:`BYTES`.
    """
    display = _display.get()
    if display is None or display.taken or not total:
        yield Progress(total, label, quiet=True)
        return
    with Progress(
        total, label, stream=display.stream, unit=unit, patience_seconds=display.patience_seconds
    ) as progress:
        yield progress


def say(text: str) -> None:
    """Writes one line where progress is shown: for long work whose steps cannot be counted."""
    display = _display.get()
    if display is not None:
        print(text, file=display.stream or sys.stderr, flush=True)


def each(items: Collection[Item], label: str, unit: str = "") -> Iterator[Item]:
    """Yields the items, and counts them in a stage of their own."""
    with stage(label, len(items), unit) as progress:
        yield from progress.through(items)


def _bar(total: int, label: str, start: int, stream: TextIO, unit: str, patience_seconds: float) -> Any:
    """Returns a tqdm bar, or None where the stream is no terminal or tqdm is not installed."""
    if not stream.isatty():
        return None
    try:
        import tqdm
    except ImportError:
        return None
    form = {"unit": "B", "unit_scale": True, "unit_divisor": 1024} if unit == BYTES else {"unit": f" {unit or 'steps'}"}
    return tqdm.tqdm(total=total, desc=label, initial=start, file=stream, leave=False, delay=patience_seconds, **form)
