"""Links and pictures of the documentation lead somewhere; no network is asked."""

from __future__ import annotations

import posixpath
import re

import pytest

from tests.docs import pages

SITE = pages.site()
LINK = re.compile(r"(!?)\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)")
NAV = re.findall(r"^\s+-\s.*?([\w/]+\.md)$", (pages.ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)


def links(text: str) -> list[str]:
    """Targets of links and pictures outside of code."""
    bare = re.sub(r"`[^`\n]*`", "", pages.FENCE.sub("", text))
    return [match[2] for match in LINK.finditer(bare)]


def broken(name: str, site: dict[str, str]) -> list[str]:
    """Links of a page of the site that lead nowhere."""
    found = []
    for target in links(site[name]):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        page = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
        if page in site:
            if anchor and anchor not in pages.anchors(site[page]):
                found.append(f"{target}: the page has no such anchor")
        elif anchor or not (pages.DOCS / page).is_file() or ".." in page:
            found.append(f"{target}: there is no such page or file")
    return found


@pytest.mark.parametrize("name", SITE)
def test_links_of_the_site_lead_somewhere(name):
    assert not broken(name, SITE)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_top_level_lead_to_files_of_the_repository(name):
    """Who reads them beside the sources has no generated page."""
    for target in links((pages.ROOT / name).read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        if re.match(r"https?:", target):
            continue
        assert (pages.ROOT / path).is_file(), target
        if anchor:
            assert anchor in pages.anchors((pages.ROOT / path).read_text(encoding="utf-8")), target


def test_every_page_is_in_the_navigation_once():
    assert sorted(NAV) == sorted(SITE)


def test_pages_that_code_speaks_of_exist():
    spoken = set()
    for path in (pages.ROOT / "tf1bn").rglob("*.py"):
        spoken |= set(re.findall(r"\bdocs/[\w/]+\.\w+", path.read_text(encoding="utf-8")))
    assert "docs/native.md" in spoken
    assert not [name for name in spoken if not (pages.ROOT / name).is_file()]


def test_files_that_the_recipes_name_exist():
    text = (pages.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:tf1bn|tests|docs|scripts)/[\w./]*)`", text))
    assert "tf1bn/strategies/catalog.py" in named
    assert not [name for name in named if "NAME" not in name and "NNN" not in name and not (pages.ROOT / name).exists()]


def test_every_picture_is_shown():
    shown = {posixpath.basename(target) for text in SITE.values() for target in links(text)}
    assert {path.name for path in (pages.DOCS / "pictures").iterdir()} <= shown


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[x](nowhere.md)", "nowhere.md"),
        ("[x](b.md#no)", "no such anchor"),
        ("[x](#no)", "no such anchor"),
        ("![x](pictures/no.png)", "no.png"),
        ("[x](../README.md)", "README.md"),
    ],
)
def test_a_link_that_leads_nowhere_is_found(text, word):
    (complaint,) = broken("a.md", {"a.md": text, "b.md": "# Yes"})
    assert word in complaint


def test_links_that_lead_somewhere_are_not():
    text = "# A `b`, c!\n[x](b.md#yes) [y](#a-b-c) [z](https://example.org) `[no](no.md)`\n```text\n[no](no.md)\n```\n"
    assert broken("a.md", {"a.md": text, "b.md": "## Yes\n"}) == []


def test_anchors_are_those_of_python_markdown():
    text = '# A `b_c`: d/e (f)\n## Same\n## Same\n## Given {#own}\n<a id="raw"></a>\n::: tf1bn.batch_norm\n'
    assert pages.anchors(text) == {"a-b_c-de-f", "same", "same_1", "own", "raw", "tf1bn.batch_norm"}
