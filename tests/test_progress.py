import io

from tf1bn.progress import Progress


def test_plain_lines_mark_each_tenth_where_there_is_no_terminal():
    stream = io.StringIO()
    with Progress(40, "work", stream=stream) as progress:
        progress.show("loss 1")
        for _ in range(40):
            progress.advance()
        progress.note("done")
    lines = stream.getvalue().splitlines()
    assert lines == [*(f"work: {step}/40  loss 1" for step in range(4, 41, 4)), "done"]


def test_a_resumed_count_goes_on():
    stream = io.StringIO()
    with Progress(4, "work", start=2, stream=stream) as progress:
        progress.advance()
    assert stream.getvalue() == "work: 3/4\n"


def test_lines_say_the_time_that_is_left(monkeypatch):
    clock = iter([100.0, 130.0, 160.0])
    monkeypatch.setattr("tf1bn.progress.time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    with Progress(4, "work", start=1, stream=stream) as progress:
        progress.advance()
        progress.advance()
    assert stream.getvalue() == "work: 2/4  1:00 left\nwork: 3/4  0:30 left\n"


def test_several_steps_count_at_once():
    stream = io.StringIO()
    with Progress(40, "work", stream=stream) as progress:
        for steps in (3, 5, 1):
            progress.advance(steps)
    assert stream.getvalue() == "work: 8/40\n"


def test_quiet_writes_nothing():
    stream = io.StringIO()
    with Progress(1, "work", stream=stream, quiet=True) as progress:
        progress.advance()
        progress.note("done")
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar_or_lines_without_tqdm(monkeypatch):
    import sys
    import types

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    calls = []

    class Bar:
        def __init__(self, **arguments):
            calls.append(("made", arguments["total"], arguments["initial"]))

        def __getattr__(self, name):
            return lambda *arguments, **_: calls.append((name, *arguments))

    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    with Progress(3, "work", start=1, stream=Terminal()) as progress:
        progress.advance()
        progress.show("loss 1")
        progress.note("saved")
    assert calls == [("made", 3, 1), ("update", 1), ("set_postfix_str", "loss 1"), ("write", "saved"), ("close",)]
    monkeypatch.setitem(sys.modules, "tqdm", None)
    stream = Terminal()
    with Progress(1, "work", stream=stream) as progress:
        progress.advance()
    assert stream.getvalue() == "work: 1/1\n"
