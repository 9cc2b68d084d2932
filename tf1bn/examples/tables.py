"""Small tables, as aligned text and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a table in columns: the first to the left, the others to the right; a header cell may have lines."""
    heads = [cell.split("\n") for cell in header]
    height = max(len(lines) for lines in heads)
    padded = [[""] * (height - len(lines)) + lines for lines in heads]
    top = [[column[line] for column in padded] for line in range(height)]
    widths = [max(len(row[column]) for row in [*top, *rows]) for column in range(len(header))]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([*(_line(row, widths) for row in top), rule, *(_line(row, widths) for row in rows)])


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table, numbers to the right."""
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *rows])


def share(value: float | None) -> str:
    """Returns an accuracy with three decimals, a dash for None."""
    return "-" if value is None else f"{value:.3f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join([first, *others]).rstrip()
