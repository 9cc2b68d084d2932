"""Python 2 is recognised where it does not compile, and hinted at where it does."""

import pytest

from tf1bn.compat.python2 import recognising

OLD = {
    'print "a"': "the print statement",
    "print x, y": "the print statement",
    'print "%d" % 3, (4)': "the print statement",
    "    print 'indented'": "the print statement",
    "try:\n  x\nexcept ValueError, e:\n  pass": "`except Error, name:`",
    "try:\n  x\nexcept (A, B), e:\n  pass": "`except Error, name:`",
    'raise ValueError, "text"': "`raise Error, text`",
    'exec "x = 1"': "the exec statement",
    "if a <> b: pass": "the operator `<>`",
    "x = `y`": "backquotes",
    "x = ur'a'": "a string `ur''`",
    "x = 0777": "a number like `0777` or `10L`",
    "x = 10L": "a number like `0777` or `10L`",
    "f = lambda (a, b): a": "a lambda that unpacks its argument",
    "def f(a, (b, c)): pass": "a function that unpacks its argument",
    "if x:\n\ty = 1\n        z = 2": "tabs and spaces mixed",
}
NOT_OLD = ["x = (1", "def f(:", "for", "print('a'", "x = = 1", "if x print(1)", "# print x\nx = ("]


def failure(source: str) -> SyntaxError:
    with pytest.raises(SyntaxError) as raised:
        compile(source, "p.py", "exec")
    return raised.value


@pytest.mark.parametrize("source", OLD)
def test_a_construct_of_python_2_is_named(source: str) -> None:
    refusal = recognising.explain_syntax(failure(source), "p.py", source.splitlines())
    assert refusal is not None
    assert str(refusal).startswith("p.py: line ") and OLD[source] in str(refusal)
    assert "is Python 2" in str(refusal) and "--tf1bn_python2 before SCRIPT" in str(refusal)


@pytest.mark.parametrize("source", NOT_OLD)
def test_a_plain_mistake_is_not_python_2(source: str) -> None:
    assert recognising.explain_syntax(failure(source), "p.py", source.splitlines()) is None


@pytest.mark.parametrize("source", ["xrange(3)", "{}.iteritems()", "import cPickle", "unicode('a')"])
def test_a_name_of_python_2_gives_a_hint(source: str) -> None:
    with pytest.raises((NameError, AttributeError, ImportError)) as raised:
        exec(source, {})
    assert "p.py: `" in recognising.hint(raised.value, "p.py")
    assert "is Python 2. Let it be translated as it runs: --tf1bn_python2" in recognising.hint(raised.value, "p.py")


@pytest.mark.parametrize("source", ["mistyped", "{}.mistyped", "import mistyped_module", "1 / 0"])
def test_another_failure_gives_none(source: str) -> None:
    with pytest.raises(Exception) as raised:
        exec(source, {})
    assert recognising.hint(raised.value, "p.py") == ""
