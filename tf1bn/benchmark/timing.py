"""Times functions side by side, so that what disturbs the machine disturbs all of them."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tf1bn.benchmark.options import Options

Call = Callable[[], Any]
Times = dict[str, list[list[float]]]
"""Microseconds of one call: by variant, then by session, then by round."""

WARM_UP = 3
MOST_REPEATS = 10_000


def measure(
    calls: Mapping[str, Sequence[Call]],
    *,
    rounds: int,
    milliseconds: float = 20.0,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
    after_round: Callable[[], None] = lambda: None,
) -> Times:
    """Returns the time of one call of each variant in each round.

    A round visits every session of every variant once, in an order of its own, and calls it as often as fits into
    ``milliseconds``; garbage is collected between rounds only.

    Args:
      calls: by variant, one function for each of its sessions.
      rounds: number of rounds, at least 1.
      milliseconds: length of one visit; a longer call is made once.
      seed: of the orders.
      clock: gives seconds.
      after_round: called after each round, to show progress.
    """
    repeats = {name: _repeats(sessions[0], milliseconds, clock) for name, sessions in calls.items()}
    visits = [(name, number) for name, sessions in calls.items() for number in range(len(sessions))]
    times: Times = {name: [[] for _ in sessions] for name, sessions in calls.items()}
    for name, number in visits:
        for _ in range(WARM_UP):
            calls[name][number]()
    order = random.Random(seed)
    for _ in range(rounds):
        order.shuffle(visits)
        for name, number in visits:
            times[name][number].append(_timed(calls[name][number], repeats[name], clock))
        gc.collect()
        after_round()
    return times


def by_options(
    calls: Mapping[str, Sequence[Call]], rounds: int, options: Options, after_round: Callable[[], None]
) -> Times:
    """Returns what ``measure`` does, with the length of a visit and the seed of a run's options."""
    return measure(calls, rounds=rounds, milliseconds=options.milliseconds, seed=options.seed, after_round=after_round)


def _timed(call: Call, repeats: int, clock: Callable[[], float]) -> float:
    """Returns the microseconds of one call, averaged over ``repeats`` calls without garbage collection."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        began = clock()
        for _ in range(repeats):
            call()
        return (clock() - began) / repeats * 1e6
    finally:
        if collecting:
            gc.enable()


def _repeats(call: Call, milliseconds: float, clock: Callable[[], float]) -> int:
    for _ in range(WARM_UP):
        call()
    quickest = min(_timed(call, 1, clock) for _ in range(WARM_UP))
    return max(1, min(MOST_REPEATS, round(milliseconds * 1e3 / max(quickest, 1e-3))))
