"""A result as tables and verdicts, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tf1bn.benchmark import goals, results, variants
from tf1bn.benchmark.goals import Verdict
from tf1bn.benchmark.results import Case, Result
from tf1bn.examples import tables

Rows = tuple[list[str], list[list[str]]]

JUDGES: dict[str, Callable[[Sequence[Case]], list[Verdict]]] = {
    "step": goals.step,
    "network": goals.network,
    "inference": goals.inference,
    "graph_build": goals.graph_build,
    "import_time": goals.import_time,
}
_BASES = {"network": variants.BIASES, "inference": variants.BIASES, "import_time": "tensorflow"}


def text(result: Result, *, markdown: bool = False) -> str:
    """Returns tables of times, what was not timed and why, and the goals."""
    form = _markdown if markdown else tables.aligned
    parts = [machine_text(result.machine)]
    parts += [form(*(step_rows(result.cases) if result.suite == "step" else rows(result)))]
    far = [case for case in result.cases if case.facts.get("mean")]
    if far:
        parts.append("Largest error against float64, over the largest value:")
        parts.append(form(*error_rows(far)))
    absent = absences(result.cases)
    if absent:
        parts.append("Not timed:\n\n" + "\n".join(f"- {line}" for line in absent))
    parts.append(form(("goal", "holds", "measured"), goal_rows(result)))
    return "\n\n".join(parts)


def _markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return tables.markdown([cell.replace("\n", " ").strip() for cell in header], lines)


def content(result: Result) -> dict[str, Any]:
    """Returns the result and its verdicts as JSON values."""
    verdicts = [verdict._asdict() for verdict in JUDGES[result.suite](result.cases)]
    return {**results.as_json(result), "goals": verdicts}


def machine_text(machine: dict[str, Any]) -> str:
    """Returns one line about the machine."""
    onednn = {True: "on", False: "off"}.get(machine["onednn"], "unknown")
    return (
        f"{machine['cores']} cores of {machine['processor']}; {machine['system']}, Python {machine['python']}, "
        f"TensorFlow {machine['tensorflow']}, oneDNN {onednn}"
    )


def goal_rows(result: Result) -> list[list[str]]:
    """Returns one row for each goal of the suite."""
    words = {True: "yes", False: "NO", None: "-"}
    return [[verdict.goal, words[verdict.holds], verdict.measured] for verdict in JUDGES[result.suite](result.cases)]


def absences(cases: Sequence[Case]) -> list[str]:
    """Returns a line for each variant and reason for which it was not timed."""
    found: dict[tuple[str, str], list[str]] = {}
    for case in cases:
        for name, reason in case.absent.items():
            found.setdefault((name, reason), []).append(case.name)
    return [
        f"{name}: {reason}" + ("" if len(where) == len(cases) else f" ({', '.join(where)})")
        for (name, reason), where in found.items()
    ]


def step_rows(cases: Sequence[Case]) -> Rows:
    """Returns a row for each case: microseconds of tf1bn, and how many times as long the others take."""
    others = [name for name in _variants(cases) if name != variants.OURS]
    header = ["shape", "tf1bn\nus", *(f"{name}\n/ tf1bn" for name in others)]
    rows = []
    for case in cases:
        ratios = [_ratio(case, name, variants.OURS) for name in others]
        rows.append([case.name, _number(case.microseconds(variants.OURS)) if case.has(variants.OURS) else "-", *ratios])
    return header, rows


def error_rows(cases: Sequence[Case]) -> Rows:
    """Returns a row for each case with the largest error of each variant."""
    names = list(dict.fromkeys(name for case in cases for name in case.errors))
    lines = [
        [case.name, *(f"{case.errors[name]:.0e}" if name in case.errors else "-" for name in names)] for case in cases
    ]
    return ["shape", *names], lines


def rows(result: Result) -> Rows:
    """Returns a row for each variant and, for each case, its milliseconds and their ratio to the suite's base."""
    base = _BASES.get(result.suite)
    header, columns = ["variant"], []
    for case in result.cases:
        header += [f"{case.name}\nms", *([f"\n/ {base}"] if base else [])]
        columns.append(case)
    counts = list(dict.fromkeys(key for case in columns for each in case.counts.values() for key in each))
    header += [key.replace(", ", ",\n") for key in counts]
    table = []
    for name in _variants(result.cases):
        row = [name]
        for case in columns:
            row.append(_number(case.microseconds(name) / 1e3) if case.has(name) else "-")
            row += [_ratio(case, name, base)] if base else []
        known = {key: value for case in columns for key, value in case.counts.get(name, {}).items()}
        table.append([*row, *(f"{known[key]:.4g}" if key in known else "-" for key in counts)])
    return header, table


def _variants(cases: Sequence[Case]) -> list[str]:
    return list(dict.fromkeys(name for case in cases for name in case.times))


def _ratio(case: Case, name: str, base: str) -> str:
    return f"{case.ratio(name, base):.2f}" if case.has(name, base) else "-"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
