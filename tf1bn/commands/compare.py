"""Trains without batch norm and with each update strategy, from the same weights and batches, and compares.

  tf1bn compare --models=mlp --steps=2000 --output_dir=runs/comparison

Writes comparison.md, comparison.json and three plots for each model: accuracy over steps, the drift of a
pre-activation with and without batch norm, and the convergence of the averages to the population statistics.
Strategies that installed packages register are included.

Exit codes: 0 compared, 1 refused, 2 wrong usage.
"""

from __future__ import annotations

from tf1bn.commands import parsing
from tf1bn.examples import settings as settings_lib

_FLAGS = parsing.Flags()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")
_DATA_DIR = _FLAGS.string("data_dir", None, "Folder of the four IDX files of MNIST; else the embedded digits.")
_MODELS = _FLAGS.list("models", "mlp", f"Networks, of {', '.join(sorted(settings_lib.MODELS))}.")
_STRATEGIES = _FLAGS.list("strategies", None, "Update strategies; by default all that are registered.")
_STEPS = _FLAGS.integer("steps", 1000, "Training steps of each variant.", 1, settings_lib.STEPS_MAXIMUM)
_SEED = _FLAGS.integer("seed", 0, "Of weights and batches.", 0, settings_lib.SEED_MAXIMUM)
_DECAY = _FLAGS.float("decay", 0.99, "Share of the old average kept, in [0, 1).")
_POINTS = _FLAGS.integer("points", 20, "Number of measurements during training.", 2)
_POPULATION = _FLAGS.integer(
    "population_images", None, "Training images that the population statistics are computed over; by default all.", 1
)
_OUTPUT_DIR = _FLAGS.string("output_dir", "runs/comparison", "Folder for the results.")
_PLOTS = _FLAGS.bool("plots", True, "Whether to draw plots, which needs matplotlib.")
_PROGRESS = _FLAGS.progress()
_DRY_RUN = _FLAGS.bool("dry_run", False, "Says what would be trained and written, and writes nothing.")

_FLAGS.register_validator(_DECAY, lambda value: 0 <= value < 1, "must be in [0, 1)")
_FLAGS.register_validator(
    _MODELS,
    lambda value: bool(value) and set(value) <= set(settings_lib.MODELS),
    f"must list some of {', '.join(sorted(settings_lib.MODELS))}",
)


def _compare() -> parsing.Report:
    from tf1bn import datasets
    from tf1bn.examples import comparison_report

    settings = [
        settings_lib.TrainSettings(model=model, steps=_STEPS.value, seed=_SEED.value, decay=_DECAY.value)
        for model in dict.fromkeys(_MODELS.value)
    ]
    if _DRY_RUN.value:
        plan = comparison_report.plan(
            settings, _OUTPUT_DIR.value, strategies=_STRATEGIES.value, with_plots=_PLOTS.value
        )
        return parsing.Report("Dry run, nothing written.\n" + parsing.lines(plan), plan)
    done, files = comparison_report.compare_models(
        settings,
        datasets.load(_DATA_DIR.value),
        _OUTPUT_DIR.value,
        strategies=_STRATEGIES.value,
        points=_POINTS.value,
        population_images=_POPULATION.value,
        with_plots=_PLOTS.value,
        quiet=not _PROGRESS.value,
    )
    written = "\n".join(f"wrote {path}" for path in files)
    return parsing.Report(f"{comparison_report.text(done)}\n\n{written}", comparison_report.content(done, files))


COMMAND = parsing.Command(_compare, _FLAGS, _FORMAT)
