"""Python's garbage collector, held back while a large structure is built."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Holds the collector back in the block, if it is on.

    Trick: a graph of 100,000 nodes becomes a million small objects, none of them garbage. The collector would go
    through all of them again and again while they are made, which takes longer than to make them.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
