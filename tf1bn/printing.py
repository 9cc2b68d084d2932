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
        _discard()
        sys.exit(exits.READER_GONE)


def _discard() -> None:
    """Sends to nowhere what still waits for the reader: the interpreter flushes at its end and would complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
