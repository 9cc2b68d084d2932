"""Audits the batch norms of a TensorFlow 1 graph.

  tf1bn audit --graph=model.ckpt-1000.meta --checkpoint=model.ckpt-1000
  tf1bn audit --explain=BN001

Exit code 0: clean; 1: findings of at least --fail_on, or a repair that was refused; 2: wrong usage, or a file
that cannot be read.
"""

from __future__ import annotations

from tf1bn import errors, exits
from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_GRAPH = _FLAGS.string("graph", None, "A .meta, .pb or .pbtxt file, or a SavedModel directory.")
_TRAIN_OP = _FLAGS.list("train_op", [], "The op that the program runs to train; found by itself when left out.")
_CHECKPOINT = _FLAGS.string("checkpoint", None, "Prefix or directory of a checkpoint of the model.")
_FETCH = _FLAGS.list("fetch", [], "What the program runs besides its train op.")
_SELECT = _FLAGS.list("select", [], "Codes of the rules to run; all when empty.")
_IGNORE = _FLAGS.list("ignore", [], "Findings to leave out: BN014, or BN014:scope/*.")
_SUPPRESSIONS = _FLAGS.string("suppressions", None, "A file with one suppression per line.")
_FAIL_ON = _FLAGS.enum("fail_on", "warning", ["error", "warning", "info"], "The least severity with exit code 1.")
_FLAGS.progress()
_FORMAT = _FLAGS.enum("format", "text", ["text", "json", "sarif", "dot"], "How the report is printed.")
_PICTURE = _FLAGS.string("picture", None, "Draws the findings into this .png, .svg or .dot file.")
_EXPLAIN = _FLAGS.string("explain", None, "Prints the page of a rule, for example BN001.")
_FIX = _FLAGS.string("fix", None, "Writes a repaired graph to this new .meta file, where that is safe.")
_DRY_RUN = _FLAGS.bool("dry_run", False, "With --fix: repairs and checks, writes nothing.")


def _work() -> parsing.Report:
    if bool(_GRAPH.value) == bool(_EXPLAIN.value):
        raise parsing.UsageError("give either --graph or --explain.")
    if _DRY_RUN.value and not _FIX.value:
        raise parsing.UsageError("--dry_run belongs to --fix.")
    try:
        return _explain() if _EXPLAIN.value else _fix() if _FIX.value else _audit()
    except (errors.RepairError, errors.RunError) as error:
        return parsing.Report("", {}, exits.REFUSED, f"refused: {error}")
    except errors.Tf1bnError as error:
        return parsing.Report("", {}, exits.USAGE, str(error))


def _explain() -> parsing.Report:
    from tf1bn.audit.rules import catalog

    return parsing.Report(catalog.page(_EXPLAIN.value).removesuffix("\n"), {})


def _audit() -> parsing.Report:
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
    text = report.render(result, _FORMAT.value).removesuffix("\n")
    told = parsing.Report(text, {}, exits.REFUSED if result.failing(_FAIL_ON.value) else exits.DONE)
    if not _PICTURE.value:
        return told
    try:
        return told._replace(complaint=f"picture: {report.draw(result, _PICTURE.value)}")
    except errors.Tf1bnError as error:  # the findings are worth printing all the same
        return told._replace(exit_code=exits.USAGE, complaint=str(error))


def _fix() -> parsing.Report:
    from tf1bn.audit import fix

    result = fix.repair(
        _GRAPH.value,
        _FIX.value,
        train_op=_TRAIN_OP.value,
        checkpoint=_CHECKPOINT.value,
        fetches=_FETCH.value,
        dry_run=_DRY_RUN.value,
    )
    last = "nothing written (--dry_run)" if _DRY_RUN.value else f"written: {_FIX.value}"
    return parsing.Report("\n".join([*result.changes, *result.checks, last]), {})


COMMAND = parsing.Command(_work, _FLAGS, _FORMAT)
