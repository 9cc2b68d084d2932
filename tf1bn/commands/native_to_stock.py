"""Rewrites a graph with ops of tf1bn.native to TensorFlow's own ops, so that it loads without the op library.

Names, variables, collections and the checkpoint stay. OUTPUT must not exist. The audit, export, fold and population
scripts read graphs with native ops as they are.

Exit codes: 0 written; 1 refused: no native ops, or a file that cannot be used; 2 wrong usage.

Example:
  tf1bn native-to-stock --graph=model-1000.meta --output=portable.meta
"""

from __future__ import annotations

from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_GRAPH = _FLAGS.string(
    "graph", None, "The graph: a .meta, .pb or .pbtxt file, or the folder of a SavedModel.", required=True
)
_OUTPUT = _FLAGS.string("output", None, "The new file, binary, or folder, of the same kind.", required=True)
_DRY_RUN = _FLAGS.bool("dry_run", False, "Rewrite, say what would be written, and write nothing.")
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "How to print. json: one object on standard output.")


def work() -> parsing.Report:
    """Rewrites and returns the report."""
    from tf1bn.graph import portable

    done = portable.rewrite(_GRAPH.value, _OUTPUT.value, dry_run=_DRY_RUN.value)
    last = f"wrote {done.target}" if done.target else "dry run: nothing was written"
    return parsing.Report(f"{len(done.names)} native ops in stock ops\n{last}", done._asdict())


COMMAND = parsing.Command(work, _FLAGS, _FORMAT)
