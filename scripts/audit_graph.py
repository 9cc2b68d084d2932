"""Audits the batch norms of a TensorFlow 1 graph.

    audit_graph.py --graph=model.ckpt-1000.meta --checkpoint=model.ckpt-1000
    audit_graph.py --explain=BN001

Exit code 0: clean; 1: findings of at least --fail_on, or a repair that was refused; 2: wrong usage, or a file
that cannot be read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import app, flags

_GRAPH = flags.DEFINE_string("graph", None, "A .meta, .pb or .pbtxt file, or a SavedModel directory.")
_TRAIN_OP = flags.DEFINE_list("train_op", [], "The op that the program runs to train; found by itself when left out.")
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "Prefix or directory of a checkpoint of the model.")
_FETCH = flags.DEFINE_list("fetch", [], "What the program runs besides its train op.")
_SELECT = flags.DEFINE_list("select", [], "Codes of the rules to run; all when empty.")
_IGNORE = flags.DEFINE_list("ignore", [], "Findings to leave out: BN014, or BN014:scope/*.")
_SUPPRESSIONS = flags.DEFINE_string("suppressions", None, "A file with one suppression per line.")
_FAIL_ON = flags.DEFINE_enum("fail_on", "warning", ["error", "warning", "info"], "The least severity with exit code 1.")
_FORMAT = flags.DEFINE_enum("format", "text", ["text", "json", "sarif", "dot"], "How the report is printed.")
_PICTURE = flags.DEFINE_string("picture", None, "Draws the findings into this .png, .svg or .dot file.")
_EXPLAIN = flags.DEFINE_string("explain", None, "Prints the page of a rule, for example BN001.")
_FIX = flags.DEFINE_string("fix", None, "Writes a repaired graph to this new .meta file, where that is safe.")
_DRY_RUN = flags.DEFINE_boolean("dry_run", False, "With --fix: repairs and checks, writes nothing.")

_CLEAN, _FOUND, _USAGE = 0, 1, 2


def main(argv: Sequence[str]) -> int:
    if len(argv) > 1:
        return _complain(f"audit_graph: unexpected arguments {' '.join(argv[1:])!r}. See --help.")
    if bool(_GRAPH.value) == bool(_EXPLAIN.value):
        return _complain("audit_graph: give either --graph or --explain. See --help.")
    if _DRY_RUN.value and not _FIX.value:
        return _complain("audit_graph: --dry_run belongs to --fix. See --help.")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    from tf1bn import errors

    try:
        return _explain() if _EXPLAIN.value else _fix() if _FIX.value else _audit()
    except (errors.RepairError, errors.RunError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return _FOUND
    except errors.Tf1bnError as error:
        return _complain(str(error))


def _explain() -> int:
    from tf1bn.audit.rules import catalog

    print(catalog.page(_EXPLAIN.value), end="")
    return _CLEAN


def _audit() -> int:
    from tf1bn.audit import report, runner, suppressions

    ignored = list(_IGNORE.value)
    if _SUPPRESSIONS.value:
        ignored += [f"{row.code}:{row.scope}" for row in suppressions.read_file(_SUPPRESSIONS.value)]
    result = runner.audit(
        _GRAPH.value,
        train_op=_TRAIN_OP.value,
        checkpoint=_CHECKPOINT.value,
        fetches=_FETCH.value,
        select=_SELECT.value,
        ignore=ignored,
    )
    print(report.render(result, _FORMAT.value), end="" if _FORMAT.value in ("text", "dot") else "\n")
    if _PICTURE.value:
        print(f"picture: {report.draw(result, _PICTURE.value)}", file=sys.stderr)
    return _FOUND if result.failing(_FAIL_ON.value) else _CLEAN


def _fix() -> int:
    from tf1bn.audit import fix

    result = fix.repair(
        _GRAPH.value,
        _FIX.value,
        train_op=_TRAIN_OP.value,
        checkpoint=_CHECKPOINT.value,
        fetches=_FETCH.value,
        dry_run=_DRY_RUN.value,
    )
    for line in (*result.changes, *result.checks):
        print(line)
    print("nothing written (--dry_run)" if _DRY_RUN.value else f"written: {_FIX.value}")
    return _CLEAN


def _complain(text: str) -> int:
    print(text, file=sys.stderr)
    return _USAGE


def _parse(argv: Sequence[str]) -> list[str]:
    """Parses the flags; a wrong flag is wrong usage, and asking for help is not."""
    if any(argument in ("--help", "-help", "-h", "-?") for argument in argv[1:]):
        app.usage(shorthelp=True, writeto_stdout=True)
        sys.exit(_CLEAN)
    try:
        return flags.FLAGS(list(argv))
    except flags.Error as error:
        sys.exit(_complain(f"audit_graph: {error} See --help."))


if __name__ == "__main__":
    app.run(main, flags_parser=_parse)
