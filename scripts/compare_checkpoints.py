"""Compares two checkpoints: names and values, and, with --prove, the outputs of every batch norm.

Exit code 0: the same; 1: they differ, or cannot be read; 2: wrong usage.

Examples:
  python scripts/compare_checkpoints.py a/model.ckpt b/model.ckpt
  python scripts/compare_checkpoints.py old/model.ckpt new/model.ckpt --prove --graph_a=old.meta --graph_b=new.meta
"""

import json
import os
import sys
from collections.abc import Sequence

from absl import app, flags

_TOLERANCE = flags.DEFINE_float("tolerance", None, "Allowed difference: absolute (0); with --prove relative (1e-5).")
_PROVE = flags.DEFINE_bool("prove", False, "Run both graphs on the same inputs instead of comparing tensors by name.")
_GRAPH_A = flags.DEFINE_string("graph_a", None, "With --prove: .meta file of the first; by default the one beside it.")
_GRAPH_B = flags.DEFINE_string("graph_b", None, "With --prove: .meta file of the second; by default the one beside it.")
_INPUTS = flags.DEFINE_string("inputs", None, "With --prove: .npz file, placeholder name -> values; random otherwise.")
_FORMAT = flags.DEFINE_enum("format", "text", ["text", "json"], "How to print. json: one object on standard output.")


def _parse(argv: Sequence[str]) -> list[str]:
    try:
        rest = flags.FLAGS(argv)
        if len(rest) != 3:
            raise flags.Error("Two checkpoints are required: compare_checkpoints.py A B.")
        if not _PROVE.value and (_GRAPH_A.value or _GRAPH_B.value or _INPUTS.value):
            raise flags.Error("--graph_a, --graph_b and --inputs go with --prove.")
    except flags.Error as error:
        sys.stderr.write(f"{error}\nUse --help for all flags.\n")
        sys.exit(2)
    return rest


def _compare(first: str, second: str) -> tuple[bool, dict[str, object], str]:
    from tf1bn.checkpoint import comparison

    found = comparison.compare(first, second, tolerance=_TOLERANCE.value or 0.0)
    return found.equal, comparison.as_json(found), comparison.as_text(found)


def _prove(first: str, second: str) -> tuple[bool, dict[str, object], str]:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy as np

    from tf1bn.checkpoint import proof

    inputs = None
    if _INPUTS.value:
        with np.load(_INPUTS.value) as file:
            inputs = dict(file)
    tolerance = 1e-5 if _TOLERANCE.value is None else _TOLERANCE.value
    found = proof.prove(
        first,
        second,
        source_graph=_GRAPH_A.value,
        target_graph_file=_GRAPH_B.value,
        inputs=inputs,
        tolerance=tolerance,
    )
    return found.equal, proof.as_json(found), proof.as_text(found)


def main(argv: Sequence[str]) -> int:
    from tf1bn import errors

    try:
        equal, data, text = (_prove if _PROVE.value else _compare)(argv[1], argv[2])
    except (errors.Tf1bnError, OSError, ValueError) as error:
        if _FORMAT.value == "json":
            print(json.dumps({"error": type(error).__name__, "text": str(error)}))
        sys.stderr.write(f"{error}\n")
        return 1
    print(json.dumps(data) if _FORMAT.value == "json" else text)
    return 0 if equal else 1


if __name__ == "__main__":
    app.run(main, flags_parser=_parse)
