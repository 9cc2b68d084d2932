import gc
import itertools

import pytest

from tf1bn.benchmark import timing
from tf1bn.benchmark.options import Options


class Clock:
    """Time that passes only when something is called; the process has two threads that work all the time."""

    def __init__(self):
        self.now = 0.0
        self.log = []

    def taking(self, name, seconds):
        def call():
            self.now += seconds
            self.log.append((name, gc.isenabled()))

        return call

    def read(self):
        return timing.Took(self.now, 2 * self.now)


def test_each_visit_gives_the_microseconds_of_one_call():
    clock = Clock()
    calls = {"slow": [clock.taking("slow", 3e-3)], "quick": [clock.taking("quick", 5e-6)] * 2}
    found = timing.measure(calls, rounds=4, milliseconds=1.0, clock=clock.read)
    assert found.times == {"slow": [pytest.approx([3000.0] * 4)], "quick": [pytest.approx([5.0] * 4)] * 2}
    assert found.process_times == {"slow": [pytest.approx([6000.0] * 4)], "quick": [pytest.approx([10.0] * 4)] * 2}


def test_what_the_cores_did_is_noted_with_the_times():
    found = timing.measure({"a": [lambda: sum(range(20000))]}, rounds=2, milliseconds=5.0)
    assert found.busy["seconds"] > 0.008 and found.busy["own"] > 0 and found.busy["allowed"]


def test_a_run_gives_others_their_turn_after_each_round():
    seen, clock = [], Clock()
    options = Options(milliseconds=0.0, turn=lambda: seen.append(len(clock.log)))
    calls = {"a": [clock.taking("a", 1.0)], "b": [clock.taking("b", 1.0)]}
    timing.by_options(calls, 3, options, lambda: None)
    assert len(seen) == 3 and [after - before for before, after in itertools.pairwise(seen)] == [2, 2]


def test_a_visit_lasts_as_long_as_asked_for_and_a_longer_call_is_made_once():
    clock = Clock()
    timing.measure(
        {"slow": [clock.taking("slow", 0.5)], "quick": [clock.taking("quick", 1e-3)]},
        rounds=1,
        milliseconds=20.0,
        clock=clock.read,
    )
    names = [name for name, _ in clock.log]
    before = 3 * timing.WARM_UP  # two to find the repeats, one in each session
    assert (names.count("slow") - before, names.count("quick") - before) == (1, 20)


def test_each_round_visits_every_session_once_in_an_order_of_its_own():
    clock = Clock()
    calls = {name: [clock.taking(f"{name}{i}", 1.0) for i in range(2)] for name in "abc"}
    seen = []
    timing.measure(calls, rounds=6, clock=clock.read, after_round=lambda: seen.append([n for n, _ in clock.log[-6:]]))
    assert all(sorted(names) == ["a0", "a1", "b0", "b1", "c0", "c1"] for names in seen)
    assert len({tuple(names) for names in seen}) > 3


def test_garbage_is_not_collected_within_a_visit_and_is_afterwards():
    clock = Clock()
    timing.measure({"a": [clock.taking("a", 1.0)]}, rounds=2, clock=clock.read)
    assert [collecting for _, collecting in clock.log[-2:]] == [False, False]
    assert gc.isenabled()


def test_a_call_that_fails_leaves_garbage_collection_as_it_was():
    def fail():
        if not gc.isenabled():
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        timing.measure({"a": [fail]}, rounds=1)
    assert gc.isenabled()
