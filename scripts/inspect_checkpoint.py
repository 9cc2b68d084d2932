"""Says what batch norms a checkpoint holds, in which layout, and whether their statistics can be right.

Reads names and statistics only, of V2 and V1 checkpoints, without TensorFlow. Exit code 0: no problems; 1: problems
or an unreadable file; 2: wrong usage.

Example:
  python scripts/inspect_checkpoint.py --checkpoint=/models/model.ckpt-1000 --format=json
"""

import json
import sys
from collections.abc import Sequence

from absl import app, flags

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Prefix of the checkpoint, such as DIR/model.ckpt-1000.")
_LAYOUT = flags.DEFINE_string("layout", None, "The one layout to look for: a registered name.")
_FORMAT = flags.DEFINE_enum("format", "text", ["text", "json"], "How to print. json: one object on standard output.")


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
    from tf1bn.checkpoint import inspector

    try:
        found = checkpoint.inspect(_CHECKPOINT.value, layout=_LAYOUT.value)
    except errors.Tf1bnError as error:
        if _FORMAT.value == "json":
            print(json.dumps({"error": type(error).__name__, "text": str(error)}))
        sys.stderr.write(f"{error}\n")
        return 1
    print(json.dumps(inspector.as_json(found)) if _FORMAT.value == "json" else inspector.as_text(found))
    return 1 if found.problems else 0


if __name__ == "__main__":
    app.run(main, flags_parser=_parse)
