"""A plot of step time over shape, one line of markers for each implementation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tf1bn import errors
from tf1bn.benchmark import variants
from tf1bn.benchmark.results import Case, Result
from tf1bn.examples import plots

# Colours that stay apart for colour-blind readers; markers repeat the distinction.
_STYLES: dict[str, tuple[str, str]] = {
    variants.OURS: ("#d55e00", "o"),
    variants.OURS_COLLECTION: ("#e69f00", "o"),
    variants.TEXTBOOK: ("#000000", "s"),
    "slim": ("#0072b2", "^"),
    "slim_collection": ("#56b4e9", "v"),
    "tf_layers": ("#009e73", "D"),
    "tensorpack": ("#cc79a7", "P"),
    variants.IDENT: ("#9a9a9a", "_"),
}


def require_writable(path: str | Path) -> None:
    """Checks before anything is timed that a plot can be made.

    Raises:
      ArgumentError: the file exists, or its folder does not.
      MissingLibraryError: matplotlib is not installed.
    """
    with errors.located("benchmark"):
        plots.require_matplotlib()
        path = Path(path)
        if path.exists():
            raise errors.ArgumentError(errors.explain(f"{str(path)!r} exists and would be overwritten"))
        if not path.parent.is_dir():
            raise errors.ArgumentError(errors.explain(f"there is no folder {str(path.parent)!r} for the plot"))


def only(runs: Sequence[Result]) -> Result:
    """Returns the one run that is to be drawn.

    Raises:
      ArgumentError: there are several.
    """
    if len(runs) > 1:
        with errors.located("benchmark"):
            raise errors.ArgumentError(
                errors.explain(
                    "a plot shows one run",
                    got=f"{len(runs)} states of oneDNN",
                    expected="one",
                    fix="Load the files of one state.",
                )
            )
    return runs[0]


def draw(result: Result, path: str | Path) -> None:
    """Writes the plot of a result of the suite "step": alone above, followed by ReLU below.

    Raises:
      ArgumentError: the result has no shape at mean 0.
      MissingLibraryError: matplotlib is not installed.
      OSError: the file cannot be written.
    """
    figure_class = plots.require_matplotlib()
    cases = sorted((case for case in result.cases if case.facts["mean"] == 0), key=lambda case: case.facts["elements"])
    panels = [
        (title, found)
        for title, relu in (("batch norm alone", False), ("batch norm followed by ReLU", True))
        if (found := [case for case in cases if case.facts["relu"] == relu])
    ]
    if not panels:
        raise errors.ArgumentError(errors.explain("there is nothing to draw: no shape was measured at mean 0"))
    figure = figure_class(figsize=(12, 1.2 + 4.4 * len(panels)), dpi=110, layout="constrained")
    figure.suptitle("Training step of one layer: forward, gradients, averages (median; lower is better)")
    for axes, (title, found) in zip(figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
        _panel(axes, title, found)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9)
    for handle in legend.legend_handles:
        handle.set_markersize(8)
    figure.savefig(path)


def _panel(axes: Any, title: str, cases: Sequence[Case]) -> None:
    names = [name for name in _STYLES if any(case.has(name) for case in cases)]
    for number, name in enumerate(names):
        colour, marker = _STYLES[name]
        # Beside each other within the column of a shape, since many lie on one height; the limit runs below all.
        shift, size = ((number - (len(names) - 2) / 2) * 0.11, 7) if name != variants.IDENT else (0, 40)
        points = [(place + shift, case.microseconds(name)) for place, case in enumerate(cases) if case.has(name)]
        axes.plot(*zip(*points, strict=True), marker, color=colour, markersize=size, markeredgewidth=1.2, label=name)
    axes.set_yscale("log")
    axes.set_ylabel("microseconds")
    axes.set_title(title, fontsize=10)
    shapes = [case.name.replace(" +relu", "").replace("x", "×") for case in cases]
    axes.set_xticks(range(len(cases)), shapes, rotation=30, ha="right", rotation_mode="anchor", fontsize=9)
    axes.set_xlim(-0.5, len(cases) - 0.5)
    for place in range(len(cases) - 1):
        axes.axvline(place + 0.5, color="#e4e4e4", linewidth=0.8)
    axes.grid(True, axis="y", which="both", color="#e8e8e8", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
