"""A picture of the statistics of a checkpoint over depth: what a healthy, untrained, exploded or dead layer looks like.

Needs matplotlib, which the extra ``tf1bn[plots]`` installs. Two panels share the sites as their horizontal axis: the
moving mean above, the moving deviation (the root of the moving variance) below. A thin bar reaches from the smallest
to the largest channel, a thick one over the middle 80 percent, a mark shows the median.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.checkpoint import graph_file, statistics
from tf1bn.checkpoint.inspector import Inspection, SiteReport

_LABELS = 70  # more do not fit; then only sick layers are named
_NAMED = 24  # of those at most
_LONGEST = 34  # characters of a label


class Kind(NamedTuple):
    """How sites of one state are drawn: colours that stay apart for colour-blind readers; marks repeat them."""

    text: str
    colour: str
    marker: str


HEALTHY = Kind("healthy", "#0072b2", "o")
UNTRAINED = Kind("never updated: every mean 0, every variance 1", "#e69f00", "s")
PARTLY = Kind("some channels never updated", "#b8860b", "D")
EXPLODED = Kind(
    f"exploded: beyond {statistics.BEYOND:.0e}, or {statistics.TIMES:.0f} times the median layer", "#d55e00", "^"
)
DEAD = Kind("dead channels: variance below 1e-12", "#cc79a7", "v")
DAMAGED = Kind("damaged: NaN, Inf or a negative variance", "#000000", "X")
UNREAD = Kind("no statistics read", "#8a8a8a", "_")
_OF_LOOKS = {
    statistics.UPDATED: HEALTHY,
    statistics.NEVER: UNTRAINED,
    statistics.PARTLY: PARTLY,
    statistics.EXPLODED: EXPLODED,
    statistics.DEAD: DEAD,
    statistics.DAMAGED: DAMAGED,
    statistics.ABSENT: UNREAD,
    statistics.UNREAD: UNREAD,
}
_KINDS = (HEALTHY, UNTRAINED, PARTLY, EXPLODED, DEAD, DAMAGED, UNREAD)


class MissingLibraryError(errors.Tf1bnError, ImportError):
    """An optional library is not installed."""


def require_matplotlib() -> Any:
    """Returns matplotlib's figure class for files, which needs no display and touches no global state.

    Raises:
      MissingLibraryError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingLibraryError(
            errors.explain(
                "a picture needs matplotlib, which is not installed",
                fix="Install it with: pip install 'tf1bn[plots]', or leave --picture out.",
            )
        ) from error
    return Figure


def check_path(path: str | os.PathLike[str]) -> None:
    """Checks, before anything is read, that a picture can be written there.

    Raises:
      MissingLibraryError: matplotlib is not installed.
      ArgumentError: it does not end in .png, exists, or its folder does not.
    """
    with errors.located("picture"):
        require_matplotlib()
        path = os.fspath(path)
        if not path.endswith(".png"):
            raise errors.ArgumentError(errors.explain("a picture is a PNG file", got=path, expected="FILE.png"))
        if os.path.lexists(path):
            raise errors.ArgumentError(errors.explain(f"{path!r} exists and would be overwritten"))
        if not os.path.isdir(os.path.dirname(path) or "."):
            raise errors.ArgumentError(errors.explain(f"there is no folder {os.path.dirname(path)!r} for the picture"))


def draw(inspection: Inspection, path: str | os.PathLike[str]) -> None:
    """Writes the picture of an inspection as a PNG file.

    Sites stand in the order in which the program made their variables, where the ``.meta`` file beside the
    checkpoint tells, else in the natural order of their names.

    Raises:
      MissingLibraryError: matplotlib is not installed.
      ArgumentError: there is no batch norm to draw, or the file cannot be written there.
    """
    check_path(path)
    with errors.located("picture", checkpoint=inspection.prefix):
        if not inspection.sites:
            raise errors.ArgumentError(errors.explain("there is no batch norm to draw"))
        reports, order = _ordered(inspection)
        figure = _figure(inspection, reports, order)
        try:
            figure.savefig(path)
        except OSError as error:
            what = f"the picture {os.fspath(path)!r} cannot be written"
            raise errors.ArgumentError(errors.explain(what, got=error.strerror)) from error


def _ordered(inspection: Inspection) -> tuple[list[SiteReport], str]:
    """Returns the sites from input to output, as far as that is known, and what the order is."""
    path = inspection.prefix + ".meta"
    if os.path.isfile(path):
        place = {name: at for at, name in enumerate(graph_file.read_graph(path).variables)}
        firsts = [min(place.get(name, -1) for name in report.site.tensors.values()) for report in inspection.sites]
        if min(firsts) >= 0:
            order = sorted(range(len(firsts)), key=firsts.__getitem__)
            return [inspection.sites[at] for at in order], "in the order of their creation"
    return list(inspection.sites), "in the natural order of their names"


def kinds(reports: Sequence[SiteReport]) -> list[Kind]:
    """Returns how each site is drawn."""
    return [_OF_LOOKS[look] for look in statistics.looks([report.state for report in reports])]


def _figure(inspection: Inspection, reports: Sequence[SiteReport], order: str) -> Any:
    count = len(reports)
    width = min(max(7.5, 3.0 + 0.21 * count), 22.0)
    figure = require_matplotlib()(figsize=(width, 8.4), dpi=110, layout="constrained")
    named = kinds(reports)
    sick = sum(kind is not HEALTHY for kind in named)
    title = f"{os.path.basename(inspection.prefix)}: moving statistics of {count} batch norm{'s' * (count != 1)}"
    step = "" if inspection.global_step is None else f" at step {inspection.global_step:,}"
    figure.suptitle(f"{title}{step}, {sick or 'none'} sick", fontsize=12)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _dress_mean(upper, reports)
    _dress_deviation(lower, reports)
    for axes, mean in ((upper, True), (lower, False)):
        _panel(axes, reports, named, mean=mean)
    if sick <= _NAMED:
        _explain(upper, reports, named)
    _label(lower, reports, named, order)
    handles = [_handle(upper, kind) for kind in _KINDS if kind in named]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=2 if width < 10 else 3, frameon=False, fontsize=8.5,
        title="thin bar: all channels; thick bar: the middle 80 percent; mark: the median", title_fontsize=8.5,
    )  # fmt: skip
    return figure


def _dress_mean(axes: Any, reports: Sequence[SiteReport]) -> None:
    values = [value for report in reports for value in _bar(report.state, mean=True) or ()]
    axes.set_yscale("symlog", linthresh=_threshold(values))
    axes.set_title(
        "Moving mean, in the unit of the layer's input: linear around 0 (dotted), then logarithmic",
        loc="left", fontsize=9,
    )  # fmt: skip
    axes.set_ylabel("moving mean", fontsize=9)
    axes.axhline(0.0, color="#444444", linewidth=0.9, linestyle=":")


def _dress_deviation(axes: Any, reports: Sequence[SiteReport]) -> None:
    axes.set_yscale("log")
    axes.set_title(
        "Moving deviation (root of the moving variance), same unit, logarithmic; dotted: 1, where it begins",
        loc="left", fontsize=9,
    )  # fmt: skip
    axes.set_ylabel("moving deviation", fontsize=9)
    axes.axhline(1.0, color="#444444", linewidth=0.9, linestyle=":")
    values = [value for report in reports for value in _bar(report.state, mean=False) or () if value > 0.0]
    room = 20.0 if any(report.state.tiny for report in reports) else 2.0  # a variance of 0 ends at the lower edge
    axes.set_ylim(min(*values, 0.5, 1.0) / room, max(*values, 1.0, 2.0) * 2.0)


def _panel(axes: Any, reports: Sequence[SiteReport], named: Sequence[Kind], *, mean: bool) -> None:
    floor = axes.get_ylim()[0]
    thick = min(4.5, 250.0 / len(reports))
    for at, ((_, state, _), kind) in enumerate(zip(reports, named, strict=True)):
        row = _bar(state, mean=mean)
        if kind is not HEALTHY:  # a sick layer is seen from afar, in both panels
            axes.axvspan(at - 0.5, at + 0.5, color=kind.colour, alpha=0.16, linewidth=0)
        if row is None:
            axes.plot([at], [0.0 if mean else 1.0], kind.marker, color=kind.colour, markersize=8, clip_on=False)
            continue
        smallest, low, median, high, largest = row if mean else [max(value, floor) for value in row]
        axes.vlines(at, smallest, largest, color=kind.colour, linewidth=min(1.2, thick))
        axes.vlines(at, low, high, color=kind.colour, linewidth=thick, alpha=0.55)
        axes.plot([at], [median], kind.marker, color=kind.colour, markeredgecolor="white", clip_on=False, zorder=3,
                  markersize=max(thick, 2.0) if kind is HEALTHY else 7, markeredgewidth=0.1 * thick)  # fmt: skip
    axes.set_xlim(-0.7, len(reports) - 0.3)
    axes.grid(True, axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _explain(axes: Any, reports: Sequence[SiteReport], named: Sequence[Kind]) -> None:
    """Writes beside each sick layer how many channels are."""
    for at, ((_, state, _), kind) in enumerate(zip(reports, named, strict=True)):
        counts = {
            UNTRAINED: f"all {state.channels} never updated",
            PARTLY: f"{state.initial} of {state.channels} never updated",
            EXPLODED: "exploded",
            DEAD: f"{state.tiny} of {state.channels} dead",
            DAMAGED: f"{max(state.nan + state.infinite, state.negative)} of {state.channels} damaged",
            UNREAD: state.verdict,
        }
        if kind in counts:
            axes.annotate(counts[kind], (at - 0.25, 1.0), xycoords=("data", "axes fraction"), xytext=(0, -2),
                          textcoords="offset points", rotation=90, fontsize=7, ha="right", va="top",
                          bbox={"facecolor": "white", "alpha": 0.85, "linewidth": 0, "pad": 1.0})  # fmt: skip


def _bar(state: statistics.State, *, mean: bool) -> tuple[float, ...] | None:
    """Returns the five values of a bar; deviations, not variances, since they have the unit of the mean."""
    spread = state.mean if mean else state.variance
    if spread is None:
        return None
    return tuple(spread) if mean else tuple(math.sqrt(max(value, 0.0)) for value in spread)


def _threshold(values: Sequence[float]) -> float:
    """Returns where the axis of the mean turns logarithmic: about the median size, so that most is seen linearly."""
    sizes = sorted(abs(value) for value in values if value)
    return 10.0 ** math.floor(math.log10(sizes[len(sizes) // 2])) if sizes else 1.0


def _label(axes: Any, reports: Sequence[SiteReport], named: Sequence[Kind], order: str) -> None:
    scopes = [report.site.label for report in reports]
    shared = _shared(scopes)
    shown = list(range(len(scopes)))
    if len(scopes) > _LABELS:
        shown = [at for at in shown if named[at] is not HEALTHY]
    cut = len(shown) > _NAMED and len(scopes) > _LABELS
    shown = shown[:_NAMED] if cut else shown
    axes.set_xticks(shown, [_short(scopes[at].removeprefix(shared)) for at in shown], rotation=90, fontsize=7)
    for tick, at in zip(axes.get_xticklabels(), shown, strict=True):
        tick.set(color="black", weight="bold") if named[at] is not HEALTHY else tick.set(color="#555555")
    some = f", the first {_NAMED} sick ones are named" if cut else ", only sick ones are named"
    which = "" if len(shown) == len(scopes) else some if shown else ", not named here"
    below = f" below {shared}" if shared else ""
    axes.set_xlabel(f"batch norms{below} {order}{which}", fontsize=9)


def _shared(scopes: Sequence[str]) -> str:
    """Returns the scope that all have in common, with its slash."""
    first, last = (scope.split("/")[:-1] for scope in (min(scopes), max(scopes)))
    count = 0
    while count < min(len(first), len(last)) and first[count] == last[count]:
        count += 1
    return "".join(part + "/" for part in first[:count]) if len(scopes) > 1 else ""


def _short(label: str) -> str:
    half = _LONGEST // 2
    return label if len(label) <= _LONGEST else f"{label[: half - 1]}…{label[-half:]}"


def _handle(axes: Any, kind: Kind) -> Any:
    (line,) = axes.plot([], [], kind.marker, color=kind.colour, markersize=7, label=kind.text)
    return line
