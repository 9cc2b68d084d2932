"""Folds the batch norms of an inference graph and its checkpoint into the layers beside them.

Writes OUTPUT.meta and a checkpoint OUTPUT; the outputs keep their names. Both graphs are run and compared first, and
nothing is written when they differ by more than rounding. A batch norm that cannot be folded stays in the graph.

Exit codes: 0 every batch norm was folded; 1 some were refused (with --strict, or when none can be folded, nothing is
written), or the files cannot be used; 2 wrong usage.

Examples:
  tf1bn fold --graph=eval.meta --checkpoint=model-1000 --output=folded/model --dry_run
  tf1bn fold --graph=eval.meta --checkpoint=model-1000 --output=folded/model --outputs=logits
  tf1bn fold --graph=frozen.pb --output=folded.pb
"""

from __future__ import annotations

from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_GRAPH = _FLAGS.string("graph", None, "The inference graph: a .meta file, or a frozen .pb.", required=True)
_CHECKPOINT = _FLAGS.string("checkpoint", None, "Prefix or directory of its checkpoint; none for a frozen graph.")
_OUTPUT = _FLAGS.string("output", None, "Prefix of the new files; the new .pb for a frozen graph.", required=True)
_OUTPUTS = _FLAGS.list("outputs", [], "Names of tensors that the program fetches; they keep their values.")
_FEED = _FLAGS.string("feed", None, "An .npz file: values for tensors by name, for the comparison.")
_STRICT = _FLAGS.bool("strict", False, "Write nothing when one batch norm is refused.")
_DRY_RUN = _FLAGS.bool("dry_run", False, "Compare, print the table of batch norms, and write nothing.")
_FLAGS.progress()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "How to print. json: one object on standard output.")


def _feed() -> dict[str, object]:
    import numpy as np

    from tf1bn import errors

    if not _FEED.value:
        return {}
    try:
        with np.load(_FEED.value) as stored:
            return dict(stored)
    except (OSError, ValueError) as error:
        raise errors.DataError(errors.explain(f"--feed cannot be read ({error})", expected="an .npz file")) from error


def work() -> parsing.Report:
    """Folds and returns the report."""
    from tf1bn import checkpoint

    done = checkpoint.fold(
        _GRAPH.value,
        _CHECKPOINT.value,
        _OUTPUT.value,
        outputs=_OUTPUTS.value,
        feed=_feed(),
        strict=_STRICT.value,
        dry_run=_DRY_RUN.value,
    )
    content = {key: value for key, value in done._asdict().items() if key != "meta_graph"}
    content["sites"] = [site._asdict() for site in done.sites]
    last = f"wrote {done.target}" if done.target else "dry run: nothing was written"
    return parsing.Report(f"{done.text()}\n{last}", content, 1 if done.refused else 0)


COMMAND = parsing.Command(work, _FLAGS, _FORMAT)
