"""What a benchmark measured, the ratios that follow from it, and its JSON."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from tf1bn import errors
from tf1bn.benchmark.timing import Measured, Times

FORMAT, VERSION = "tf1bn benchmark", 1


@dataclasses.dataclass(frozen=True)
class Case:
    """One situation in which all variants were timed in one process.

    Attributes:
      name: of the situation, such as a shape.
      facts: what goals and tables ask about it: elements, channels, rank, relu, layers, threads, ...
      times: microseconds by variant, session and round.
      errors: of each variant, its largest deviation from the reference, relative to the largest value.
      absent: why a variant was not timed: it is not installed, does not take the input, or is wrong.
      counts: other numbers of each variant, such as ops per layer.
      process_times: as ``times``, of processor time; empty in results of earlier releases.
      busy: what the cores did while this was timed, see ``cores.Watch.found``.
    """

    name: str
    facts: dict[str, Any]
    times: Times
    errors: dict[str, float] = dataclasses.field(default_factory=dict)
    absent: dict[str, str] = dataclasses.field(default_factory=dict)
    counts: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    process_times: Times = dataclasses.field(default_factory=dict)
    busy: dict[str, Any] = dataclasses.field(default_factory=dict)

    def take(self, measured: Measured) -> None:
        """Puts in what was measured."""
        self.times.update(measured.times)
        self.process_times.update(measured.process_times)
        self.busy.update(measured.busy)

    def in_process_time(self) -> Case:
        """Returns the case with processor time in the place of time on the wall."""
        return dataclasses.replace(self, times=self.process_times)

    def has(self, *variants: str) -> bool:
        """Whether all of these were timed."""
        return all(variant in self.times for variant in variants)

    def microseconds(self, variant: str) -> float:
        """Returns the median over sessions of the median over rounds."""
        return statistics.median(statistics.median(rounds) for rounds in self.times[variant])

    def ratio(self, variant: str, base: str) -> float:
        """Returns how many times as long ``variant`` takes as ``base``: the median over sessions and rounds.

        Each round is compared with the same round of the other, since both met the same load.
        """
        pairs = zip(self.times[variant], self.times[base], strict=True)
        return statistics.median(
            statistics.median(mine / other for mine, other in zip(one, two, strict=True)) for one, two in pairs
        )


@dataclasses.dataclass(frozen=True)
class Result:
    """One run of a suite, or several runs of it on one machine put together.

    Attributes:
      suite: its name.
      machine: what it ran on, see ``environment.machine``.
      cases: in order.
    """

    suite: str
    machine: dict[str, Any]
    cases: tuple[Case, ...]


def geometric_mean(values: Iterable[float]) -> float:
    """Returns the root of the product; NaN of nothing."""
    logs = [math.log(value) for value in values]
    return math.exp(statistics.fmean(logs)) if logs else math.nan


def as_json(result: Result) -> dict[str, Any]:
    """Returns the result as JSON values, times with four digits."""
    cases = [dataclasses.asdict(case) for case in result.cases]
    for case in cases:
        for key in ("times", "process_times"):
            case[key] = {
                name: [[float(f"{value:.4g}") for value in rounds] for rounds in sessions]
                for name, sessions in case[key].items()
            }
        case["errors"] = {name: float(f"{value:.2g}") for name, value in case["errors"].items()}
    return {"format": FORMAT, "version": VERSION, "suite": result.suite, "machine": result.machine, "cases": cases}


def from_json(content: Any, source: str) -> Result:
    """Returns the result that :func:`as_json` described; other keys are left alone.

    Raises:
      ArgumentError: it is something else.
    """
    try:
        if (content["format"], content["version"]) != (FORMAT, VERSION):
            raise KeyError
        fields = [field.name for field in dataclasses.fields(Case)]
        cases = tuple(Case(**{name: case[name] for name in fields if name in case}) for case in content["cases"])
        return Result(content["suite"], content["machine"], cases)
    except (KeyError, TypeError):
        raise errors.ArgumentError(
            errors.explain(f"{source!r} is no result of this benchmark", expected=f"{FORMAT!r}, version {VERSION}")
        ) from None


def every_as_json(contents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the JSON values of one run as they are, those of several as one object."""
    if len(contents) == 1:
        return contents[0]
    return {"format": FORMAT, "version": VERSION, "suite": contents[0]["suite"], "runs": list(contents)}


def every_from_json(content: Any, source: str) -> list[Result]:
    """Returns the results that :func:`every_as_json` put together.

    Raises:
      ArgumentError: it is something else.
    """
    runs = content.get("runs") if isinstance(content, dict) else None
    return [from_json(run, source) for run in (runs if isinstance(runs, list) and runs else [content])]


def by_onednn(parts: Sequence[Result]) -> list[Result]:
    """Returns the runs of each state of oneDNN as one, in the order in which the states come.

    Raises:
      ArgumentError: they are of different suites or machines.
    """
    states = list(dict.fromkeys(part.machine["onednn"] for part in parts))
    found = [joined([part for part in parts if part.machine["onednn"] == state]) for state in states]
    joined([dataclasses.replace(each, machine={**each.machine, "onednn": None}) for each in found])  # or refuses
    return found


def joined(parts: Sequence[Result]) -> Result:
    """Returns several runs of one suite as one; a case that was measured before gets a number behind its name.

    Raises:
      ArgumentError: they are of different suites or machines.
    """
    first = parts[0]
    for part in parts[1:]:
        if (part.suite, part.machine) != (first.suite, first.machine):
            raise errors.ArgumentError(
                errors.explain(
                    "results of different runs do not go together",
                    got=f"{part.suite} on {part.machine}",
                    expected=f"{first.suite} on {first.machine}",
                )
            )
    cases: dict[str, Case] = {}
    for case in (case for part in parts for case in part.cases):
        number = sum(name == case.name or name.startswith(f"{case.name} [run ") for name in cases)
        name = f"{case.name} [run {number + 1}]" if number else case.name
        cases[name] = dataclasses.replace(case, name=name)
    return dataclasses.replace(first, cases=tuple(cases.values()))
