"""A result as tables and verdicts, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from tf1bn.benchmark import cores, goals, native_goals, results, variants
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
WALL, PROCESS = "Time on the wall:", "Processor time of the process, all of its threads together:"


def text(result: Result, *, markdown: bool = False, base: str = variants.OURS) -> str:
    """Returns tables of times, which cores were busy, what was not timed and why, and the goals.

    Args:
      base: the variant of a step whose time others are compared with.
    """
    form = _markdown if markdown else tables.aligned
    parts = [machine_text(result.machine), *_busy(result)]
    parts += _tables(result, form, base)
    far = [case for case in result.cases if case.facts.get("mean")]
    if far:
        parts.append("Largest error against float64, over the largest value:")
        parts.append(form(*error_rows(far)))
    absent = absences(result.cases)
    if absent:
        parts.append("Not timed:\n\n" + "\n".join(f"- {line}" for line in absent))
    parts.append(form(("goal", "holds", "measured", "in processor time"), goal_rows(result)))
    return "\n\n".join(parts)


def texts(runs: Sequence[Result], *, markdown: bool = False, base: str = variants.OURS) -> str:
    """Returns the report of each run, and, of two that differ in oneDNN, a table of both."""
    reports = [text(run, markdown=markdown, base=base) for run in runs]
    if len(runs) == 1:
        return reports[0]
    form = _markdown if markdown else tables.aligned
    between = [f"{title}\n\n{form(*found)}" for title, found in comparisons(runs)]
    heads = [f"{'## ' if markdown else ''}oneDNN {onednn_text(run.machine)}" for run in runs]
    return "\n\n".join([*(f"{head}\n\n{body}" for head, body in zip(heads, reports, strict=True)), *between])


def comparisons(runs: Sequence[Result]) -> list[tuple[str, Rows]]:
    """Returns for each run after the first a title and a table: how many times as long everything takes as there."""
    found = []
    for run in runs[1:]:
        names = onednn_text(run.machine), onednn_text(runs[0].machine)
        found.append((f"oneDNN {names[0]} / oneDNN {names[1]}:", _comparison(run, runs[0])))
    return found


def _comparison(run: Result, base: Result) -> Rows:
    pairs = [(case, other) for case in run.cases for other in base.cases if case.name == other.name]
    table = []
    for name in _variants(run.cases):
        ratios = [
            f"{case.microseconds(name) / other.microseconds(name):.2f}" if case.has(name) and other.has(name) else "-"
            for case, other in pairs
        ]
        table.append([name, *ratios])
    return ["variant", *(case.name for case, _ in pairs)], table


def _busy(result: Result) -> list[str]:
    found = [case.busy for case in result.cases if case.busy]
    return [cores.text(cores.joined(found))] if found else []


def _tables(result: Result, form: Callable[..., str], base: str) -> list[str]:
    """Returns the table of wall time, and the same of processor time where that was measured."""

    def table(of: Result) -> str:
        return form(*(step_rows(of.cases, base) if of.suite == "step" else rows(of)))

    if not all(case.process_times for case in result.cases):
        return [table(result)]
    processor = dataclasses.replace(result, cases=tuple(case.in_process_time() for case in result.cases))
    return [WALL, table(result), PROCESS, table(processor)]


def _markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return tables.markdown([cell.replace("\n", " ").strip() for cell in header], lines)


def content(result: Result) -> dict[str, Any]:
    """Returns the result and its verdicts as JSON values."""
    found = {"goals": judged(result.suite, result.cases), "goals_in_process_time": in_process_time(result)}
    verdicts = {key: [verdict._asdict() for verdict in values] for key, values in found.items()}
    return {**results.as_json(result), **verdicts}


def machine_text(machine: dict[str, Any]) -> str:
    """Returns one line about the machine."""
    return (
        f"{machine['cores']} cores of {machine['processor']}; {machine['system']}, Python {machine['python']}, "
        f"TensorFlow {machine['tensorflow']}, oneDNN {onednn_text(machine)}"
    )


def onednn_text(machine: dict[str, Any]) -> str:
    """Returns whether TensorFlow computed with oneDNN, as it said itself while it ran."""
    return {True: "on", False: "off"}.get(machine["onednn"], "unknown")


def judged(suite: str, cases: Sequence[Case]) -> list[Verdict]:
    """Returns whether the goals of a suite are reached."""
    more = native_goals.JUDGES.get(suite)
    return [*JUDGES[suite](cases), *(more(cases) if more else [])]


def goal_rows(result: Result) -> list[list[str]]:
    """Returns one row for each goal of the suite: whether it holds on the wall, and what it is in processor time."""
    again = {verdict.goal: verdict for verdict in in_process_time(result)}
    verdicts = judged(result.suite, result.cases)
    return [[each.goal, _holds(each), each.measured, _of_process(again.get(each.goal))] for each in verdicts]


def in_process_time(result: Result) -> list[Verdict]:
    """Returns what the goals are in processor time, which other work on the machine disturbs less."""
    return judged(result.suite, [case.in_process_time() for case in result.cases])


def _holds(verdict: Verdict) -> str:
    return {True: "yes", False: "NO", None: "-"}[verdict.holds]


def _of_process(verdict: Verdict | None) -> str:
    if verdict is None:
        return "not measured"
    return verdict.measured if verdict.holds is None else f"{_holds(verdict)}: {verdict.measured}"


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


def step_rows(cases: Sequence[Case], base: str = variants.OURS) -> Rows:
    """Returns a row for each case: microseconds of a variant, and how many times as long the others take.

    Below stands the geometric mean of each column.
    """
    others = [name for name in _variants(cases) if name != base]
    header = ["shape", f"{base}\nus", *(f"{name}\n/ {base}" for name in others)]
    table = []
    for case in cases:
        ratios = [_ratio(case, name, base) for name in others]
        table.append([case.name, _number(case.microseconds(base)) if case.has(base) else "-", *ratios])
    if len(cases) > 1:
        table.append(["geometric mean", "", *(_mean_ratio(cases, name, base) for name in others)])
    return header, table


def _mean_ratio(cases: Sequence[Case], name: str, base: str) -> str:
    found = [case.ratio(name, base) for case in cases if case.has(name, base)]
    return f"{results.geometric_mean(found):.2f}" if found else "-"


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
