import io
import os
import sys
import threading
import time
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
    assert calls == [
        ("made", 3, 1),
        ("update", 1),
        ("set_postfix_str", "loss 1"),
        ("refresh",),
        ("write", "saved"),
        ("close",),
    ]
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
            with progress.stage("folding", 2, progress.STEPS) as steps:
                steps.begin("reading")
                steps.begin("running")
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
    assert 2.0 < made[0]["delay"] <= 3.0
    assert (made[0]["unit"], made[0]["unit_scale"], made[0]["unit_divisor"]) == ("B", True, 1024)


class _Slow:
    """Work whose steps take long: waits until something was written, or fails after a while."""

    def __init__(self, stream):
        self.stream = stream

    def step(self, text):
        end = time.monotonic() + 20.0
        while text not in self.stream.getvalue():
            assert time.monotonic() < end, self.stream.getvalue()
            time.sleep(0.01)


def test_a_first_step_that_takes_long_is_seen():
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.05):
        with progress.stage("folding", 2, progress.STEPS) as steps:
            steps.begin("reading")
            _Slow(stream).step("\n")
            steps.begin("running")
            steps.advance()
    assert stream.getvalue().splitlines() == [
        "folding: 0/2 steps  reading",
        "folding: 1/2 steps  running",
        "folding: 2/2 steps  running",
    ]


def test_a_first_step_that_takes_long_shows_a_bar_that_goes_away():
    pytest.importorskip("tqdm")
    stream = _Terminal()
    with progress.shown(stream=stream, patience_seconds=0.05), progress.stage("folding", 2, progress.STEPS) as steps:
        steps.begin("reading")
        _Slow(stream).step("folding:   0%")
        assert "reading" in stream.getvalue()
    *_, last = stream.getvalue().rstrip("\r").split("\r")
    assert not last.strip(), stream.getvalue()
    assert not [thread for thread in threading.enumerate() if thread.name == "tf1bn-progress"]


def test_many_short_stages_are_one_long_wait(monkeypatch):
    now = 0.0
    monkeypatch.setattr("tf1bn.progress.time.monotonic", lambda: now)
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=60.0):
        for at in range(10):
            for _ in progress.each(range(4), f"stage {at}"):
                now += 3.75  # each stage takes 15 seconds
    assert stream.getvalue().splitlines() == ["stage 3: 4/4", "stage 7: 4/4"]


def test_the_patience_begins_anew_after_what_was_seen():
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.05):
        with progress.stage("long", 1, progress.STEPS) as steps:
            _Slow(stream).step("long")
            steps.advance()
        assert list(progress.each(range(1), "short")) == [0]
    assert stream.getvalue() == "long: 0/1 steps\nlong: 1/1 steps\n"


def test_no_time_left_is_told_of_steps_that_take_unlike_times(monkeypatch):
    clock = iter([100.0, 130.0])
    monkeypatch.setattr("tf1bn.progress.time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    counting = Progress(4, "work", stream=stream, unit=progress.STEPS)
    counting.advance()
    assert stream.getvalue() == "work: 1/4 steps\n"


def test_a_part_that_was_counted_is_not_counted_again():
    stream = io.StringIO()
    with Progress(30, "work", stream=stream) as counting:
        counting.advance(3)
        counting.reach(3)
        counting.reach(2)
        counting.reach(6)
    assert stream.getvalue() == "work: 3/30\nwork: 6/30\n"


class _Gone(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


class _GoneTerminal(_Gone):
    def isatty(self):
        return True


def _closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("make", [_Gone, _GoneTerminal, _closed])
def test_work_goes_on_where_nobody_reads_any_more(make):
    stream = make()
    with progress.shown(stream=stream, patience_seconds=0.0):
        progress.say("compiling")
        assert list(progress.each(range(20), "work")) == list(range(20))
    with Progress(2, "own", stream=stream) as own:
        own.note("resuming")
        own.advance()


def test_work_goes_on_without_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with progress.shown(patience_seconds=0.0):
        progress.say("compiling")
        assert list(progress.each(range(20), "work")) == list(range(20))


def test_a_generator_that_is_left_half_way_leaves_nothing_on_the_screen():
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.0):
        left = progress.each(range(10), "left")
        assert next(left) == 0
        assert next(left) == 1
    with progress.shown(stream=stream, patience_seconds=0.0):
        assert list(progress.each(range(1), "next")) == [0]
    assert list(left) == list(range(2, 10))
    assert stream.getvalue() == "left: 1/10\nnext: 1/1\n"


def test_shown_within_a_stage_leaves_that_stage_in_its_place():
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.0), progress.stage("outer", 1) as outer:
        with progress.shown(stream=stream, patience_seconds=0.0):
            assert list(progress.each(range(1), "inner")) == [0]
        outer.advance()
    assert stream.getvalue() == "outer: 1/1\n"


def test_each_thread_shows_its_own():
    streams = [io.StringIO() for _ in range(4)]
    unseen = io.StringIO()

    def work(at):
        with progress.shown(stream=streams[at], patience_seconds=0.0):
            assert list(progress.each(range(20), f"work {at}")) == list(range(20))

    with progress.shown(stream=unseen, patience_seconds=0.0):
        threads = [threading.Thread(target=work, args=(at,)) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert unseen.getvalue() == ""
    for at, stream in enumerate(streams):
        assert stream.getvalue().splitlines() == [f"work {at}: {step}/20" for step in range(2, 21, 2)]


def test_few_bytes_are_shown_as_bytes():
    stream = io.StringIO()
    with progress.shown(stream=stream, patience_seconds=0.0), progress.stage("copying", 4, progress.BYTES) as done:
        done.advance(4)
    assert stream.getvalue() == "copying: 4/4 bytes\n"


def test_a_terminal_without_a_size_gets_lines():
    pytest.importorskip("tqdm")
    own, other = os.openpty()  # 0 x 0 at first
    with open(other, "w") as stream, Progress(2, "work", stream=stream) as counting:
        counting.advance(2)
    written = os.read(own, 100)
    os.close(own)
    assert written == b"work: 2/2\r\n"
