"""Compares two checkpoints: names and values, and, with --prove, the outputs of every batch norm.

Exit code 0: the same; 1: they differ, or cannot be read; 2: wrong usage.

Examples:
  tf1bn compare-checkpoints a/model.ckpt b/model.ckpt
  tf1bn compare-checkpoints old/model.ckpt new/model.ckpt --prove --graph_a=old.meta --graph_b=new.meta
"""

from __future__ import annotations

from typing import Any

from tf1bn import errors, exits
from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_TOLERANCE = _FLAGS.float("tolerance", None, "Allowed difference: absolute (0); with --prove relative (1e-5).")
_PROVE = _FLAGS.bool("prove", False, "Run both graphs on the same inputs instead of comparing tensors by name.")
_GRAPH_A = _FLAGS.string("graph_a", None, "With --prove: .meta file of the first; by default the one beside it.")
_GRAPH_B = _FLAGS.string("graph_b", None, "With --prove: .meta file of the second; by default the one beside it.")
_INPUTS = _FLAGS.string("inputs", None, "With --prove: .npz file, placeholder name -> values; random otherwise.")
_FLAGS.progress()
_FORMAT = _FLAGS.enum("format", "text", ["text", "json"], "How to print. json: one object on standard output.")


def _work(words: list[str]) -> parsing.Report:
    if not _PROVE.value and (_GRAPH_A.value or _GRAPH_B.value or _INPUTS.value):
        raise parsing.UsageError("--graph_a, --graph_b and --inputs go with --prove.")
    first, second = words
    try:
        equal, content, text = (_prove if _PROVE.value else _compare)(first, second)
    except (errors.Tf1bnError, OSError, ValueError) as error:
        return parsing.Report("", parsing.named_error(error), exits.REFUSED, str(error))
    return parsing.Report(text, content, exits.DONE if equal else exits.REFUSED)


def _compare(first: str, second: str) -> tuple[bool, dict[str, Any], str]:
    from tf1bn.checkpoint import comparison

    found = comparison.compare(first, second, tolerance=_TOLERANCE.value or 0.0)
    return found.equal, comparison.as_json(found), comparison.as_text(found)


def _prove(first: str, second: str) -> tuple[bool, dict[str, Any], str]:
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


COMMAND = parsing.Command(_work, _FLAGS, _FORMAT, words="two checkpoints, A and B", exactly=2)
