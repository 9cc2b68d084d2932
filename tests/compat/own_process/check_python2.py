"""Programs of Python 2 under the runner; results are those of Python 2.7.18, run once."""

import pathlib
import sys
import textwrap

import pytest

from tf1bn import run

PROGRAM = """
import os, sys
reload(sys)
sys.setdefaultencoding('utf-8')
import cPickle, string
from StringIO import StringIO
from itertools import izip, imap
from collections import Mapping
import beside

class Shape(object):
    __metaclass__ = type
    def __nonzero__(self):
        return False

def described(d, (first, second)):
    keys = d.keys()
    keys.sort()
    pairs = ["%s=%d" % (k, v) for k, v in sorted(d.iteritems())]
    return keys, pairs, d.has_key(first), `second`

def failing():
    try:
        raise ValueError, "bad"
    except ValueError, error:
        return str(error)

told = StringIO()
print >>told, "a", 1,
print >>told, 7 / 2
text = told.getvalue()
numbers = [0777, 10L, 7 / 2, -7 / 2, 7 / 2.0, round(2.5), round(-0.5), round(2.675, 2), cmp(2, 1), 3 <> 4]
lists = [map(None and str or str, [1]), filter(None, [0, 2]), zip([1], [2]), range(3)[1:], {1: 2}.values()]
lazy = sum(imap(lambda (a, b): a * b, izip([1, 2], [3, 4]))) + reduce(lambda a, b: a + b, xrange(4))
names = [string.letters[:3], string.join(["a", "b"], "-"), string.upper("x"), isinstance(u"x", basestring), unichr(65)]
ordered = sorted([1, 3, 2], cmp=lambda a, b: cmp(b, a)) + sorted("ab", cmp, None, True)
exec "executed = 5 / 2"
namespace = {}
exec "y = 9 / 2" in namespace
execfile(os.path.join(os.path.dirname(__file__), "more.inc"))
evaluated = eval("lists[3][0] / 2 + 7 / 2"), eval("k / 2", {"k": 5})
described = described({"b": 2, "a": 1}, ("a", 3))
failed = failing()
pickled = cPickle.loads(cPickle.dumps([1, "x"], 2))
maximum = sys.maxint > 2 ** 40
empty = not Shape()
"""


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> dict:
    folder = tmp_path_factory.mktemp("old")
    (folder / "program.py").write_text(PROGRAM)
    (folder / "more.inc").write_text("more = 9 / 2\n")
    (folder / "beside.py").write_text("def f(x):\n\tif x:\n\t    return x / 2\n        return None\nhalf = f(5)\n")
    (folder / "package").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", False)
        return run.run(run.Options(str(folder / "program.py"), python2=True))


def test_a_program_does_what_it_did(names: dict) -> None:
    assert names["text"] == "a 1 3\n"
    assert names["numbers"] == [511, 10, 3, -4, 3.5, 3.0, -1.0, 2.67, 1, True]
    assert names["lists"] == [["1"], [2], [(1, 2)], [1, 2], [2]] and names["lazy"] == 11 + 6
    assert names["names"] == ["abc", "a-b", "X", True, "A"] and names["ordered"] == [3, 2, 1, "b", "a"]
    assert (names["executed"], names["namespace"]["y"], names["more"], names["evaluated"]) == (2, 4, 4, (3, 2))
    assert names["described"] == (["a", "b"], ["a=1", "b=2"], True, "3") and names["failed"] == "bad"
    assert names["pickled"] == [1, "x"] and names["maximum"] and names["empty"]


def test_modules_beside_the_program_are_translated_and_tabs_reach_to_the_eighth_column(names: dict) -> None:
    assert names["beside"].half == 2
    assert not list(pathlib.Path(names["beside"].__file__).parent.rglob("*.pyc"))  # read by others, it would be wrong


AGAIN = """\
from __future__ import division
import string, pickle
from itertools import izip, imap, count
values = [eval("7/2"), filter(None, "a b"), filter(lambda c: c != "b", ("a", "b")), filter(None, [0, 2])]
values += [map(None, [1, 2], [3]), map(lambda a, b: (a, b), [1, 2], [3]), zip([1, 2], "ab"), map(str, [1])]
values += [cmp(None, None), cmp(None, 0), cmp(1, "a"), cmp({}, {}), cmp("b", "a"), cmp([1], [2])]
values += [[a for a, b in izip(count(), imap(str, [5, 6]))]]
"""


def test_today_s_division_holds_in_text_that_runs_too_and_lists_are_lists(tmp_path: pathlib.Path) -> None:
    (tmp_path / "again.py").write_text(AGAIN)
    values = run.run(run.Options(str(tmp_path / "again.py"), python2=True))["values"]
    texts = [3.5, "a b", ("a",), [2], [(1, 3), (2, None)], [(1, 3), (2, None)], [(1, "a"), (2, "b")], ["1"]]
    assert values == [*texts, 0, -1, -1, 0, 1, -1, [0, 1]]


def test_imports_beside_a_module_of_a_package_are_found(tmp_path: pathlib.Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("import inner\nvalue = inner.value\n")
    (package / "inner.py").write_text("value = 7 / 2\n")
    (tmp_path / "p.py").write_text("import package\nvalue = package.value\n")
    assert run.run(run.Options(str(tmp_path / "p.py"), python2=True))["value"] == 3


def test_the_module_with_the_fault_is_named(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "beside.py").write_text(
        textwrap.dedent("""
        def count():
            return xrange(3)
    """)
    )
    (tmp_path / "p.py").write_text("import beside\nbeside.count()\n")
    assert run.main([str(tmp_path / "p.py")]) == 1
    told = capsys.readouterr().err
    assert f"tf1bn.run: {tmp_path / 'beside.py'}: `xrange` is Python 2" in told and "--tf1bn_python2" in told
    assert run.main(["--tf1bn_python2", str(tmp_path / "p.py")]) == 0


def test_without_fissix_its_extra_is_named(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("fissix", *(name for name in sys.modules if name.startswith("fissix."))):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "p.py").write_text("print 1\n")
    assert run.main(["--tf1bn_python2", str(tmp_path / "p.py")]) == 1
    assert "pip install 'tf1bn[python2]'" in capsys.readouterr().err
