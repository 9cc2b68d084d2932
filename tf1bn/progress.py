"""Progress of long work on stderr: a bar on a terminal where tqdm is installed, plain lines elsewhere.

A program that knows its own steps makes a :class:`Progress`. The library counts what may take long in a
:func:`stage`, and nobody sees that but within :func:`shown`, which the commands use.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TextIO, TypeVar

__all__ = ["shown"]  # the rest is for the library and its commands

Item = TypeVar("Item")

BYTES = "MiB"
"""The unit of steps that are bytes."""
STEPS = "steps"
"""The unit of steps that take unlike times: of these no time left can be told."""
PATIENCE_SECONDS = 2.0
"""How long nothing may be seen of the library's work: most of it ends before."""
_TICK_SECONDS = 1.0


class Progress:
    """Counts steps of known number; a context manager.

    Args:
      total: steps in all.
      label: what is going on.
      start: steps that were done before.
      stream: where to write; by default stderr.
      quiet: writes nothing.
      unit: what the steps are, behind their number. :data:`BYTES` for bytes, whose number is divided by 2^20.
      patience_seconds: for how long nothing is written; work that ends before leaves no trace. Then it is seen,
        even if no step ended yet.
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
        stream = sys.stderr if stream is None else stream
        # A program that was started without stderr has None there.
        self._quiet = quiet or stream is None
        self._stream = _Forgiving(stream)
        self._total, self._label, self._done, self._start, self._unit = total, label, start, start, unit
        self._text, self._begun = "", False
        self._began, self._patience = time.monotonic(), patience_seconds
        # Of what waits, the first line comes when the patience is over; all others mark the tenths.
        self._spoke = not patience_seconds
        self._over = threading.Event()
        self._ticker: threading.Thread | None = None
        self._display: _Display | None = None
        self._bar = None if self._quiet else _bar(total, label, start, self._stream, unit, patience_seconds)

    def __enter__(self) -> Progress:
        display = None if self._quiet else _display.get()
        # What is counted within is a part of this and not shown by itself.
        if display is not None and display.current is None:
            self._display, display.current = display, self
        if self._patience and not self._quiet:
            self._ticker = threading.Thread(target=self._tick, name="tf1bn-progress", daemon=True)
            self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Takes the bar away; nothing is written afterwards."""
        self._over.set()
        if self._ticker is not None:
            # No longer: an interrupt may have left a lock of the bar behind, which would never come free.
            self._ticker.join(_TICK_SECONDS)
            self._ticker = None
        if self._display is not None:
            self._display.current = None
            if time.monotonic() >= self._began + self._patience:
                self._display.seen()
            self._display = None
        if self._bar is not None:
            self._bar.close()
        self._quiet, self._bar = True, None

    def advance(self, steps: int = 1) -> None:
        """Counts steps; prints a line for every tenth of the work when there is no bar."""
        before, self._done = self._done, self._done + steps
        if self._bar is not None:
            self._bar.update(steps)
        elif not self._quiet:
            tenth = self._done * self.LINES // self._total > before * self.LINES // self._total
            if tenth or not self._spoke:
                self._speak()

    def reach(self, done: int) -> None:
        """Counts up to a number of steps, of which some may have been counted one by one."""
        if done > self._done:
            self.advance(done - self._done)

    def begin(self, text: str) -> None:
        """Names the step that begins, and counts the one before it."""
        self.show(text)
        if self._begun:
            self.advance()
        self._begun = True

    def through(self, items: Iterable[Item], size: Callable[[Item], int] = lambda _: 1) -> Iterator[Item]:
        """Yields the items and counts each, by its size in steps, when the next is asked for."""
        for item in items:
            yield item
            self.advance(size(item))

    def show(self, text: str) -> None:
        """Sets the text that stands beside the count."""
        self._text = f"  {text}"
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            if time.monotonic() >= self._began + self._patience:
                _draw(self._bar)

    def note(self, text: str) -> None:
        """Prints one line at once."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            self._write(text)

    def _count(self) -> str:
        unit, size = self._unit, 1
        if unit == BYTES:
            unit, size = (BYTES, 2**20) if self._total >= 2**20 else ("bytes", 1)
        return f"{self._done // size}/{self._total // size}{unit and f' {unit}'}"

    def _tick(self) -> None:
        """Runs in a thread: shows what is going on while a step takes long."""
        wait = self._patience
        while not self._over.wait(wait):
            wait = _TICK_SECONDS
            if (bar := self._bar) is not None:
                _draw(bar)
            elif not self._spoke:
                self._speak()

    def _speak(self) -> None:
        spent = time.monotonic() - self._began
        if spent >= self._patience:
            self._spoke = True
            self._write(f"{self._label}: {self._count()}{self._text}{self._left(spent)}")

    def _left(self, spent: float) -> str:
        """The time that the rest takes at the present rate; nothing below a second, or where no rate is known."""
        if self._done == self._start or self._unit == STEPS:
            return ""
        seconds = round(spent / (self._done - self._start) * (self._total - self._done))
        return f"  {seconds // 60}:{seconds % 60:02d} left" if seconds else ""

    def _write(self, text: str) -> None:
        if not self._quiet:
            # At once, so that lines of several threads stay apart.
            self._stream.write(text + "\n")
            self._stream.flush()


class _Forgiving:
    """A stream whose reader may leave: the work goes on, unseen."""

    def __init__(self, stream: Any) -> None:
        self._stream: Any = stream
        self._lost = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return self._try(lambda: self._stream.write(text)) or 0

    def flush(self) -> None:
        self._try(lambda: self._stream.flush())

    def _try(self, call: Callable[[], Any]) -> Any:
        if self._lost or self._stream is None:
            return None
        try:
            return call()
        except (OSError, ValueError) as error:  # ValueError: it was closed
            if isinstance(error, UnicodeError):
                raise
            self._lost = True
            return None


class _Display:
    """Where stages are seen, one at a time.

    Attributes:
      current: what is seen there now, or None.
    """

    def __init__(self, stream: TextIO | None, patience_seconds: float, current: Progress | None) -> None:
        self.stream, self.current = stream, current
        self._patience_seconds, self._seen = patience_seconds, time.monotonic()

    def seen(self) -> None:
        """Notes that something was shown just now."""
        self._seen = time.monotonic()

    def patience_seconds(self) -> float:
        """For how long the next stage stays unseen: many short ones after each other are one long wait."""
        if not self._patience_seconds:
            return 0.0
        return max(self._seen + self._patience_seconds - time.monotonic(), 0.01)


_display: contextvars.ContextVar[_Display | None] = contextvars.ContextVar("tf1bn_progress", default=None)


@contextlib.contextmanager
def shown(*, stream: TextIO | None = None, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Within it, calls of the library show how far their long stages are, and the time left where steps are alike.

    Only the thread that called it is watched. ::

        from tf1bn import checkpoint, progress

        with progress.shown():
            checkpoint.migrate(plan, "/models/new/model.ckpt")

    Args:
      stream: where to write; by default stderr.
      patience_seconds: for how long nothing need be seen. Calls that end before are not shown.
    """
    outer = _display.get()
    # A stage that goes on outside stays the one that is seen.
    held = outer.current if outer is not None else None
    display = _Display(stream, patience_seconds, held)
    token = _display.set(display)
    try:
        yield
    finally:
        _display.reset(token)
        # A generator that nobody reads to its end, or that an error holds, would leave its bar.
        if display.current is not None and display.current is not held:
            display.current.end()


@contextlib.contextmanager
def stage(label: str, total: int, unit: str = "") -> Iterator[Progress]:
    """Gives what counts the steps of a stretch of the library's work; quiet where nobody watches.

    Args:
      label: what is done, such as "reading weights".
      total: how many steps there are.
      unit: what they are, such as "tensors", or :data:`BYTES` or :data:`STEPS`.
    """
    display = _display.get()
    if display is None or display.current is not None or not total:
        yield Progress(total, label, quiet=True)
        return
    patience_seconds = display.patience_seconds()
    with Progress(total, label, stream=display.stream, unit=unit, patience_seconds=patience_seconds) as progress:
        yield progress


def say(text: str) -> None:
    """Writes one line where progress is shown: for long work whose steps cannot be counted."""
    display = _display.get()
    if display is not None:
        place = sys.stderr if display.stream is None else display.stream
        print(text, file=_Forgiving(place), flush=True)
        display.seen()


def each(items: Collection[Item], label: str, unit: str = "") -> Iterator[Item]:
    """Yields the items, and counts them in a stage of their own."""
    with stage(label, len(items), unit) as progress:
        yield from progress.through(items)


def _bar(total: int, label: str, start: int, stream: Any, unit: str, patience_seconds: float) -> Any:
    """Returns a tqdm bar, or None where the stream is no terminal of some size, or tqdm is not installed."""
    if not _has_size(stream):
        return None
    try:
        import tqdm
    except ImportError:
        return None
    form: dict[str, Any] = {"unit": f" {unit or 'steps'}"}
    if unit == BYTES:
        form = {"unit": "B", "unit_scale": True, "unit_divisor": 1024}
    if unit == STEPS:
        form["bar_format"] = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
    return tqdm.tqdm(total=total, desc=label, initial=start, file=stream, leave=False, delay=patience_seconds, **form)


def _draw(bar: Any) -> None:
    # With a delay the bar believes that it was never seen, and stays when it is closed.
    bar.delay = 0.0
    bar.refresh()


def _has_size(stream: Any) -> bool:
    """Whether a stream is a terminal, and of some size: in one of no columns, as under `script`, no bar is seen."""
    try:
        if not stream.isatty():
            return False
    except ValueError:  # it is closed
        return False
    try:
        return bool(min(os.get_terminal_size(stream.fileno())))
    except (OSError, ValueError):  # it stands in for a terminal
        return True
