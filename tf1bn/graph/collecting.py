"""Python's garbage collector, held back while a large structure is built."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_LEAST = 500_000
"""So many objects are made in blocks before the collector goes through all that there is: some hundred megabytes."""

_MANY = 50_000
"""From how many objects on a block hands them over as old: to go through fewer takes a few milliseconds."""


class _Tally:
    """What blocks handed over as old since the collector last went through everything, and how much it left then."""

    made = 0
    left = 0


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Holds the collector back in the block, if it is on.

    Trick: a graph of 100,000 nodes becomes a million small objects, none of them garbage. The collector would go
    through all of them again and again while they are made, which takes longer than to make them, and once more right
    after the block, unless they are handed over as old: freezing and unfreezing does that without a look at them.

    The collector does not count what it is given so, and would never look at old objects again in a process that makes
    nothing else: each graph that such a process has read and dropped would stay. So a later block counts for it, by the
    collector's own rule, a quarter of what there was.
    """
    if not gc.isenabled():
        yield
        return
    if _Tally.made > max(_LEAST, _Tally.left // 4):
        gc.collect()
        _Tally.made, _Tally.left = 0, len(gc.get_objects())
    gc.disable()
    try:
        yield
    finally:
        made = gc.get_count()[0]
        # Last, as it takes a tenth of a second to count what a program has frozen itself. That must stay frozen.
        if made >= _MANY and not gc.get_freeze_count():
            _Tally.made += made
            gc.freeze()
            gc.unfreeze()
        gc.enable()
