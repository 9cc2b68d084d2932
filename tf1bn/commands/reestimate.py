"""Estimates the averages of every batch norm of a checkpoint anew from data, and writes a new checkpoint.

  tf1bn reestimate --graph=run/model-2000.meta --checkpoint=run/model-2000 \\
      --output=run/repaired-2000 --data_dir=mnist --batches=20

For averages that were never moved, moved too slowly, or belong to other data. The weights stay as they are, bit for
bit. The data are the training images of a folder of IDX files (else the embedded digits), in an order that --seed
decides; the accuracy before and after is that of the inference network on its test images.

Exit codes: 0 written (or, with --dry_run, could be), 1 refused, 2 wrong usage, 130 interrupted (nothing is written).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")
_GRAPH = _FLAGS.string("graph", None, "The .meta file of the graph, of training or of inference.")
_CHECKPOINT = _FLAGS.string("checkpoint", None, "Prefix of the checkpoint to read, such as run/model-1000.")
_OUTPUT = _FLAGS.string("output", None, "Prefix to write, in a folder that exists; not needed with --dry_run.")
_DATA_DIR = _FLAGS.string("data_dir", None, "Folder of the four IDX files of MNIST; else the embedded digits.")
_OWN_INPUT = _FLAGS.bool("own_input", False, "Take the batches from the graph's own input pipeline instead.")
_FEED = _FLAGS.string("feed", None, "Tensor that takes the images; by default the network's one placeholder.")
_SWITCH = _FLAGS.string("switch", None, "Bool tensor that turns training on; by default found by itself.")
_CONSTANTS = _FLAGS.multi_string("constant", [], "TENSOR=NUMBER, fed in every run, such as keep_prob=1.0.")
_BATCHES = _FLAGS.integer("batches", None, "How many batches; by default all there are.", 1)
_BATCH_SIZE = _FLAGS.integer("batch_size", 100, "Images in a batch.", 1)
_SEED = _FLAGS.integer("seed", 0, "Of the order of the images.", 0, 2**32 - 1)
_MODE = _FLAGS.enum(
    "mode", "pooled", ["pooled", "mean_of_batches"], "Moments of all values, or means of those of the batches."
)
_SEQUENTIAL = _FLAGS.bool("sequential", False, "Level by level, with the averages of earlier ones in use.")
_ONLY = _FLAGS.list("only", [], "Patterns of the scopes to estimate, such as head/*.")
_EXCLUDE = _FLAGS.list("exclude", [], "Patterns of scopes to leave as they are.")
_LABELS = _FLAGS.bool("labels", True, "Measure the accuracy before and after on the test images.")
_PREDICTIONS = _FLAGS.string("predictions", None, "Tensor of logits or classes; by default found by itself.")
_PROGRESS = _FLAGS.progress()
_OVERWRITE = _FLAGS.bool("overwrite", False, "Replace an output that exists.")
_DRY_RUN = _FLAGS.bool("dry_run", False, "Estimate and report, and write nothing.")

_FLAGS.mark_flags_as_required(["graph", "checkpoint"])


@_FLAGS.multi_flags_validator(["output", "dry_run"], "--output is needed, or --dry_run")
def _has_output(values: dict[str, object]) -> bool:
    return bool(values["output"]) or bool(values["dry_run"])


@_FLAGS.validator("constant", "must be TENSOR=NUMBER")
def _are_constants(values: list[str]) -> bool:
    try:
        return all(name and float(number) == float(number) for name, _, number in (v.rpartition("=") for v in values))
    except ValueError:
        return False


def _reestimate() -> parsing.Report:
    from tf1bn import datasets
    from tf1bn.population import accuracy, estimation, report

    dataset = datasets.load(_DATA_DIR.value)
    with _progress() as progress:
        done = estimation.reestimate(
            _GRAPH.value,
            None if _OWN_INPUT.value else _images(dataset.train),
            checkpoint=_CHECKPOINT.value,
            output=None if _DRY_RUN.value else _OUTPUT.value,
            feed=_FEED.value,
            switch=_SWITCH.value,
            constants={name: float(number) for name, _, number in (text.rpartition("=") for text in _CONSTANTS.value)},
            batches=_BATCHES.value,
            mode=_MODE.value,
            sequential=_SEQUENTIAL.value,
            only=_ONLY.value,
            exclude=_EXCLUDE.value,
            labelled=accuracy.Labelled(dataset.test.images, dataset.test.labels) if _LABELS.value else None,
            predictions=_PREDICTIONS.value,
            overwrite=_OVERWRITE.value,
            progress=progress,
        )
    return parsing.Report(report.estimate_as_text(done), report.estimate_as_json(done))


def _images(split: Any) -> list[Any]:
    """Returns the training images in batches, in an order of the seed."""
    import numpy as np

    from tf1bn import datasets

    order = np.random.RandomState(_SEED.value).permutation(len(split.labels))
    shuffled = datasets.Split(split.images[order], split.labels[order])
    return [batch.images for batch in datasets.batches.in_order(shuffled, _BATCH_SIZE.value)]


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int | None], None]]:
    """Gives a function that shows how many batches are done; the bar begins with the first one."""
    from tf1bn.progress import Progress

    bars: list[Progress] = []
    with contextlib.ExitStack() as stack:

        def progress(done: int, total: int | None) -> None:
            if total is not None and not bars:
                bars.append(stack.enter_context(Progress(total, "batches", quiet=not _PROGRESS.value)))
            for bar in bars:
                bar.advance()

        yield progress


COMMAND = parsing.Command(_reestimate, _FLAGS, _FORMAT)
