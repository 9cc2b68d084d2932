"""Restores a checkpoint of `tf1bn train` into an inference graph and measures it on the test set.

  tf1bn evaluate --model_dir=runs/first

The network is built with is_training=False from what training recorded beside the checkpoint, and restored with a
plain Saver. Three numbers: the whole test set, its first images fed one at a time, and the classic mistake, the same
images one at a time in a graph that normalises with batch statistics.

Exit codes: 0 evaluated, 1 refused, 2 wrong usage.
"""

from __future__ import annotations

import dataclasses

from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_FLAGS.progress()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")
_DATA_DIR = _FLAGS.string("data_dir", None, "Folder of IDX files; by default the data that training used.")
_MODEL_DIR = _FLAGS.string("model_dir", None, "Folder of a run: its newest checkpoint is taken.")
_CHECKPOINT = _FLAGS.string("checkpoint", None, "Instead: prefix of one, such as runs/first/model-1000.")
_SINGLES = _FLAGS.integer("singles", 100, "Number of test images to feed one at a time.", 1)

_FLAGS.mark_flags_as_mutual_exclusive(["model_dir", "checkpoint"], required=True)


def _evaluate() -> parsing.Report:
    from tf1bn.examples import evaluation

    result = evaluation.evaluate(
        model_dir=_MODEL_DIR.value,
        checkpoint=_CHECKPOINT.value,
        data_dir=_DATA_DIR.value,
        singles=_SINGLES.value,
    )
    content = dataclasses.asdict(result)
    return parsing.Report(parsing.lines(content), content)


COMMAND = parsing.Command(_evaluate, _FLAGS, _FORMAT)
