"""Rewrites a graph with ops of tf1bn.native to TensorFlow's own ops, so that it loads without the op library.

Names, variables, collections and the checkpoint stay. OUTPUT must not exist. The audit, export, fold and population
scripts read graphs with native ops as they are.

Exit codes: 0 written; 1 refused: no native ops, or a file that cannot be used; 2 wrong usage.

Example:
  python scripts/native_to_stock.py --graph=model-1000.meta --output=portable.meta
"""

from __future__ import annotations

from absl import flags

from tf1bn.examples import command

_GRAPH = flags.DEFINE_string("graph", None, "The graph: a .meta, .pb or .pbtxt file.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "The new file, binary, of the same kind.", required=True)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Rewrite, say what would be written, and write nothing.")
_FORMAT = flags.DEFINE_enum("format", "text", command.FORMATS, "How to print. json: one object on standard output.")


def work() -> command.Report:
    """Rewrites and returns the report."""
    from tf1bn.graph import portable

    done = portable.rewrite(_GRAPH.value, _OUTPUT.value, dry_run=_DRY_RUN.value)
    last = f"wrote {done.target}" if done.target else "dry run: nothing was written"
    return command.Report(f"{len(done.names)} native ops in stock ops\n{last}", done._asdict())


if __name__ == "__main__":
    command.run(work, _FORMAT)
