"""Shows the whole story on real handwritten digits: train under each update strategy, restore, compare.

  python scripts/demo.py

Each network is trained in this process and restored by scripts/evaluate.py in another one. Nothing is kept.

Exit codes: 0 shown, 1 refused, 2 wrong usage.
"""

from __future__ import annotations

import dataclasses
import pathlib

from absl import flags

from tf1bn.examples import command
from tf1bn.examples import settings as settings_lib

_FORMAT = flags.DEFINE_enum("format", "text", command.FORMATS, "Form of the report on stdout.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of the four IDX files of MNIST; else the embedded digits.")
_STEPS = flags.DEFINE_integer("steps", 1500, "Training steps of each network.", 1, settings_lib.STEPS_MAXIMUM)
_SEED = flags.DEFINE_integer("seed", 0, "Of weights and batches.", 0, settings_lib.SEED_MAXIMUM)
_PROGRESS = flags.DEFINE_bool("progress", True, "Whether to show progress on stderr.")


def _demo() -> command.Report:
    from tf1bn import datasets
    from tf1bn.examples import story

    told = story.tell(
        datasets.load(_DATA_DIR.value),
        story.evaluate_command(pathlib.Path(__file__).with_name("evaluate.py")),
        data_dir=_DATA_DIR.value,
        steps=_STEPS.value,
        seed=_SEED.value,
        quiet=not _PROGRESS.value,
    )
    return command.Report(story.text(told), dataclasses.asdict(told))


if __name__ == "__main__":
    command.run(_demo, _FORMAT)
