"""Sources of Python 2 run in memory with what they meant; results are those of Python 2.7.18, run once."""

import io
import pathlib
import pickle

import numpy as np
import pytest

from tf1bn import errors
from tf1bn.compat.python2 import builtins_of_2, modules_of_2, translating


def test_a_module_that_imports_division_has_today_s(tmp_path: pathlib.Path) -> None:
    source = '"""Doc."""\nfrom __future__ import print_function, division\nx = 7 / 2\nprint("a", end="")\n'
    found: dict = {}
    exec(translating.code(source, "p.py"), found)
    assert found["x"] == 3.5


def test_tabs_within_strings_stay() -> None:
    found: dict = {}
    source = "if 1:\n        x = '''a\n\tb'''\n\ty = 1\n"
    exec(translating.code(source, "p.py"), found)
    assert found["x"] == "a\n\tb"


def test_lines_keep_their_numbers(tmp_path: pathlib.Path) -> None:
    lines = ["import os, sys", "import cPickle", "x = reduce(max, [1])", "reload(sys)", "print 1", "1 / 0"]
    code = translating.code("\n".join(lines), "p.py")
    with pytest.raises(ZeroDivisionError) as raised:
        exec(code, {**builtins_of_2.names()})
    assert any(entry.lineno == 5 and str(entry.path) == "p.py" for entry in raised.traceback)


@pytest.mark.parametrize("source", ["x = (1\ny = 2", "def f(:\n  pass", "x = = 1"])
def test_what_is_no_program_at_all_is_refused_with_its_line(source: str) -> None:
    with pytest.raises(errors.ProgramError, match=r"p.py: line \d is no Python 2. Got '"):
        translating.code(source, "p.py")


def test_rounding() -> None:
    expected = {(0.5, 0): 1.0, (1.5, 0): 2.0, (-2.5, 0): -3.0, (1234, -2): 1200.0, (1e300, 2): 1e300, (2, 0): 2.0}
    assert {arguments: builtins_of_2.round(*arguments) for arguments in expected} == expected
    assert builtins_of_2.round(float("inf")) == float("inf") and builtins_of_2.round(np.float32(2.5)) == 3.0


def test_files_of_text_hold_any_bytes(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xff\r\nb")
    with builtins_of_2.open(path, "rU") as file:
        text = file.read()
    with builtins_of_2.open(path, "w") as file:
        file.write(text)
    assert path.read_bytes() == b"\xff\nb"
    with builtins_of_2.open(path, "b") as file:
        assert file.read() == b"\xff\nb"
    with builtins_of_2.open(path, "w", 0) as file:
        file.write("c")
    assert path.read_bytes() == b"c"


def test_pickles_of_python_2_are_read_from_files_of_text_too(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"(dp0\nS'data'\np1\nS'\\xff'\np2\ns.")  # {'data': '\xff'} by Python 2
    with builtins_of_2.open(path) as file:
        assert modules_of_2.load(file) == {"data": "\xff"}
    assert modules_of_2.loads("I3\n.") == 3 and modules_of_2.loads(pickle.dumps(np.arange(2))).tolist() == [0, 1]
    with builtins_of_2.open(path, "w") as file:
        modules_of_2.dump({"a": 1}, file)
    assert pickle.loads(path.read_bytes()) == {"a": 1}
    with open(path, "wb") as file:
        modules_of_2.dump([1], file, -1)
    assert path.read_bytes()[:2] == b"\x80\x02"


def test_picklers_are_those_of_python_2() -> None:
    file = io.BytesIO()
    modules_of_2.Pickler(file).dump([1])
    assert file.getvalue() == pickle.dumps([1], 0)
    assert modules_of_2.Unpickler(io.BytesIO(b"S'\\xff'\n.")).load() == "\xff"


def test_text_that_is_no_python_is_a_syntax_error() -> None:
    for text in ("1 +", "x = = 1"):
        with pytest.raises(SyntaxError):
            translating.text(text, "exec", {})


def test_a_module_is_loaded_anew_through_its_view() -> None:
    from tf1bn.compat.gone import views

    viewed = views.Views().module("base64")
    assert builtins_of_2.reload(viewed) is viewed and builtins_of_2.round(1e300, 600) == 1e300


def test_a_file_in_memory_is_of_text_or_of_bytes() -> None:
    text, data = modules_of_2.StringIO("a\nb"), modules_of_2.StringIO()
    assert list(text) == ["a\n", "b"] and text.len == 3
    data.write(b"ab")
    data.seek(0)
    assert data.read() == b"ab" and data.getvalue() == b"ab" and modules_of_2.StringIO().read() == ""
    assert modules_of_2.StringIO(b"c").getvalue() == b"c"
    with modules_of_2.StringIO() as file:
        file.writelines(["a", "b"])
        assert file.getvalue() == "ab"
    with pytest.raises(AttributeError):
        data.__mistyped__  # noqa: B018


def test_only_utf_8_can_be_the_encoding_of_text() -> None:
    modules_of_2.setdefaultencoding("UTF8")
    with pytest.raises(errors.ArgumentError, match="the encoding of text cannot be set. Got 'latin-1'; expected utf-8"):
        modules_of_2.setdefaultencoding("latin-1")


def test_a_buffer_is_a_part_of_bytes() -> None:
    assert bytes(builtins_of_2.buffer(b"abcd", 1, 2)) == b"bc" and bytes(builtins_of_2.buffer(b"abcd", 2)) == b"cd"
