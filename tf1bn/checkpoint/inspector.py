"""Says what is in a checkpoint: every batch norm, its layout, the state of its statistics, and what else there is."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tf1bn import errors, progress
from tf1bn.checkpoint import object_graph, problems, slots, statistics
from tf1bn.checkpoint import sites as sites_module
from tf1bn.checkpoint.bundle import Bundle, TensorInfo
from tf1bn.checkpoint.layout import Layout
from tf1bn.checkpoint.layouts import catalog, object_based
from tf1bn.checkpoint.object_graph import Names
from tf1bn.checkpoint.problems import Problem as Problem
from tf1bn.checkpoint.sites import Site
from tf1bn.checkpoint.slots import Slot
from tf1bn.checkpoint.source import Checkpoint, open_checkpoint

_STEP = re.compile(r"(^|/)global_step(:0)?$")
_AFFINE_LEAF = re.compile(r"(^|[/_.])(gamma|beta)(_\d+)?$")
_KINDS = ("optimizer slots", "averages of weights", "global step", "other tensors")


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
      notes: what could not be read or told, and which file would tell.
      missing_files: data files that the index names and that are not there.
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
    notes: tuple[str, ...] = ()
    missing_files: tuple[str, ...] = ()


def inspect(checkpoint: str | os.PathLike[str], *, layout: str | Layout | None = None) -> Inspection:
    """Reads names and batch-norm statistics of a checkpoint, never the rest of the data.

    Where only the index is left, sites, layouts and roles are told from it, and statistics are ``not read``.

    Args:
      checkpoint: prefix of a V2 checkpoint, a V1 file, or the folder of a SavedModel.
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
    names = object_graph.read_names(opened)
    found = object_graph.recognise(opened.tensors, names, only)
    dependent = slots.owners(opened.tensors, names.shown)
    averages = _averages(sites_module.satellites(dependent, found))
    reports = []
    for at, site in enumerate(progress.each(found, "reading statistics", "batch norms")):
        state = statistics.examine(opened, site)
        reports.append(SiteReport(site, state, tuple(problems.judge(opened, site, state, averages.get(at, {})))))
    others = _sort_others(opened, found, dependent, names)
    missing = opened.absent_shards() if isinstance(opened, Bundle) else []
    return Inspection(
        prefix=opened.prefix,
        version=opened.version,
        tensors=len(opened.tensors),
        object_based=object_based.GRAPH_KEY in opened.tensors,
        partitioned=opened.partitioned,
        sites=tuple(reports),
        others=others,
        global_step=_global_step(opened, others["global step"]),
        problems=(
            *(problem for report in reports for problem in report.problems),
            *problems.twins([(site, state) for site, state, _ in reports]),
        ),
        notes=(*_notes(names, found, others, missing), *_unusual(reports)),
        missing_files=tuple(missing),
    )


def _averages(near: Mapping[str, tuple[int, str, Slot]]) -> dict[int, dict[str, str]]:
    """Returns site -> role -> name of the average of weights over it."""
    found: dict[int, dict[str, str]] = {}
    for name, (at, role, slot) in near.items():
        if slot.averages:
            found.setdefault(at, {}).setdefault(role, name)
    return found


def _sort_others(
    opened: Checkpoint, found: Sequence[Site], dependent: Mapping[str, Slot], names: Names
) -> dict[str, tuple[str, ...]]:
    taken = {name for site in found for name in site.tensors.values()}
    kinds: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for name in opened.tensors:
        if name not in taken:
            kinds[kind_of(names.shown.get(name, name), dependent.get(name))].append(name)
    return {kind: tuple(members) for kind, members in kinds.items()}


def kind_of(name: str, slot: Slot | None = None) -> str:
    """Returns what a tensor outside of batch norms is, by its name; one of the keys of ``Inspection.others``.

    Args:
      slot: what it depends on, where that is known.
    """
    # The plain question first: the expression is asked of every tensor of a file otherwise.
    if name.endswith(("global_step", "global_step:0")) and _STEP.search(name):
        return "global step"
    name = slots.plain(name)
    if slots.is_average(name):
        return "averages of weights"
    return "optimizer slots" if slot is not None or slots.is_slot(name) else "other tensors"


def _global_step(opened: Checkpoint, names: Sequence[str]) -> int | None:
    for name in names:
        info: TensorInfo = opened.tensors[name]
        # Some programs keep something else under that name.
        if info.shape == () and info.dtype.name in ("int64", "int32") and opened.readable(name):
            return int(opened.read(name))
    return None


def _notes(
    names: Names, found: Sequence[Site], others: Mapping[str, Sequence[str]], missing: Sequence[str]
) -> Iterable[str]:
    if missing:
        files = f"data file{'s' * (len(missing) > 1)} {', '.join(missing)}"
        yield f"{files} not there: its values were not read, names and shapes are those of the index"
    if names.numbered:
        yield _numbered_text(names)
    shown = (slots.plain(names.shown.get(name, name)) for name in others["other tensors"])
    loose = [name for name in shown if _is_affine(name[name.rfind("/") + 1 :])]
    if loose:
        yield (
            f"{len(loose)} tensors are called gamma or beta and have no statistics beside them ({loose[0]}): layer or "
            "group normalization, or batch norms whose statistics are not in this file"
        )
    if not found and not names.unnamed and not loose:
        yield "no tensor has a name that a batch norm of any known layout gives"


def _unusual(reports: Sequence[SiteReport]) -> Iterable[str]:
    """What is no mistake by itself, and worth a look: the picture marks it, too."""
    told = {
        statistics.NEVER: "never updated, with gamma and beta as they began, though others were",
        statistics.EXPLODED: f"exploded: beyond {statistics.BEYOND:.0e}, or {statistics.TIMES:.0f} times the median",
        statistics.DEAD: "with dead channels: a variance below 1e-12",
    }
    looks = statistics.looks([report.state for report in reports])
    if not any(look not in (statistics.NEVER, statistics.ABSENT, statistics.UNREAD) for look in looks):
        return
    for kind, text in told.items():
        found = [r.site.label for r, look in zip(reports, looks, strict=True) if look == kind and not r.problems]
        if found:
            shown = ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
            yield f"{len(found)} batch norm{'s' * (len(found) > 1)} {text} ({shown})"


@functools.lru_cache(maxsize=1 << 12)
def _is_affine(word: str) -> bool:
    return bool(_AFFINE_LEAF.search(word))


def _numbered_text(names: Names) -> str:
    text = f"{len(names.numbered)} keys are numbers ({names.numbered[0]})"
    if not names.unnamed:
        return f"{text}, named by {names.origin}"
    if names.origin:
        return f"{text}; {names.origin} has no name for {len(names.unnamed)} of them: their variables have none"
    return (
        f"{text}, which say nothing; the graph of objects in the checkpoint's data file would tell, or the "
        "saved_model.pb of the SavedModel, whose folder must be the one above variables/"
    )


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
        "notes": list(inspection.notes),
        "missing_files": list(inspection.missing_files),
    }


def _site_json(report: SiteReport) -> dict[str, Any]:
    site, state = report.site, report.state
    spreads = {
        name: spread and spread._asdict() for name, spread in (("mean", state.mean), ("variance", state.variance))
    }
    return {
        "scope": site.scope,
        "twin": site.twin,
        "layout": site.layout.name,
        "sure": site.sure,
        "candidates": list(site.candidates),
        "tensors": site.tensors,
        "missing": list(site.missing()),
        "state": state._asdict() | {"moved": state.moved, "bad_channels": list(state.bad_channels)} | spreads,
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
        more = f" and {len(site.candidates) - 4} more" if len(site.candidates) > 4 else ""
        also = f"; also {', '.join(site.candidates[:4])}{more}" if site.candidates else ""
        lines.append(f"  {site.label}: {site.layout.name} ({site.sure}{also})")
        lines.append(f"    {_state_text(state)}" + (f"; no {', no '.join(site.missing())}" if site.missing() else ""))
    for kind, names in inspection.others.items():
        if names and not (kind == "global step" and inspection.global_step is not None):
            shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
            lines.append(f"  {kind}: {len(names)} ({shown})")
    if inspection.global_step is not None:
        lines.append(f"  global step: {inspection.global_step}")
    if inspection.partitioned:
        lines.append(f"  partitioned: {len(inspection.partitioned)}")
    lines += [f"note: {note}" for note in inspection.notes]
    lines += [f"{problem.code} {problem.place}: {problem.text}" for problem in inspection.problems]
    lines.append(_verdict(inspection))
    return "\n".join(lines)


def _verdict(inspection: Inspection) -> str:
    unread = sum(report.state.verdict == statistics.UNREAD for report in inspection.sites)
    tail = f"; statistics of {unread} batch norms not read" if unread else ""
    count = len(inspection.problems)
    if inspection.missing_files and not count:
        return "no problems among the names" + tail
    return ("no problems" if not count else f"{count} problem{'s' * (count > 1)}") + tail


def _state_text(state: statistics.State) -> str:
    if state.verdict == statistics.ABSENT:
        return "statistics absent"
    if state.verdict == statistics.UNREAD:
        return f"statistics not read: {state.why}; {state.channels} channels"
    parts = [f"statistics {state.verdict}", f"{state.channels} channels", f"{state.moved} moved"]
    if state.mean is not None:
        parts.append(f"mean {state.mean.smallest:.4g} to {state.mean.largest:.4g}")
    if state.variance is not None:
        parts.append(f"variance {state.variance.smallest:.4g} to {state.variance.largest:.4g}")
        parts.append(f"{state.tiny} dead")
    return ", ".join(parts)
