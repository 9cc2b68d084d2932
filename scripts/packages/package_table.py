"""The table of `docs/packages.md`: one row for each library, between two marks, in the order of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from package_rows import Package
from package_run import Outcome

BEGIN, END = "<!-- made by `make test-packages` -->", "<!-- end of what is made -->"
HEAD = ("package", "version", "served", "imports", "trains", "stops where and why", "what to do, or to know")


def replaced(page: str, packages: Sequence[Package], outcomes: Mapping[str, Outcome], made: str) -> str:
    """Returns a page with a new table; libraries that were not tried this time keep their rows.

    Raises:
      ValueError: the page has not got the two marks, in this order.
    """
    before, begin, rest = page.partition(BEGIN)
    old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}")
    rows = {cells[0].strip("`"): cells for cells in _rows(old)}
    rows |= {package.name: row(package, outcomes[package.name]) for package in packages if package.name in outcomes}
    shown = [rows[package.name] for package in packages if package.name in rows]
    lines = [_line(HEAD), _line(["---"] * len(HEAD)), *map(_line, shown)]
    return "\n".join([before + BEGIN, "", made, "", *lines, "", END]) + after


def row(package: Package, outcome: Outcome) -> list[str]:
    """Returns the cells of one row."""
    stop = outcome.stop
    where = "" if stop is None else f"`{stop.place}`: {stop.reason}" if stop.place else stop.reason
    words = ["yes" if outcome.imported else "no", "yes" if outcome.trained else "no"]
    served = ", ".join(f"`{name}`" for name in package.serves)
    return [f"`{package.name}`", package.version, served, *words, _plain(where), _plain(package.remedy)]


def _plain(text: str) -> str:
    """Returns a text that does not end its cell."""
    return text.replace(" | ", " \\| ")


def _rows(table: str) -> list[list[str]]:
    lines = [line.strip() for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
