"""PNG plots of a comparison. Needs matplotlib, which the extra ``tf1bn[plots]`` installs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tf1bn import errors

if TYPE_CHECKING:
    from tf1bn.examples.comparison import Comparison, Variant

NO_BATCH_NORM = "none"

# Colours that stay apart for colour-blind readers; markers repeat the distinction. Curves of strategies often
# coincide, so they are drawn from thick to thin, with their markers at different points.
_GREY = "#6b6b6b"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKERS = ("o", "s", "^", "D", "v", "P")


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
                "plots need matplotlib, which is not installed",
                fix="Install it with: pip install 'tf1bn[plots]', or leave the plots out with --noplots.",
            )
        ) from error
    return Figure


def file_names(model: str) -> tuple[str, str, str]:
    """Returns the names of the three files that :func:`draw` writes."""
    return f"{model}_accuracy.png", f"{model}_drift.png", f"{model}_averages.png"


def draw(comparison: Comparison, folder: Path) -> list[Path]:
    """Writes accuracy over steps, drift of a pre-activation, and convergence of the averages; returns the paths.

    Raises:
      MissingLibraryError: matplotlib is not installed.
      OSError: the folder cannot be written.
    """
    figure_class = require_matplotlib()
    figures = (_accuracy, _drift, _averages)
    paths = [folder / name for name in file_names(comparison.settings.model)]
    for make, path in zip(figures, paths, strict=True):
        figure = figure_class(figsize=(11, 4.6), dpi=110, layout="constrained")
        make(figure, comparison)
        figure.savefig(path)
    return paths


def _accuracy(figure: Any, comparison: Comparison) -> None:
    figure.suptitle(f"{comparison.settings.model}: validation accuracy during training")
    left, right = figure.subplots(1, 2, sharey=True)
    for number, variant in enumerate(comparison.variants):
        steps = [point.step for point in variant.points]
        style = _style(number, variant)
        left.plot(steps, [point.accuracy_by_batch for point in variant.points], **style)
        right.plot(steps, [point.accuracy_by_averages for point in variant.points], **style)
    left.set_title("training graph: normalised by the batch", fontsize=10)
    right.set_title("inference: normalised by the averages", fontsize=10)
    left.set_ylabel("accuracy")
    for axes in (left, right):
        axes.axhline(0.1, color="black", linewidth=0.8, linestyle=":")
        axes.set_ylim(0, 1.02)
        _dress(axes)
    left.annotate("chance", (1, 0.1), xycoords=("axes fraction", "data"), xytext=(-4, 4), ha="right",
                  textcoords="offset points", fontsize=8)  # fmt: skip
    _legend(figure, right, "Curves that coincide are drawn from thick to thin.")


def _drift(figure: Any, comparison: Comparison) -> None:
    """One panel without batch norm, one for the first strategy whose averages make no difference to training."""
    plain = next(variant for variant in comparison.variants if variant.name == NO_BATCH_NORM)
    normalised = [variant for variant in comparison.variants if variant.name != NO_BATCH_NORM]
    panels = [(plain, "without batch norm")]
    if normalised:
        panels.append((normalised[0], "with batch norm"))
    figure.suptitle(
        f"{comparison.settings.model}: what one unit feeds to its nonlinearity ({comparison.probe}), "
        "same images at every step"
    )
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    grid[0].set_ylabel("pre-activation")
    for axes, (variant, title) in zip(grid, panels, strict=True):
        steps = [point.step for point in variant.points]
        low, middle, high = zip(*(point.percentiles for point in variant.points), strict=True)
        colour = _style(comparison.variants.index(variant), variant)["color"]
        axes.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0, label="15th to 85th percentile")
        axes.plot(steps, middle, color=colour, linewidth=2, label="median")
        for edge in (low, high):
            axes.plot(steps, edge, color=colour, linewidth=1)
        axes.set_title(title, fontsize=10)
        axes.axhline(0, color="black", linewidth=0.8, linestyle=":")
        axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2, frameon=False)
        _dress(axes)


def _averages(figure: Any, comparison: Comparison) -> None:
    figure.suptitle(
        f"{comparison.settings.model}: distance of the averages from the population statistics of "
        f"{comparison.population_images:,} training images, all channels"
    )
    left, right = figure.subplots(1, 2)
    for number, variant in enumerate(comparison.variants):
        if variant.name == NO_BATCH_NORM:
            continue
        steps = [point.step for point in variant.points]
        style = _style(number, variant)
        left.plot(steps, [point.mean_distance for point in variant.points], **style)
        right.plot(steps, [point.variance_distance for point in variant.points], **style)
    left.set_title("moving mean: RMS distance in population deviations", fontsize=10)
    right.set_title("moving variance: RMS of log(average / population)", fontsize=10)
    left.set_ylabel("distance, log scale")
    for axes in (left, right):
        axes.set_yscale("log")
        _dress(axes)
    _legend(figure, right, "Curves that coincide are drawn from thick to thin.")


def _style(number: int, variant: Variant) -> dict[str, Any]:
    if variant.name == NO_BATCH_NORM:
        return {"color": _GREY, "linewidth": 2, "label": "without batch norm"}
    place = number - 1
    return {
        "color": _COLOURS[place % len(_COLOURS)],
        "linewidth": max(6.0 - 1.6 * place, 1.2),
        "marker": _MARKERS[place % len(_MARKERS)],
        "markersize": max(9 - place, 5),
        "markeredgecolor": "white",
        "markeredgewidth": 0.6,
        "markevery": (place % 4, 4),
        "label": variant.name,
    }


def _dress(axes: Any) -> None:
    axes.set_xlabel("training step")
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _legend(figure: Any, axes: Any, title: str) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(len(labels), 6), frameon=False, fontsize=9,
        title=title, title_fontsize=8,
    )  # fmt: skip
