"""Says what batch norms a checkpoint holds, in which layout, and whether their statistics can be right.

Reads names and statistics only, of V2 and V1 checkpoints and SavedModels, without TensorFlow. Where only the index is
left, it says what the index says. Exit code 0: no problems; 1: problems, missing data files or an unreadable file; 2:
wrong usage.

Examples:
  python scripts/inspect_checkpoint.py --checkpoint=/models/model.ckpt-1000 --format=json
  python scripts/inspect_checkpoint.py --checkpoint=/models/saved_model --picture=statistics.png
"""

import json
import sys
from collections.abc import Sequence

from absl import app, flags

_CHECKPOINT = flags.DEFINE_string(
    "checkpoint", None, "Prefix of a checkpoint, such as DIR/model.ckpt-1000, or the folder of a SavedModel."
)
_LAYOUT = flags.DEFINE_string("layout", None, "The one layout to look for: a registered name.")
_FORMAT = flags.DEFINE_enum("format", "text", ["text", "json"], "How to print. json: one object on standard output.")
_PICTURE = flags.DEFINE_string(
    "picture", None, "PNG file for a picture of the moving statistics over depth; needs matplotlib."
)


def _parse(argv: Sequence[str]) -> list[str]:
    try:
        rest = flags.FLAGS(argv)
        if _CHECKPOINT.value is None:
            raise flags.Error("--checkpoint is required.")
        if len(rest) > 1:
            raise flags.Error(f"Unexpected arguments {rest[1:]}; every option is a flag.")
    except flags.Error as error:
        sys.stderr.write(f"{error}\nUse --help for all flags.\n")
        sys.exit(2)
    return rest


def main(argv: Sequence[str]) -> int:
    del argv
    from tf1bn import checkpoint, errors
    from tf1bn.checkpoint import inspector, picture

    try:
        if _PICTURE.value:
            picture.check_path(_PICTURE.value)
        found = checkpoint.inspect(_CHECKPOINT.value, layout=_LAYOUT.value)
        text = json.dumps(inspector.as_json(found)) if _FORMAT.value == "json" else inspector.as_text(found)
        if _PICTURE.value and found.sites:
            picture.draw(found, _PICTURE.value)
    except errors.Tf1bnError as error:
        if _FORMAT.value == "json":
            print(json.dumps({"error": type(error).__name__, "text": str(error)}))
        sys.stderr.write(f"{error}\n")
        return 1
    print(text)
    if _PICTURE.value and not found.sites:
        sys.stderr.write("no picture: there is no batch norm to draw\n")
        return 1
    return 1 if found.problems or found.missing_files else 0


if __name__ == "__main__":
    app.run(main, flags_parser=_parse)
