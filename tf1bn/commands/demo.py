"""Shows the whole story on real handwritten digits: train under each update strategy, restore, compare.

  tf1bn demo

Each network is trained in this process and restored by `tf1bn evaluate` in another one. Nothing is kept.

Exit codes: 0 shown, 1 refused, 2 wrong usage.
"""

from __future__ import annotations

import dataclasses
import sys

from tf1bn.commands import parsing
from tf1bn.examples import settings as settings_lib

_FLAGS = parsing.Flags()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")
_DATA_DIR = _FLAGS.string("data_dir", None, "Folder of the four IDX files of MNIST; else the embedded digits.")
_STEPS = _FLAGS.integer("steps", 1500, "Training steps of each network.", 1, settings_lib.STEPS_MAXIMUM)
_SEED = _FLAGS.integer("seed", 0, "Of weights and batches.", 0, settings_lib.SEED_MAXIMUM)
_PROGRESS = _FLAGS.progress()


def _demo() -> parsing.Report:
    from tf1bn import datasets
    from tf1bn.examples import story

    told = story.tell(
        datasets.load(_DATA_DIR.value),
        [sys.executable, "-m", "tf1bn", "evaluate"],
        data_dir=_DATA_DIR.value,
        steps=_STEPS.value,
        seed=_SEED.value,
        quiet=not _PROGRESS.value,
    )
    return parsing.Report(story.text(told), dataclasses.asdict(told))


COMMAND = parsing.Command(_demo, _FLAGS, _FORMAT)
