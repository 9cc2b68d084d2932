"""Python's garbage collector, held back while a large structure is built."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Holds the collector back in the block, if it is on.

    Trick: a graph of 100,000 nodes becomes a million small objects, none of them garbage. The collector would go
    through all of them again and again while they are made, which takes longer than to make them, and once more right
    after the block, unless they are handed over as old: freezing and unfreezing does that without a look at them.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        gc.enable()
