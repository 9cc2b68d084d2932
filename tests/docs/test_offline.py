"""The check that the built site fetches nothing, and what the site is built with."""

from __future__ import annotations

import re

import pytest

from tests.docs import pages

import offline  # isort: skip  # beside generated, on the path by now
import requirements  # isort: skip

MKDOCS = (pages.ROOT / "mkdocs.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.html", '<script async src="https://cdn.example/x.js"></script>'),
        ("a.html", "<script src=https://cdn.example/x.js></script>"),
        ("a.html", '<link rel="stylesheet" href="//fonts.example/css?family=x">'),
        ("a.html", '<img alt="x" src="http://pictures.example/x.png">'),
        ("a.css", '@import url("https://fonts.example/x.css");'),
        ("a.css", "@font-face{src:url(https://fonts.example/x.woff2)}"),
    ],
)
def test_what_is_fetched_is_found(name, text, tmp_path, capsys):
    (tmp_path / name).write_text(text)
    assert offline.main(str(tmp_path)) == 1
    assert "example" in capsys.readouterr().err


def test_links_and_own_files_are_not(tmp_path):
    (tmp_path / "a.html").write_text(
        '<a href="https://example.org">x</a><img src="pictures/x.png"><script src="assets/x.js"></script>'
        '<link rel="canonical" href="https://example.org/a.html"><link rel="icon" href="assets/x.png">'
    )
    (tmp_path / "a.css").write_text("a{background:url(x.png);mask-image:url('data:image/svg+xml;utf8,<svg/>')}")
    assert offline.fetched(tmp_path) == []


def test_the_site_asks_for_no_font_and_is_strict():
    assert re.search(r"^  font: false", MKDOCS, re.MULTILINE) and re.search(r"^strict: true$", MKDOCS, re.MULTILINE)


def test_the_requirements_of_the_site_are_pinned_below_the_next_major_version():
    found = requirements.requirements()
    assert {re.split(r"[<>=]", line)[0] for line in found} >= {"mkdocs", "mkdocs-material", "mkdocstrings"}
    assert all(re.fullmatch(r"[a-z-]+>=[\d.]+,<[\d.]+", line) for line in found)
