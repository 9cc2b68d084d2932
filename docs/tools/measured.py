"""The tables of measured numbers in the pages, drawn from the raw times in docs/performance.

A table stands between two comments; the first says what is in it:

    <!-- measured: step.json onednn=on relu=no base=tf1bn columns=ident,textbook -->
    <!-- /measured -->

The words are those of ``_WORDS``. ``python docs/tools/measured.py`` draws all tables again.
"""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT))

from tf1bn.benchmark import report, results  # noqa: E402

_TABLE = re.compile(r"(<!-- measured: (?P<words>[^\n]*?) -->\n).*?(<!-- /measured -->)", re.DOTALL)
_WORDS = {
    "onednn": "on or off: the runs with it or without",
    "time": "wall (as without the word) or process",
    "what": "times (as without the word), errors, goals or machine",
    "relu": "yes or no: layers of the step that are followed by one, or are not",
    "base": "variant of the step by whose time the others are divided",
    "columns": "variants of the step beside the base, with commas",
    "rows": "variants of the other suites, with commas",
    "cases": "names of cases, with commas",
    "goals": "only goals whose text begins so; ~ stands for a space",
}


def drawn(page: str) -> str:
    """Returns the text of a page with its tables drawn anew."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{_table(found['words'])}\n\n{found[3]}", page)


def _table(line: str) -> str:
    name, *pairs = line.split()
    words = dict(pair.split("=", 1) for pair in pairs)
    if set(words) - set(_WORDS):
        raise ValueError(f"docs/tools/measured.py: no such word in '{line}'; it knows {', '.join(_WORDS)}")
    run = _chosen(_run(name, words.get("onednn")), words)
    return _DRAW[words.get("what", "times")](run, words)


def _run(name: str, onednn: str | None) -> results.Result:
    """Returns the run of a file, or that with or without oneDNN."""
    content = json.loads((DOCS / "performance" / name).read_text(encoding="utf-8"))
    runs = results.every_from_json(content, name)
    return next(run for run in runs if onednn in (None, report.onednn_text(run.machine)))


def _chosen(run: results.Result, words: dict[str, str]) -> results.Result:
    """Returns a run with the cases and the kind of time that the words ask for."""
    cases = run.cases
    if "relu" in words:
        cases = tuple(case for case in cases if case.facts["relu"] == (words["relu"] == "yes"))
    if "cases" in words:
        cases = tuple(case for case in cases if case.name in words["cases"].split(","))
    if words.get("time") == "process":
        cases = tuple(case.in_process_time() for case in cases)
    return dataclasses.replace(run, cases=tuple(_named(case) for case in cases))


def _named(case: results.Case) -> results.Case:
    """Returns a case without the number of threads in its name: the text before a table says it once."""
    return dataclasses.replace(case, name=case.name.split(" (")[0])


def _only(case: results.Case, names: list[str]) -> results.Case:
    """Returns a case with some variants, in their order."""
    kept = {name: case.times[name] for name in names if name in case.times}
    return dataclasses.replace(case, times=kept, errors={n: case.errors[n] for n in names if n in case.errors})


def _times(run: results.Result, words: dict[str, str]) -> str:
    if run.suite != "step":
        rows = words["rows"].split(",") if "rows" in words else list(run.cases[0].times)
        base = [name for name in ("biases", "tensorflow") if name not in rows]  # the ratios ask for it
        header, lines = report.rows(
            dataclasses.replace(run, cases=tuple(_only(case, rows + base) for case in run.cases))
        )
        return _markdown(header, [line for line in lines if line[0] in rows])
    base = words.get("base", "tf1bn")
    names = [base, *words["columns"].split(",")]
    header, lines = report.step_rows([_only(case, names) for case in run.cases], base)
    return _markdown([name.split("\n/")[0] for name in header], lines)


def _errors(run: results.Result, words: dict[str, str]) -> str:
    names = words["columns"].split(",")
    return _markdown(*report.error_rows([_only(case, names) for case in run.cases]))


def _goals(run: results.Result, words: dict[str, str]) -> str:
    start = words.get("goals", "").replace("~", " ")
    lines = [line for line in report.goal_rows(run) if line[0].startswith(start) and line[2] != "not measured"]
    return _markdown(["goal", "holds", "measured", "in processor time"], lines)


def _machine(run: results.Result, words: dict[str, str]) -> str:
    return report.machine_text(run.machine) + "; no GPU."


def _markdown(header: list[str], lines: list[list[str]]) -> str:
    """Returns a table; names stand left, numbers right, words of goals left."""
    aligned = "---:" if header[0] != "goal" else "---"
    rows = [header, ["---", *[aligned] * (len(header) - 1)], *lines]
    return "\n".join("| " + " | ".join(cell.replace("\n", " ").strip() for cell in row) + " |" for row in rows)


_DRAW: dict[str, Callable[[results.Result, dict[str, str]], str]] = {
    "times": _times,
    "errors": _errors,
    "goals": _goals,
    "machine": _machine,
}


def main() -> None:
    """Draws the tables of all pages."""
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if drawn(page) != page:
            path.write_text(drawn(page), encoding="utf-8")
            print(f"drawn again: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
