"""A comparison as table, JSON and plots in a folder."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tf1bn import errors
from tf1bn.examples import checkpoints, plots, tables
from tf1bn.examples.comparison import Comparison, compare, variants_of
from tf1bn.examples.settings import TrainSettings
from tf1bn.examples.training import strategy_text

TABLE, DATA = "comparison.md", "comparison.json"

_HEADER = (
    "strategy",
    "test, batch statistics",
    "test, averages",
    "one at a time, averages",
    "one at a time, batch statistics",
    "distance of mean",
    "distance of variance",
    "steps/s",
)


def rows(comparison: Comparison) -> list[list[str]]:
    """Returns one row of text for each variant."""
    return [
        [
            variant.name,
            *map(
                tables.share,
                (
                    variant.test_by_batch,
                    variant.test_by_averages,
                    variant.singles_by_averages,
                    variant.singles_by_batch,
                    variant.points[-1].mean_distance,
                    variant.points[-1].variance_distance,
                ),
            ),
            "-" if variant.steps_per_second is None else f"{variant.steps_per_second:.0f}",
        ]
        for variant in comparison.variants
    ]


def text(comparisons: Sequence[Comparison]) -> str:
    """Returns all comparisons as aligned tables."""
    header = [cell.replace(", ", ",\n").replace("distance of ", "distance\nof ") for cell in _HEADER]
    return "\n\n".join(f"{_title(each)}\n\n{tables.aligned(header, rows(each))}" for each in comparisons)


def content(comparisons: Sequence[Comparison], files: Sequence[Path]) -> dict[str, Any]:
    """Returns all comparisons and the files that were written as JSON values; what is not finite becomes None."""
    return {
        "models": {each.settings.model: _plain(dataclasses.asdict(each)) for each in comparisons},
        "files": [str(path) for path in files],
    }


def compare_models(
    settings: Sequence[TrainSettings],
    dataset: Any,
    output_dir: str | Path,
    *,
    strategies: Sequence[str] | None = None,
    points: int = 20,
    population_images: int | None = None,
    with_plots: bool = True,
    quiet: bool = False,
) -> tuple[list[Comparison], list[Path]]:
    """Compares each model and writes ``comparison.md``, ``comparison.json`` and, if asked for, three plots each.

    Raises:
      CheckpointError: the folder cannot be written; before anything is trained.
      MissingLibraryError: plots are asked for and matplotlib is not installed; likewise.
      As ``comparison.compare``.
    """
    with errors.located("compare"):
        folder = Path(output_dir)
        checkpoints.require_writable(folder)
        if with_plots:
            plots.require_matplotlib()
        done = [
            compare(
                each, dataset, strategies=strategies, points=points, population_images=population_images, quiet=quiet
            )
            for each in settings
        ]
        drawn = [path for each in done for path in plots.draw(each, folder)] if with_plots else []
        files = [folder / TABLE, folder / DATA, *drawn]
        bodies = [f"## {_title(each)}\n\n{tables.markdown(_HEADER, rows(each))}\n" for each in done]
        files[0].write_text("\n".join(bodies), encoding="utf-8")
        files[1].write_text(json.dumps(content(done, files), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return done, files


def plan(
    settings: Sequence[TrainSettings],
    output_dir: str | Path,
    *,
    strategies: Sequence[str] | None = None,
    with_plots: bool = True,
) -> dict[str, Any]:
    """Returns what :func:`compare_models` would train and write, after its checks of names and folder."""
    with errors.located("compare"):
        folder = Path(output_dir)
        checkpoints.require_creatable(folder)
        if with_plots:
            plots.require_matplotlib()
        names = [name for each in settings for name in plots.file_names(each.model)] if with_plots else []
        return {
            "dry_run": True,
            "variants": [
                f"{variant.model} {strategy_text(variant)}"
                for each in settings
                for variant in variants_of(each, strategies)
            ],
            "steps": settings[0].steps,
            "files": [str(folder / name) for name in (TABLE, DATA, *names)],
        }


def _title(comparison: Comparison) -> str:
    settings = comparison.settings
    return f"{settings.model}, {settings.steps} steps, batches of {settings.batch_size}, seed {settings.seed}"


def _plain(value: Any) -> Any:
    """Returns nested values with None in place of NaN and infinities, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
