"""The tables of the pages are those of the raw times that are kept beside them."""

from __future__ import annotations

import pytest

from tests.docs import pages

import measured  # isort: skip  # beside generated, on the path by now

PAGES = [path.name for path in sorted(pages.DOCS.glob("*.md")) if "<!-- measured:" in path.read_text(encoding="utf-8")]
PAGE = "Before.\n\n<!-- measured: {} -->\nold\n<!-- /measured -->\n\nAfter.\n"


@pytest.mark.parametrize("name", PAGES)
def test_tables_are_drawn_from_the_files(name):
    page = (pages.DOCS / name).read_text(encoding="utf-8")
    assert measured.drawn(page) == page, "run python docs/tools/measured.py"


def test_a_table_has_the_rows_and_columns_that_were_asked_for():
    words = "step_native.json onednn=on relu=yes base=tf1bn:native columns=slim,ident"
    lines = measured.drawn(PAGE.format(words)).splitlines()
    assert lines[:4] == ["Before.", "", f"<!-- measured: {words} -->", ""]
    assert lines[-4:] == ["", "<!-- /measured -->", "", "After."]
    assert lines[4:6] == ["| shape | tf1bn:native us | slim | ident |", "| --- | ---: | ---: | ---: |"]
    names = [line.split(" | ")[0] for line in lines[6:-4]]
    assert len(names) == 18 and all(name.endswith("+relu") for name in names[:-1]) and names[-1] == "| geometric mean"


def test_processor_time_is_another_table():
    wall, process = (
        measured.drawn(PAGE.format(f"step_native.json onednn=off columns=slim{more}")) for more in ("", " time=process")
    )
    assert wall.splitlines()[6:-4] != process.splitlines()[6:-4]


def test_a_word_that_is_not_known_is_refused():
    with pytest.raises(ValueError, match="no such word in 'step_native.json colums=slim'"):
        measured.drawn(PAGE.format("step_native.json colums=slim"))
