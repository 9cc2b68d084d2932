"""Docstrings as the reference shows them."""

from __future__ import annotations

import ast

import pytest

from tests.docs import pages

import prose  # isort: skip  # beside generated, on the path by now

assert pages.DOCS


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Does it.\n\nArgs:\n  x: a number.\n", "Does it.\n\nArgs:\n  x: a number."),
        ("Shapes:\n  x: one\n    more.\n  y, z: two.", "**Shapes**:\n\n- `x`: one\n  more.\n- `y`, `z`: two.\n"),
        (
            "Variables (in\na scope):\n  x: one.\n  Any text\n  end: it.",
            "**Variables** (in a scope):\n\n- `x`: one.\n\nAny text\nend: it.\n",
        ),
        ("See :mod:`a.b`, :func:`c` and ``docs/tf2.md``.", "See `a.b`, `c` and [tf2](../tf2.md)."),
        ("Example:\n  >>> f()\n", "Examples:\n  >>> f()"),
        ("A line of words:\n  x = 1\n", "A line of words:\n\nx = 1\n"),
        ("Text,\nmore: text.\n\n  indented: x", "Text,\nmore: text.\n\n  indented: x"),
    ],
)  # fmt: skip
def test_own_sections_become_lists(text, wanted):
    assert prose.markdown(text) == wanted


def test_nothing_is_lost_of_the_longest_docstring():
    source = (pages.ROOT / "tf1bn" / "layers" / "batch_norm.py").read_text(encoding="utf-8")
    (node,) = [n for n in ast.parse(source).body if getattr(n, "name", "") == "batch_norm"]
    text = ast.get_docstring(node)

    def words(line):
        for sign in "`*-":
            line = line.replace(sign, "")
        return line.split()

    plain = text.replace("Example:", "Examples:").replace("docs/batch_norm.md", "[batch_norm](../batch_norm.md)")
    plain = plain.replace("docs/distribution.md", "[distribution](../distribution.md)")
    plain = plain.replace("docs/native.md", "[native](../native.md)")
    assert words(prose.markdown(text)) == words(plain)
