"""Both states of oneDNN side by side; but for the last test, without processes."""

import json
import multiprocessing
import os
import threading
import types

import pytest

from tf1bn import errors
from tf1bn.benchmark import report, results, sides, suites
from tf1bn.benchmark.options import Options
from tf1bn.core import onednn

TINY = Options((), rounds=2, milliseconds=0.0, sessions=1, quiet=True, shapes=((6, 5),), relu=(False,))


class Made:
    """A side that is done at its third turn, or fails."""

    log: list

    def __init__(self, suite, options, state):
        self.state, self._left, self._quiet = state, 3, options.quiet

    def __enter__(self):
        self.log.append((self.state, "begins", self._quiet))
        return self

    def __exit__(self, *_):
        self.log.append((self.state, "ends"))

    def go(self):
        self.log.append(self.state)
        self._left -= 1
        return None if self._left else f"result of {self.state}"


def test_processes_work_in_turns_and_results_come_in_the_order_that_was_asked_for(monkeypatch):
    monkeypatch.setattr(Made, "log", [], raising=False)
    monkeypatch.setattr(sides, "_Side", Made)
    assert sides.run("step", Options(), ["off", "on"]) == ["result of off", "result of on"]
    assert Made.log[:2] == [("off", "begins", False), ("on", "begins", True)], "one of them shows the progress"
    assert Made.log[2:8] == ["off", "on"] * 3
    assert sorted(Made.log[8:]) == [("off", "ends"), ("on", "ends")]


def test_a_process_that_ends_by_itself_is_an_error():
    side = object.__new__(sides._Side)
    side.state = "off"
    side._ours, theirs = multiprocessing.Pipe()
    side._process = types.SimpleNamespace(join=lambda: None, exitcode=-9)
    theirs.close()
    with pytest.raises(errors.ArgumentError, match="with oneDNN off ended before it was done. Got 'exit code -9'"):
        side.go()


@pytest.fixture
def child(monkeypatch):
    """What a child does, in a thread of this process; returns the parent's end."""
    monkeypatch.setenv(sides.VARIABLE, "as it was")
    threads = []

    def start(state):
        ours, theirs = multiprocessing.Pipe()
        threads.append(threading.Thread(target=sides._measure, args=(theirs, "step", TINY, state)))
        threads[-1].start()
        return ours

    yield start
    for thread in threads:
        thread.join()


def test_a_child_sets_the_state_and_waits_for_each_turn(child, monkeypatch):
    seen = []

    def run(suite, options):
        for _ in range(2):
            seen.append(os.environ[sides.VARIABLE])
            options.turn()
        return "the result"

    monkeypatch.setattr(suites, "run", run)
    monkeypatch.setattr(onednn, "enabled", lambda: False)
    parent = child("off")
    for number, wanted in enumerate([("turn", None), ("turn", None), ("done", "the result")]):
        assert not parent.poll(0.05), "it waits"
        assert len(seen) == number
        parent.send("turn")
        assert parent.recv() == wanted
    assert seen == ["0", "0"]


def test_a_child_ends_quietly_where_nobody_waits(child, monkeypatch):
    monkeypatch.setattr(suites, "run", lambda suite, options: options.turn())
    monkeypatch.setattr(onednn, "enabled", lambda: True)
    parent = child("on")
    parent.send("turn")
    assert parent.recv() == ("turn", None)
    parent.close()


@pytest.mark.parametrize(("found", "got"), [(True, "'on'"), (None, "'a TensorFlow that does not say'")])
def test_a_state_that_tensorflow_does_not_take_is_refused(child, monkeypatch, found, got):
    monkeypatch.setattr(onednn, "enabled", lambda: found)
    parent = child("off")
    parent.send("turn")
    what, text = parent.recv()
    assert what == "failed"
    assert f"oneDNN cannot be switched off here: {sides.VARIABLE}=0 was set before" in text
    assert f"Got {got}; expected off. This build of TensorFlow, or this processor, has one state" in text


def test_what_a_child_refuses_is_raised_here():
    side = object.__new__(sides._Side)
    side._ours, theirs = multiprocessing.Pipe()
    theirs.send(("failed", "unknown kernel 'quick'"))
    with pytest.raises(errors.ArgumentError, match="unknown kernel 'quick'"):
        side.go()


def test_the_report_has_both_states_and_their_ratio(result, layer_case):
    on = result("step", layer_case("60x100", tf1bn=10.0, slim=30.0))
    off = result("step", layer_case("60x100", tf1bn=15.0))
    off = results.Result("step", {**off.machine, "onednn": False}, off.cases)
    text = report.texts([on, off])
    assert text.startswith("oneDNN on\n\n2 cores") and "\n\noneDNN off\n\n2 cores" in text
    assert text.index("oneDNN off / oneDNN on:") > text.index("oneDNN off\n\n")
    assert report.comparisons([on, off])[0][1] == (["variant", "60x100"], [["tf1bn", "1.50"]])
    both = json.loads(json.dumps(results.every_as_json([report.content(each) for each in (on, off)])))
    assert results.every_from_json(both, "file") == [on, off]
    assert results.by_onednn([off, on, off])[0].machine["onednn"] is False
    other = results.Result("step", {**on.machine, "cores": 64}, ())
    with pytest.raises(errors.ArgumentError, match="results of different runs do not go together"):
        results.by_onednn([off, other])


@pytest.mark.slow
def test_two_processes_measure_side_by_side():
    on, off = sides.run("step", TINY, ["on", "off"])
    assert (on.machine["onednn"], off.machine["onednn"]) == (True, False)
    for found in (on, off):
        [case] = found.cases
        assert len(case.times["tf1bn"][0]) == len(case.process_times["tf1bn"][0]) == 2
        assert case.facts["onednn"] is found.machine["onednn"]
    with pytest.raises(errors.ArgumentError, match="benchmark: unknown kernel 'quick'"):
        sides.run("step", Options((), kernels=("quick",), quiet=True), ["on"])
