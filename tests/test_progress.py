import io
import sys
import types

import pytest

from tf1bn import progress
from tf1bn.progress import Progress


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_mark_each_tenth_where_there_is_no_terminal():
    stream = io.StringIO()
    with Progress(40, "work", stream=stream) as counting:
        counting.show("loss 1")
        for _ in range(40):
            counting.advance()
        counting.note("done")
    lines = stream.getvalue().splitlines()
    assert lines == [*(f"work: {step}/40  loss 1" for step in range(4, 41, 4)), "done"]


def test_a_resumed_count_goes_on():
    stream = io.StringIO()
    with Progress(4, "work", start=2, stream=stream) as counting:
        counting.advance()
    assert stream.getvalue() == "work: 3/4\n"


def test_lines_say_the_time_that_is_left(monkeypatch):
    clock = iter([100.0, 130.0, 160.0])
    monkeypatch.setattr("tf1bn.progress.time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    with Progress(4, "work", start=1, stream=stream) as counting:
        counting.advance()
        counting.advance()
    assert stream.getvalue() == "work: 2/4  1:00 left\nwork: 3/4  0:30 left\n"


def test_several_steps_count_at_once():
    stream = io.StringIO()
    with Progress(40, "work", stream=stream) as counting:
        for steps in (3, 5, 1):
            counting.advance(steps)
    assert stream.getvalue() == "work: 8/40\n"


def test_quiet_writes_nothing():
    stream = io.StringIO()
    with Progress(1, "work", stream=stream, quiet=True) as counting:
        counting.advance()
        counting.note("done")
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar_or_lines_without_tqdm(monkeypatch):
    calls = []

    class Bar:
        def __init__(self, **arguments):
            calls.append(("made", arguments["total"], arguments["initial"]))

        def __getattr__(self, name):
            return lambda *arguments, **_: calls.append((name, *arguments))

    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    with Progress(3, "work", start=1, stream=_Terminal()) as counting:
        counting.advance()
        counting.show("loss 1")
        counting.note("saved")
    assert calls == [("made", 3, 1), ("update", 1), ("set_postfix_str", "loss 1"), ("write", "saved"), ("close",)]
    monkeypatch.setitem(sys.modules, "tqdm", None)
    stream = _Terminal()
    with Progress(1, "work", stream=stream) as counting:
        counting.advance()
    assert stream.getvalue() == "work: 1/1\n"


def test_a_stage_is_seen_only_where_somebody_watches(capsys):
    for item in progress.each(range(20), "work"):
        assert item < 20
    assert capsys.readouterr() == ("", "")
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.0):
        assert list(progress.each(range(20), "work", "rows")) == list(range(20))
        assert list(progress.each([], "nothing")) == []
        progress.say("compiling")
    assert list(progress.each(range(20), "work")) == list(range(20))
    progress.say("nobody hears it")
    assert stream.getvalue().splitlines() == [*(f"work: {row}/20 rows" for row in range(2, 21, 2)), "compiling"]


def test_what_ends_within_the_patience_leaves_no_trace():
    for stream in (io.StringIO(), _Terminal()):
        with progress.shown(stream=stream, patience_seconds=60.0):
            assert list(progress.each(range(20), "work")) == list(range(20))
        assert stream.getvalue() == ""


def test_a_stage_within_another_is_a_part_of_it():
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.0):
        with progress.stage("outer", 2, "steps") as steps:
            assert list(progress.each(range(20), "inner")) == list(range(20))
            steps.advance()
        with Progress(1, "own", stream=stream) as own:
            assert list(progress.each(range(20), "inner")) == list(range(20))
            own.advance()
        assert list(progress.each(range(1), "after")) == [0]
    assert stream.getvalue() == "outer: 1/2 steps\nown: 1/1\nafter: 1/1\n"


def test_a_stage_that_fails_leaves_the_place_to_the_next():
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.0):
        with pytest.raises(ValueError, match="^broken$"), progress.stage("first", 1):
            raise ValueError("broken")
        assert list(progress.each(range(1), "second")) == [0]
    assert stream.getvalue() == "second: 1/1\n"


def test_bytes_are_shown_by_their_size():
    stream = io.StringIO()
    with (
        progress.shown(stream=stream, patience_seconds=0.0),
        progress.stage("copying", 5 * 2**20, progress.BYTES) as done,
    ):
        assert list(done.through([2, 3], lambda size: size * 2**20)) == [2, 3]
    assert stream.getvalue() == "copying: 2/5 MiB\ncopying: 5/5 MiB\n"


def test_a_bar_waits_for_as_long_as_lines_do(monkeypatch):
    made = []

    class Bar:
        def __init__(self, **arguments):
            made.append(arguments)

        def __getattr__(self, name):
            return lambda *_, **__: None

    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    with progress.shown(stream=_Terminal(), patience_seconds=3.0), progress.stage("copying", 10, progress.BYTES):
        pass
    assert (made[0]["delay"], made[0]["unit"], made[0]["unit_scale"], made[0]["unit_divisor"]) == (3.0, "B", True, 1024)
