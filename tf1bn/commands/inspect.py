"""Says what batch norms a checkpoint holds, in which layout, and whether their statistics can be right.

Reads names and statistics only, of V2 and V1 checkpoints and SavedModels, without TensorFlow. Where only the index is
left, it says what the index says. Exit code 0: no problems; 1: problems, missing data files or an unreadable file; 2:
wrong usage.

Examples:
  tf1bn inspect --checkpoint=/models/model.ckpt-1000 --format=json
  tf1bn inspect --checkpoint=/models/saved_model --picture=statistics.png
"""

from __future__ import annotations

from tf1bn import errors, exits
from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_CHECKPOINT = _FLAGS.string(
    "checkpoint", None, "Prefix of a checkpoint, such as DIR/model.ckpt-1000, or the folder of a SavedModel."
)
_LAYOUT = _FLAGS.string("layout", None, "The one layout to look for: a registered name.")
_FLAGS.progress()
_FORMAT = _FLAGS.enum("format", "text", ["text", "json"], "How to print. json: one object on standard output.")
_PICTURE = _FLAGS.string(
    "picture", None, "PNG file for a picture of the moving statistics over depth; needs matplotlib."
)


def _inspect() -> parsing.Report:
    if _CHECKPOINT.value is None:
        raise parsing.UsageError("--checkpoint is required.")
    from tf1bn import checkpoint
    from tf1bn.checkpoint import inspector, picture

    try:
        if _PICTURE.value:
            picture.check_path(_PICTURE.value)
        found = checkpoint.inspect(_CHECKPOINT.value, layout=_LAYOUT.value)
        if _PICTURE.value and found.sites:
            picture.draw(found, _PICTURE.value)
    except errors.Tf1bnError as error:
        return parsing.Report("", parsing.named_error(error), exits.REFUSED, str(error))
    report = parsing.Report(inspector.as_text(found), inspector.as_json(found))
    if _PICTURE.value and not found.sites:
        return report._replace(exit_code=exits.REFUSED, complaint="no picture: there is no batch norm to draw")
    return report._replace(exit_code=exits.REFUSED if found.problems or found.missing_files else exits.DONE)


COMMAND = parsing.Command(_inspect, _FLAGS, _FORMAT)
