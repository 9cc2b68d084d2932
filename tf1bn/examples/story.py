"""The story of batch normalization in a TensorFlow 1 graph, told on small data.

One network is trained under each update strategy, and once more with the classic mistake of never running updates
that wait in a collection. Each checkpoint is then restored into an inference graph in another process.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tf1bn import errors
from tf1bn.datasets import Dataset
from tf1bn.examples import tables
from tf1bn.examples.settings import TrainSettings
from tf1bn.examples.training import train
from tf1bn.progress import Progress

BUILT_IN = ("inline", "collection", "ema", "frozen")
FORGOTTEN = "updates forgotten"

_HEADER = (
    "strategy",
    "training graph:\ntest accuracy\n(batch statistics)",
    "restored for\ninference:\nwhole test set",
    "restored for\ninference:\none image at a time",
    "classic mistake:\ntraining graph, one\nimage at a time",
)
_NOTES = (
    "How to read it. While it trains, the network normalises with the statistics of each batch, and scores well in",
    "every row. For inference it needs averages of these statistics, kept by an update strategy. With inline,",
    "collection and ema the restored network scores the same on a whole test set and on one image at a time.",
    "frozen never moves the averages: it is for fine-tuning on restored ones, and cannot carry a new network.",
    "In 'updates forgotten' the strategy is collection, but the train op is the optimizer's alone, so the updates",
    "never ran; tf1bn.minimize runs them. The last column feeds single images to a graph that still normalises with",
    "batch statistics: a batch of one is its own mean, and nothing is left of the image: chance is 0.1.",
)


class StoryError(errors.Tf1bnError, RuntimeError):
    """The process that evaluates a checkpoint failed."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One network of the story.

    Attributes:
      strategy: its update strategy, or "updates forgotten".
      training_graph: test accuracy in the training graph, with batch statistics.
      inference: test accuracy of the restored inference graph.
      inference_singles: the same, for single images.
      mistake: single images in a graph that normalises with batch statistics.
    """

    strategy: str
    training_graph: float
    inference: float
    inference_singles: float
    mistake: float


@dataclasses.dataclass(frozen=True)
class Story:
    """All rows, and how they came about."""

    rows: tuple[Row, ...]
    steps: int
    training_images: int
    test_images: int
    seconds: float


def tell(
    dataset: Dataset,
    evaluate_command: Sequence[str],
    *,
    data_dir: str | None = None,
    steps: int = 1500,
    seed: int = 0,
    quiet: bool = False,
) -> Story:
    """Trains, restores in other processes, and returns the numbers; everything is written to a temporary folder.

    Args:
      dataset: images to train and test on.
      evaluate_command: program that takes ``--model_dir`` and ``--format=json``, as `tf1bn evaluate`.
      data_dir: folder of the data set; None for the embedded digits.
      steps: training steps of each network.
      seed: of weights and batches.
      quiet: shows no progress.

    Raises:
      StoryError: an evaluation failed; the text holds what it printed.
      As ``training.train``.
    """
    with errors.located("demo"), tempfile.TemporaryDirectory(prefix="tf1bn-demo-") as folder:
        began = time.monotonic()
        rows, test_images = [], 0
        runs = [(name, TrainSettings(steps=steps, seed=seed, update_strategy=name)) for name in BUILT_IN]
        runs.append((FORGOTTEN, dataclasses.replace(runs[0][1], update_strategy="collection", forget_updates=True)))
        with Progress(len(runs), "demo", quiet=quiet) as progress:
            for number, (name, settings) in enumerate(runs):
                model_dir = Path(folder) / str(number)
                trained = train(settings, dataset, model_dir, data_dir=data_dir, quiet=True)
                if trained.interrupted or trained.test_accuracy is None:
                    raise StoryError(errors.explain(f"interrupted by {trained.interrupted}"))
                progress.show(f"{name}: trained, restored in another process")
                restored = _evaluate(evaluate_command, model_dir)
                rows.append(
                    Row(
                        name,
                        trained.test_accuracy,
                        restored["accuracy"],
                        restored["single_image_accuracy"],
                        restored["batch_statistics_single_image_accuracy"],
                    )
                )
                test_images = restored["test_images"]
                progress.advance()
        return Story(tuple(rows), steps, len(dataset.train.labels), test_images, time.monotonic() - began)


def text(story: Story) -> str:
    """Returns the story as a table with an explanation."""
    rows = [
        [row.strategy, *map(tables.share, (row.training_graph, row.inference, row.inference_singles, row.mistake))]
        for row in story.rows
    ]
    title = (
        f"Handwritten digits: {story.training_images:,} images to train on, {story.test_images:,} to test; "
        f"{story.steps:,} steps each; share of digits read right"
    )
    end = f"({story.seconds:.0f} seconds)"
    return "\n".join([title, "", tables.aligned(_HEADER, rows), "", *_NOTES, end])


def _evaluate(command: Sequence[str], model_dir: Path) -> dict[str, Any]:
    done = subprocess.run(
        [*command, f"--model_dir={model_dir}", "--format=json"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StoryError(
            errors.explain(
                f"the evaluation of {str(model_dir)!r} failed with exit code {done.returncode}: "
                f"{done.stderr.strip() or done.stdout.strip()}"
            )
        )
    return json.loads(done.stdout)
