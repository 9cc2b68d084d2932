"""What tf1bn aims at, and whether measured cases reach it.

A goal that asks about variants or cases which were not measured is left open: it neither holds nor fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tf1bn.benchmark import variants
from tf1bn.benchmark.results import Case, geometric_mean
from tf1bn.benchmark.variants import OURS, TEXTBOOK

SMALL_ELEMENTS, LARGE_ELEMENTS, MEMORY_BOUND_ELEMENTS = 32_000, 250_000, 8_000_000
FAR_MEAN = 1e4
STRATEGIES = ("tf1bn_collection", "tf1bn_ema")
NOISE = "noise: the same variant twice"


class Found(NamedTuple):
    """One number that a goal asks for: the value, and where it was measured."""

    value: float
    where: str


class Verdict(NamedTuple):
    """A goal against the measurements.

    Attributes:
      goal: in words.
      holds: None where nothing was measured that it asks for.
      measured: the number farthest from the goal, where it was, and in how many of all places the goal holds.
    """

    goal: str
    holds: bool | None
    measured: str


def at_most(goal: str, limit: float, found: Iterable[Found]) -> Verdict:
    """Returns whether no value is above the limit."""
    return _verdict(goal, sorted(found, reverse=True), lambda value: value <= limit)


def at_least(goal: str, limit: float, found: Iterable[Found]) -> Verdict:
    """Returns whether no value is below the limit."""
    return _verdict(goal, sorted(found), lambda value: value >= limit)


def _verdict(goal: str, found: list[Found], reaches: Callable[[float], bool]) -> Verdict:
    """``found`` has the worst first."""
    if not found:
        return Verdict(goal, None, "not measured")
    reached = sum(reaches(each.value) for each in found)
    places = f"; reached in {reached} of {len(found)}" if len(found) > 1 else ""
    text = f"{found[0].value:.3g}" if found[0].value < 0.1 else f"{found[0].value:.2f}"
    worst = "worst " if len(found) > 1 else ""
    return Verdict(goal, reached == len(found), f"{worst}{text} ({found[0].where}){places}")


def ratios(cases: Iterable[Case], numerators: Iterable[str], denominators: Iterable[str]) -> list[Found]:
    """Returns time(numerator) / time(denominator) in all cases that have both."""
    tops, bottoms = list(numerators), list(denominators)
    return [
        Found(case.ratio(top, bottom), f"{case.name}, {top} / {bottom}")
        for case in cases
        for top in tops
        for bottom in bottoms
        if case.has(top, bottom)
    ]


def step(cases: Sequence[Case]) -> list[Verdict]:
    """Returns the verdicts about single layers."""
    near = [case for case in cases if case.facts["mean"] == 0]
    default = [*_step(near, OURS), *_step(near, variants.OURS_COLLECTION)]
    return [*default, _operations(near), _precise(near, "near zero"), *noise(near), *_far(cases)]


def _step(cases: list[Case], ours: str) -> list[Verdict]:
    small = [case for case in cases if case.facts["elements"] < SMALL_ELEMENTS]
    large = [case for case in cases if case.facts["elements"] >= LARGE_ELEMENTS]
    others = [case for case in cases if case.facts["elements"] < LARGE_ELEMENTS]
    bound = [case for case in cases if case.facts["elements"] >= MEMORY_BOUND_ELEMENTS and not case.facts["relu"]]
    images = [case for case in cases if case.facts["rank"] == 4]
    odd = [case for case in images if case.facts["channels"] % 4]
    halves = [case for case in images if case.facts["channels"] % 8 == 4 and case.facts["relu"]]
    unusual = [case for case in cases if case.facts["rank"] in (3, 5)]
    return [
        at_most(f"{ours}: step <= 1.10x the fastest peer, every shape", 1.10, _against_fastest(cases, ours)),
        at_least(
            f"{ours}: faster than every peer, geometric mean over shapes",
            1.0,
            [
                Found(geometric_mean(each.value for each in found), peer)
                for peer in variants.PEERS
                if (found := ratios(cases, [peer], [ours]))
            ],
        ),
        at_least(f"{ours}: geometric mean over shapes and peers >= 2.5x", 2.5, _overall(cases, ours)),
        at_least(f"{ours}: >= 1.8x the textbook from 250k elements on", 1.8, ratios(large, [TEXTBOOK], [ours])),
        at_least(f"{ours}: >= 1.15x the textbook below", 1.15, ratios(others, [TEXTBOOK], [ours])),
        at_least(f"{ours}: >= 2.5x fused peers at C%4 != 0", 2.5, ratios(odd, variants.FUSED_PEERS, [ours])),
        at_least(
            f"{ours}: >= 1.9x UPDATE_OPS peers at C%8 == 4 with ReLU",
            1.9,
            ratios(halves, variants.UPDATE_OPS_PEERS, [ours]),
        ),
        at_least(
            f"{ours}: >= 1.8x slim and tf.layers at ranks 3 and 5",
            1.8,
            ratios(unusual, [*variants.SLIM, "tf_layers"], [ours]),
        ),
        at_least(f"{ours}: >= 3x slim under 32k elements", 3.0, ratios(small, variants.SLIM, [ours])),
        at_most(f"{ours}: <= 2.0x ident from 8M elements on", 2.0, ratios(bound, [ours], [variants.IDENT])),
    ]


def _operations(cases: Iterable[Case]) -> Verdict:
    """Counted where updates wait in a collection, so that they are not behind the output."""
    alone, ours = [case for case in cases if not case.facts["relu"]], variants.OURS_COLLECTION
    return at_most(f"{ours}: <= 50 ops forward and backward", 50, _ops(alone, ours, "ops, no updates"))


def _precise(cases: Iterable[Case], where: str) -> Verdict:
    found = ratios(cases, [variants.OURS_PRECISE], [TEXTBOOK])
    return at_most(f"{variants.OURS_PRECISE}, {where}: <= 1.1x the textbook's time", 1.1, found)


def _ops(cases: Iterable[Case], ours: str, key: str = "ops") -> list[Found]:
    counts = [(case.name, case.counts.get(ours, {})) for case in cases]
    return [Found(found[key], name) for name, found in counts if key in found]


def _against_fastest(cases: Iterable[Case], ours: str) -> list[Found]:
    return [max(found) for case in cases if (found := ratios([case], [ours], variants.PEERS))]


def _overall(cases: list[Case], ours: str) -> list[Found]:
    found = ratios(cases, variants.PEERS, [ours])
    peers = sum(any(case.has(peer) for case in cases) for peer in variants.PEERS)
    return [Found(geometric_mean(each.value for each in found), f"{len(cases)} cases, {peers} peers")] if found else []


def noise(cases: Sequence[Case], again: str = variants.AGAIN, once: str = OURS) -> list[Verdict]:
    """Returns no goal: says how far two of the same are apart."""
    values = [each.value for each in ratios(cases, [again], [once])]
    return [Verdict(NOISE, None, f"{min(values):.2f} to {max(values):.2f} times")] if values else []


def _far(cases: Sequence[Case]) -> list[Verdict]:
    """The verdicts about values far from zero."""
    far = [case for case in cases if case.facts["mean"] == FAR_MEAN]
    if not far:
        return []
    ours = variants.OURS_PRECISE
    found = [Found(case.errors[ours], f"{case.name}, {ours}") for case in far if ours in case.errors]
    return [
        at_most(f"{ours}: error <= 1e-5 at mean 1e4, deviation 1", 1e-5, found),
        _precise(far, "at mean 1e4"),
    ]


def network(cases: Sequence[Case]) -> list[Verdict]:
    """Returns the verdicts about training the network."""
    peers = [*variants.FUSED_PEERS]
    return [
        verdict
        for case in cases
        for verdict in (
            at_most(
                f"{case.name}: overhead of batch norm <= 0.5x the textbook's", 0.5, overheads(case, OURS, [TEXTBOOK])
            ),
            at_most(f"{case.name}: overhead below every peer's", 1.0, overheads(case, OURS, peers)),
            at_most(
                f"{case.name}: a placeholder switch <= 1.10x static",
                1.10,
                ratios([case], ["tf1bn_placeholder"], [OURS]),
            ),
            at_most(
                f"{case.name}: strategies within 3 % of no update",
                0.03,
                _apart(ratios([case], [OURS, *STRATEGIES], ["tf1bn_frozen"])),
            ),
            at_most(f"{case.name}: strategies within 3 % of each other", 0.03, _apart(_pairs(case))),
            *noise([case]),
        )
    ]


def overhead(case: Case, variant: str) -> float:
    """Returns the share of time that batch norm adds to the network with biases."""
    return case.ratio(variant, variants.BIASES) - 1


def overheads(case: Case, ours: str, others: Iterable[str]) -> list[Found]:
    """Returns the overhead of a variant beside that of each of the others; infinite where that one has none."""
    if not case.has(ours, variants.BIASES):
        return []
    mine = overhead(case, ours)
    return [
        Found(mine / cost if (cost := overhead(case, other)) > 0 else math.inf, f"{ours} / {other}")
        for other in others
        if case.has(other)
    ]


def _pairs(case: Case) -> list[Found]:
    names = [OURS, *STRATEGIES]
    return [found for i, name in enumerate(names) for found in ratios([case], [name], names[i + 1 :])]


def _apart(found: Iterable[Found]) -> list[Found]:
    return [Found(abs(each.value - 1), each.where) for each in found]


def inference(cases: Sequence[Case]) -> list[Verdict]:
    """Returns the verdicts about inference with the network."""
    single = [case for case in cases if case.facts["batch"] == 1]
    static, switched = f"{OURS}_static", f"{OURS}_placeholder"
    return [
        at_most(
            "static graph <= 1.10x the network without batch norm", 1.10, ratios(cases, [static], [variants.BIASES])
        ),
        at_most(
            "folded <= 1.02x the network without batch norm", 1.02, ratios(cases, [variants.FOLDED], [variants.BIASES])
        ),
        at_most("placeholder switch <= 1.25x static at batch 1", 1.25, ratios(single, [switched], [static])),
        *noise(cases, variants.BIASES_AGAIN, variants.BIASES),
    ]


def graph_build(cases: Sequence[Case]) -> list[Verdict]:
    """Returns the verdicts about building deep graphs."""
    built = [case for case in cases if case.facts["what"] == "build"]
    first = [case for case in cases if case.facts["what"] == "first run" and case.facts["layers"] == 200]
    shallow, deep = ([case for case in built if case.facts["layers"] == layers] for layers in (50, 1000))
    growth = [
        Found(many.microseconds(OURS) / few.microseconds(OURS), f"{many.name} / {few.name}, {OURS}")
        for many in deep
        for few in shallow
        if many.has(OURS) and few.has(OURS)
    ]
    return [
        at_most("time per layer at 1000 layers <= 1.2x that at 50", 1.2, growth),
        at_least(
            "building 1000 layers >= 8x faster than slim and tf.layers",
            8.0,
            ratios(deep, [*variants.SLIM, "tf_layers"], [OURS]),
        ),
        at_most("<= 50 ops forward and backward per layer", 50, _ops(cases, OURS)),
        at_most("first run of 200 layers no slower than slim's", 1.0, ratios(first, [OURS], variants.SLIM)),
        *noise(cases),
    ]


def import_time(cases: Sequence[Case]) -> list[Verdict]:
    """Returns the verdict about importing."""
    added = [
        Found(case.microseconds(OURS) / 1e3, case.name)
        for case in cases
        if case.facts["what"] == "added" and case.has(OURS)
    ]
    return [
        at_most("`import tf1bn` and its first use add < 50 ms to `import tensorflow`", 50, added),
        *noise(cases, "tensorflow_again", "tensorflow"),
    ]
