"""What the kernel of the op library aims at, and tf1bn's stock ops where TensorFlow computes without oneDNN.

Listed where they were measured: with ``--kernels=native``, and in a process without oneDNN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from tf1bn.benchmark import goals, memory, variants
from tf1bn.benchmark.goals import FAR_MEAN, LARGE_ELEMENTS, Found, Verdict, at_least, at_most
from tf1bn.benchmark.results import Case, geometric_mean
from tf1bn.benchmark.variants import NATIVE, NATIVE_AGAIN, OURS, SLIM, TEXTBOOK

MIDDLE_ELEMENTS = 70_000
ORIGINALS = (TEXTBOOK, *SLIM, "tf_layers")
NOISE_SHARE = 0.9  # of the distances between two of the same that count as noise


def step(cases: Sequence[Case]) -> list[Verdict]:
    """Returns the verdicts about single layers."""
    near = [case for case in cases if case.facts["mean"] == 0]
    stock = [case for case in near if case.facts.get("onednn") is False]
    return [*(_stock(stock) if stock else []), *(_native(near, cases) if _measured(cases) else [])]


def _measured(cases: Iterable[Case]) -> bool:
    return any(name.startswith(NATIVE) for case in cases for name in case.times)


def _stock(cases: list[Case]) -> list[Verdict]:
    fastest = [max(found) for case in cases if (found := goals.ratios([case], [OURS], ORIGINALS))]
    return [
        at_most(f"{OURS}, no oneDNN: step <= 1.10x the fastest original, every shape", 1.10, fastest),
        at_least(f"{OURS}, no oneDNN: geometric mean over originals >= 1.25x", 1.25, _means(cases, OURS, ORIGINALS)),
    ]


def _native(near: list[Case], cases: Sequence[Case]) -> list[Verdict]:
    small = [case for case in near if case.facts["elements"] < MIDDLE_ELEMENTS]
    large = [case for case in near if case.facts["elements"] >= LARGE_ELEMENTS]
    return [
        at_least(f"{NATIVE}: geometric mean >= 2.0x {OURS}", 2.0, _means(near, NATIVE, [OURS])),
        at_least(f"{NATIVE}: geometric mean >= 3.0x each original", 3.0, _means(near, NATIVE, ORIGINALS)),
        _but_noise(near),
        at_most(f"{NATIVE}: <= 1.5x ident below 70k elements", 1.5, _to_ident(small)),
        at_most(f"{NATIVE}: <= 2.2x ident from 250k elements on", 2.2, _to_ident(large)),
        at_most(f"{NATIVE}: error <= 1e-6 at mean 1e4, deviation 1", 1e-6, _far_errors(cases)),
        *_distance(near),
    ]


def _means(cases: list[Case], ours: str, others: Iterable[str]) -> list[Found]:
    """Returns of each of the others how many times as long it takes, the geometric mean over the cases."""
    found = {other: goals.ratios(cases, [other], [ours]) for other in others}
    return [
        Found(geometric_mean(each.value for each in values), f"{other} / {ours}, {len(values)} cases")
        for other, values in found.items()
        if values
    ]


def _noise(cases: list[Case]) -> float:
    """Returns the distance that two of the same keep in nine of ten cases, as a factor; 1 where it is not known."""
    apart = sorted(math.exp(abs(math.log(each.value))) for each in goals.ratios(cases, [NATIVE_AGAIN], [NATIVE]))
    return apart[math.ceil(NOISE_SHARE * len(apart)) - 1] if apart else 1.0


def _but_noise(cases: list[Case]) -> Verdict:
    noise = _noise(cases)
    verdict = at_most(f"{NATIVE}: no case slower than the fastest of all others but noise", noise, _slower(cases))
    return verdict if verdict.holds is None else verdict._replace(measured=f"{verdict.measured}; noise {noise:.2f}")


def _slower(cases: list[Case]) -> list[Found]:
    """Returns of each case the time beside that of the fastest of all others."""
    own = (NATIVE, NATIVE_AGAIN, variants.IDENT)
    others = {case.name: [name for name in case.times if name not in own] for case in cases}
    return [max(found) for case in cases if (found := goals.ratios([case], [NATIVE], others[case.name]))]


def _to_ident(cases: list[Case]) -> list[Found]:
    return goals.ratios(cases, [NATIVE], [variants.IDENT])


def _far_errors(cases: Sequence[Case]) -> list[Found]:
    far = [case for case in cases if case.facts["mean"] == FAR_MEAN]
    return [Found(case.errors[NATIVE], case.name) for case in far if NATIVE in case.errors]


def _distance(cases: Sequence[Case]) -> list[Verdict]:
    """Is no goal: how far two of the native kernel are apart."""
    return [
        each._replace(goal=f"{NATIVE}, {each.goal}") for each in goals.noise(cases, again=NATIVE_AGAIN, once=NATIVE)
    ]


def network(cases: Sequence[Case]) -> list[Verdict]:
    """Returns the verdicts about training the network."""
    return [
        verdict
        for case in cases
        if case.has(NATIVE)
        for verdict in (
            at_most(f"{case.name}: overhead of {NATIVE} <= 0.5x slim's", 0.5, goals.overheads(case, NATIVE, SLIM)),
            at_most(f"{case.name}: peak memory of {NATIVE} <= slim's, within 1 %", 1.01, _memory(case)),
            *_distance([case]),
        )
    ]


def _memory(case: Case) -> list[Found]:
    peaks = {name: found[memory.PEAK] for name, found in case.counts.items() if memory.PEAK in found}
    return [
        Found(peaks[NATIVE] / peaks[other], f"{NATIVE} / {other}") for other in SLIM if {NATIVE, other} <= peaks.keys()
    ]


def inference(cases: Sequence[Case]) -> list[Verdict]:
    """Returns the verdict about a fed switch."""
    single = [case for case in cases if case.facts["batch"] == 1]
    found = goals.ratios(single, [f"{NATIVE}_placeholder"], [f"{NATIVE}_static"])
    return (
        [at_most(f"{NATIVE}: placeholder switch <= 1.25x static at batch 1", 1.25, found)] if _measured(cases) else []
    )


def graph_build(cases: Sequence[Case]) -> list[Verdict]:
    """Returns the verdicts about building deep graphs."""
    if not _measured(cases):
        return []
    built = [case for case in cases if case.facts["what"] == "build"]
    first = [case for case in cases if case.facts["what"] == "first run" and case.facts["layers"] == 200]
    return [
        at_most(f"{NATIVE}: first run of 200 layers <= 0.5x slim's", 0.5, goals.ratios(first, [NATIVE], SLIM)),
        at_most(f"{NATIVE}: building <= 0.8x slim's", 0.8, goals.ratios(built, [NATIVE], SLIM)),
    ]


Judge = Callable[[Sequence[Case]], list[Verdict]]

JUDGES: dict[str, Judge] = {"step": step, "network": network, "inference": inference, "graph_build": graph_build}
