"""Says what is in a checkpoint: every batch norm, its layout, the state of its statistics, and what else there is."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.checkpoint import sites as sites_module
from tf1bn.checkpoint import statistics
from tf1bn.checkpoint.bundle import TensorInfo
from tf1bn.checkpoint.layout import BETA, GAMMA, MEAN, STATISTICS, VARIANCE, Layout
from tf1bn.checkpoint.layouts import catalog, object_based
from tf1bn.checkpoint.sites import Site
from tf1bn.checkpoint.source import Checkpoint, open_checkpoint

_SLOT = re.compile(
    r"(?i)/(adam|adamax|momentum|rmsprop|adagrad|adadelta|ftrl|lazyadam|nadam|lamb|lars|accumulator)\w*(_\d+)?$"
    r"|(^|/)beta[12]_power(_\d+)?$|^training/|/\.OPTIMIZER_SLOT/|^(optimizer|Adam|SGD|RMSprop)/"
)
_AVERAGE = re.compile(r"/ExponentialMovingAverage(_\d+)?$")
_STEP = re.compile(r"(^|/)global_step(:0)?$")
_KINDS = ("optimizer slots", "averages of weights", "global step", "other tensors")


class Problem(NamedTuple):
    """One complaint about a checkpoint, with the code of the audit catalogue."""

    code: str
    place: str
    text: str


class SiteReport(NamedTuple):
    """One site, where its tensors are, and the state of its statistics."""

    site: Site
    state: statistics.State
    problems: tuple[Problem, ...]


class Inspection(NamedTuple):
    """What :func:`inspect` found.

    Attributes:
      prefix: the checkpoint.
      version: of the file format, 1 or 2.
      tensors: how many tensors it holds.
      object_based: whether keys are object paths.
      partitioned: names of tensors that are stored in slices.
      sites: the batch norms.
      others: kind -> names of all tensors that are no part of a site.
      global_step: its value, if there is one.
      problems: everything that is wrong, those of the sites included.
    """

    prefix: str
    version: int
    tensors: int
    object_based: bool
    partitioned: tuple[str, ...]
    sites: tuple[SiteReport, ...]
    others: dict[str, tuple[str, ...]]
    global_step: int | None
    problems: tuple[Problem, ...]


def inspect(checkpoint: str | os.PathLike[str], *, layout: str | Layout | None = None) -> Inspection:
    """Reads names and batch-norm statistics of a checkpoint, never the rest of the data.

    Args:
      checkpoint: prefix of a V2 checkpoint, or a V1 file.
      layout: name of the one layout to look for, or the layout; None for all that are registered.

    Returns:
      an :class:`Inspection`.

    Raises:
      CheckpointMissingError, CheckpointDamagedError, CheckpointUnsupportedError: it cannot be read.
      UnknownNameError: no layout of that name.
    """
    with errors.located("inspect", checkpoint=os.fspath(checkpoint)):
        only = catalog.LAYOUTS.get(layout) if isinstance(layout, str) else layout
        with open_checkpoint(checkpoint) as opened:
            return _inspect(opened, only)


def _inspect(opened: Checkpoint, only: Layout | None) -> Inspection:
    found = sites_module.recognise(opened.tensors, only)
    near = sites_module.satellites(opened.tensors, found)
    reports = []
    for at, site in enumerate(found):
        state = statistics.examine(opened, site)
        own = [name for name, (owner, _, _) in near.items() if owner == at] if len(found) < 1000 else []
        reports.append(SiteReport(site, state, tuple(_judge(site, state, own))))
    others = _sort_others(opened, found)
    problems = [problem for report in reports for problem in report.problems]
    problems += _twins(found)
    return Inspection(
        prefix=opened.prefix,
        version=opened.version,
        tensors=len(opened.tensors),
        object_based=object_based.GRAPH_KEY in opened.tensors,
        partitioned=tuple(name for name, info in opened.tensors.items() if info.slices),
        sites=tuple(reports),
        others=others,
        global_step=_global_step(opened, others["global step"]),
        problems=tuple(problems),
    )


def _sort_others(opened: Checkpoint, found: Sequence[Site]) -> dict[str, tuple[str, ...]]:
    taken = {name for site in found for name in site.tensors.values()}
    kinds: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for name in opened.tensors:
        if name not in taken:
            kinds[kind_of(name)].append(name)
    return {kind: tuple(names) for kind, names in kinds.items()}


def kind_of(name: str) -> str:
    """Returns what a tensor outside of batch norms is, by its name; one of the keys of ``Inspection.others``."""
    if _STEP.search(name):
        return "global step"
    if _AVERAGE.search(name):
        return "averages of weights"
    return "optimizer slots" if _SLOT.search(name) else "other tensors"


def _global_step(opened: Checkpoint, names: Sequence[str]) -> int | None:
    for name in names:
        info: TensorInfo = opened.tensors[name]
        if info.shape == () and info.dtype.name in ("int64", "int32"):
            return int(opened.read(name))
    return None


def _judge(site: Site, state: statistics.State, near: Sequence[str]) -> list[Problem]:
    label, found = site.label, []
    lost = [role for role in STATISTICS if role not in site.tensors]
    if lost:
        found.append(Problem("BN022", label, f"no {' and no '.join(lost)} in the file"))
    if state.verdict == statistics.NEVER and state.affine_moved is not False:
        text = "every mean is 0 and every variance 1: the averages were never updated"
        found.append(
            Problem("BN024", label, text + (", though gamma or beta was trained" if state.affine_moved else ""))
        )
    elif state.verdict == statistics.PARTLY:
        text = f"{state.initial} of {state.channels} channels still have mean 0 and variance 1"
        found.append(Problem("BN024", label, text))
    if state.verdict == statistics.DAMAGED:
        counts = ((state.nan, "NaN"), (state.infinite, "Inf"), (state.negative, "negative"))
        parts = ", ".join(f"{count} {what}" for count, what in counts if count)
        found.append(Problem("BN025", label, f"impossible statistics: {parts}; channels {list(state.bad_channels)}"))
    if site.rivals:
        text = f"names fit {site.layout.name} and {', '.join(site.rivals)}, which store other quantities"
        found.append(Problem("BN030", label, text + "; say which with --from"))
    averaged = {name for name in near if _AVERAGE.search(name)}
    covered = {role for role, name in site.tensors.items() if f"{name}/ExponentialMovingAverage" in averaged}
    if covered & {GAMMA, BETA} and not covered & {MEAN, VARIANCE}:
        found.append(Problem("BN027", label, "gamma or beta has an average of weights, the statistics have none"))
    return found


def _twins(found: Sequence[Site]) -> list[Problem]:
    """Names sites that exist once with and once without a counter, where only one of the two was ever moved."""
    scopes = {site.scope for site in found}
    complaints = []
    for site in found:
        if site.twin and site.scope in scopes and len(site.missing()) >= 2:
            text = f"a second family of names in scope {site.scope!r} without gamma and beta of its own"
            complaints.append(Problem("BN028", site.label, text))
    return complaints


def as_json(inspection: Inspection) -> dict[str, Any]:
    """Returns an inspection as JSON values."""
    return {
        "checkpoint": inspection.prefix,
        "format": f"V{inspection.version}",
        "tensors": inspection.tensors,
        "object_based": inspection.object_based,
        "partitioned": list(inspection.partitioned),
        "global_step": inspection.global_step,
        "sites": [_site_json(report) for report in inspection.sites],
        "others": {kind: list(names) for kind, names in inspection.others.items()},
        "problems": [problem._asdict() for problem in inspection.problems],
    }


def _site_json(report: SiteReport) -> dict[str, Any]:
    site = report.site
    return {
        "scope": site.scope,
        "twin": site.twin,
        "layout": site.layout.name,
        "sure": site.sure,
        "candidates": list(site.candidates),
        "tensors": site.tensors,
        "missing": list(site.missing()),
        "state": report.state._asdict() | {"bad_channels": list(report.state.bad_channels)},
        "problems": [problem._asdict() for problem in report.problems],
    }


def as_text(inspection: Inspection) -> str:
    """Returns an inspection as lines for people."""
    lines = [
        f"{inspection.prefix}: V{inspection.version} checkpoint, {inspection.tensors} tensors, "
        f"{len(inspection.sites)} batch norm{'' if len(inspection.sites) == 1 else 's'}"
        + (", object-based" if inspection.object_based else "")
    ]
    for site, state, _ in inspection.sites:
        also = f"; also {', '.join(site.candidates)}" if site.candidates else ""
        lines.append(f"  {site.label}: {site.layout.name} ({site.sure}{also})")
        lines.append(f"    {_state_text(state)}" + (f"; no {', no '.join(site.missing())}" if site.missing() else ""))
    for kind, names in inspection.others.items():
        if names:
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            lines.append(f"  {kind}: {len(names)} ({shown})")
    if inspection.global_step is not None:
        lines.append(f"  global step: {inspection.global_step}")
    if inspection.partitioned:
        lines.append(f"  partitioned: {len(inspection.partitioned)}")
    lines += [f"{problem.code} {problem.place}: {problem.text}" for problem in inspection.problems]
    lines.append("no problems" if not inspection.problems else f"{len(inspection.problems)} problems")
    return "\n".join(lines)


def _state_text(state: statistics.State) -> str:
    if state.verdict in (statistics.ABSENT, statistics.UNREAD):
        return f"statistics {state.verdict}"
    return (
        f"statistics {state.verdict}, {state.channels} channels, largest |mean| {state.mean_distance:.4g}, "
        f"largest |variance - 1| {state.variance_distance:.4g}"
    )
