"""Times functions side by side, so that what disturbs the machine disturbs all of them."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tf1bn.benchmark.cores import Watch
from tf1bn.benchmark.options import Options

Call = Callable[[], Any]
Times = dict[str, list[list[float]]]
"""Microseconds of one call: by variant, then by session, then by round."""


class Took(NamedTuple):
    """What one visit or one call took, in seconds or microseconds.

    Attributes:
      wall: from its begin to its end.
      process: of processor time, all threads of the process together.
    """

    wall: float
    process: float


class Measured(NamedTuple):
    """All visits.

    Attributes:
      times: by the clock on the wall.
      process_times: of processor time, all threads of the process together; what other programs take is not in it.
      busy: what the cores did meanwhile, see ``cores.Watch.found``.
    """

    times: Times
    process_times: Times
    busy: dict[str, Any]


WARM_UP = 3
MOST_REPEATS = 10_000


def clocks() -> Took:
    """Returns the time on both clocks, in seconds."""
    return Took(time.perf_counter(), time.process_time())


def measure(
    calls: Mapping[str, Sequence[Call]],
    *,
    rounds: int,
    milliseconds: float = 20.0,
    seed: int = 0,
    clock: Callable[[], Took] = clocks,
    after_round: Callable[[], None] = lambda: None,
) -> Measured:
    """Returns the time of one call of each variant in each round.

    A round visits every session of every variant once, in an order of its own, and calls it as often as fits into
    ``milliseconds``; garbage is collected between rounds only.

    Args:
      calls: by variant, one function for each of its sessions.
      rounds: number of rounds, at least 1.
      milliseconds: length of one visit; a longer call is made once.
      seed: of the orders.
      clock: gives seconds, on the wall and of this process.
      after_round: called after each round, to show progress or to let another process have its turn.
    """
    repeats = {name: _repeats(sessions[0], milliseconds, clock) for name, sessions in calls.items()}
    visits = [(name, number) for name, sessions in calls.items() for number in range(len(sessions))]
    times: Times = {name: [[] for _ in sessions] for name, sessions in calls.items()}
    process_times: Times = {name: [[] for _ in sessions] for name, sessions in calls.items()}
    for name, number in visits:
        for _ in range(WARM_UP):
            calls[name][number]()
    order, watch = random.Random(seed), Watch()
    for _ in range(rounds):
        order.shuffle(visits)
        with watch.during():
            for name, number in visits:
                took = _timed(calls[name][number], repeats[name], clock)
                times[name][number].append(took.wall)
                process_times[name][number].append(took.process)
        gc.collect()
        after_round()
    return Measured(times, process_times, watch.found())


def by_options(
    calls: Mapping[str, Sequence[Call]], rounds: int, options: Options, after_round: Callable[[], None]
) -> Measured:
    """Returns what ``measure`` does, with the length of a visit, the seed and the turns of a run's options."""

    def after() -> None:
        after_round()
        options.turn()

    return measure(calls, rounds=rounds, milliseconds=options.milliseconds, seed=options.seed, after_round=after)


def _timed(call: Call, repeats: int, clock: Callable[[], Took]) -> Took:
    """Returns the microseconds of one call, averaged over ``repeats`` calls without garbage collection."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        began = clock()
        for _ in range(repeats):
            call()
        return since(began, repeats, clock())
    finally:
        if collecting:
            gc.enable()


def since(began: Took, parts: int = 1, now: Took | None = None) -> Took:
    """Returns the microseconds between two readings of the clocks, divided by a number of parts."""
    ended = clocks() if now is None else now
    return Took(*((after - before) / parts * 1e6 for before, after in zip(began, ended, strict=True)))


def _repeats(call: Call, milliseconds: float, clock: Callable[[], Took]) -> int:
    for _ in range(WARM_UP):
        call()
    quickest = min(_timed(call, 1, clock).wall for _ in range(WARM_UP))
    return max(1, min(MOST_REPEATS, round(milliseconds * 1e3 / max(quickest, 1e-3))))
