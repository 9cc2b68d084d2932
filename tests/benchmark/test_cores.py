"""Which cores were busy, from counters that are made up."""

import os

import pytest

from tf1bn.benchmark import cores

# user nice system idle iowait irq softirq steal guest guest_nice
STAT = """cpu  1 2 3 4 5 6 7 8 9 10
cpu0 100 20 30 5000 600 7 8 9 50 1
cpu11 1 0 0 9 0 0 0 0 0 0
intr 12345
"""


def test_a_core_is_busy_where_it_neither_idles_nor_waits_for_a_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sysconf", lambda name: {"SC_CLK_TCK": 100}[name])
    (tmp_path / "stat").write_text(STAT)
    # 100 + 20 + 30 + 7 + 8 + 9 hundredths; a guest's time stands in the first column as well.
    assert cores.read(tmp_path / "stat") == {"0": pytest.approx(1.74), "11": pytest.approx(0.01)}


def test_a_system_that_counts_nothing_is_no_error(tmp_path):
    assert cores.read(tmp_path / "none") == {}


def test_the_cores_of_all_threads_are_those_of_the_process(tmp_path, monkeypatch):
    (tmp_path / "7").mkdir()
    (tmp_path / "8").mkdir()
    known = {0: {1}, 7: {1, 3}}

    def affinity(task):
        if task not in known:
            raise ProcessLookupError
        return known[task]

    monkeypatch.setattr(os, "sched_getaffinity", affinity)
    assert cores.allowed(tmp_path) == [1, 3]
    assert cores.allowed(tmp_path / "none") == [1]


class Machine:
    """Two cores that this process may use and one that it may not; each block takes two seconds."""

    def __init__(self, own, *busy):
        self.now, self.own, self.busy, self.step = 0.0, own, busy, 0

    def watch(self):
        return cores.Watch(
            lambda: {str(n): self.step * share * 2 for n, share in enumerate(self.busy)},
            lambda: self.step * 2.0,
            lambda: self.step * self.own * 2,
        )

    def block(self, watch):
        with watch.during():
            self.step += 1


def test_what_others_had_is_what_is_busy_and_not_of_this_process(monkeypatch):
    monkeypatch.setattr(cores, "allowed", lambda: [0, 1])
    machine = Machine(1.5, 1.0, 0.8, 0.9)
    watch = machine.watch()
    machine.block(watch)
    machine.step += 5  # between blocks nothing counts
    machine.block(watch)
    found = watch.found()
    assert found == {"seconds": 4.0, "own": 6.0, "by_core": {"0": 4.0, "1": 3.2, "2": 3.6}, "allowed": [0, 1]}
    text = (
        "Cores in 4 s of timed visits: busy were 0 by 100%, 1 by 80%; this process had 1.50 of 2, others 15% of them."
    )
    assert cores.text(found) == text
    assert cores.text(cores.joined([found, found])) == text.replace("4 s", "8 s")


def test_without_counters_only_the_process_is_told(monkeypatch):
    monkeypatch.setattr(cores, "allowed", lambda: [0])
    machine = Machine(0.5)
    watch = machine.watch()
    machine.block(watch)
    assert cores.text(watch.found()).endswith(
        "this process had 0.50 of 1; what others had, this system does not count."
    )
    assert cores.text(machine.watch().found()) == "Which cores were busy was not noted."
