"""Printing for a reader who may go away before the end, as `head` does."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from tf1bn import exits


@contextlib.contextmanager
def for_reader() -> Iterator[None]:
    """Hands on what the block prints; where nobody reads it any more, leaves without a word.

    Use it around printing alone: a broken pipe of anything else, such as a connection, is no end of this kind.
    """
    try:
        yield
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        discard_unread()
        sys.exit(exits.READER_GONE)


def open_closed() -> None:
    """Opens stdout and stderr as nowhere where the program was started without them.

    Else the next file that is opened gets the number of stderr, and with it what native code writes there.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is not None:
            continue
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.fstat(number)
        except OSError:
            os.dup2(nowhere, number)
        setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8"))


def discard_unread() -> None:
    """Sends to nowhere what still waits for a reader who is gone: the interpreter flushes at its end and complains."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
