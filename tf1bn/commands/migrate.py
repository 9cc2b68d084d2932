"""Rewrites a checkpoint for another layout, for a target graph, or by rules; the source stays untouched.

Names live in the index only, so this costs what copying the files costs, or next to nothing with --link. Exit code
0: done; 1: refused, nothing written; 2: wrong usage.

Examples:
  tf1bn migrate --source=old/model.ckpt --target=new/model.ckpt --to=tf1bn --dry_run
  tf1bn migrate --source=old/model.ckpt --target=new/model.ckpt --graph=new/model.meta
  tf1bn migrate --source=a --target=b '--rename=^tower_0/=>' --drop=Adam --verify
"""

from __future__ import annotations

from typing import Any

from tf1bn import errors, exits
from tf1bn.commands import parsing

_FLAGS = parsing.Flags()
_SOURCE = _FLAGS.string("source", None, "Prefix of the checkpoint to read.")
_TARGET = _FLAGS.string("target", None, "Prefix to write, in a folder that exists; not needed with --dry_run.")
_FROM = _FLAGS.string("from", None, "Layout of the source, where names do not tell: a name or a .json file.")
_TO = _FLAGS.string("to", None, "Layout of the target: a name or a .json file.")
_GRAPH = _FLAGS.string("graph", None, "Target graph: a .meta file, or the prefix of a checkpoint of the target.")
_SOURCE_GRAPH = _FLAGS.string("source_graph", None, "The source's .meta file; by default the one beside it.")
_RENAME = _FLAGS.multi_string("rename", [], "REGEX=>NEW, applied to target names; may be repeated.")
_DROP = _FLAGS.multi_string("drop", [], "Source tensors that this regular expression finds are left out.")
_MAP = _FLAGS.string("map", None, "JSON file of one object: source name -> target name.")
_LINK = _FLAGS.bool("link", False, "Hard-link the data files instead of copying them.")
_DRY_RUN = _FLAGS.bool("dry_run", False, "Print the plan and write nothing.")
_OVERWRITE = _FLAGS.bool("overwrite", False, "Replace a target that exists.")
_VERIFY = _FLAGS.bool("verify", False, "Read every new tensor again and compare it with the source.")
_FLAGS.progress()
_FORMAT = _FLAGS.enum("format", "text", ["text", "json"], "How to print. json: one object on standard output.")


def _work() -> parsing.Report:
    if _SOURCE.value is None or (_TARGET.value is None and not _DRY_RUN.value):
        raise parsing.UsageError("--source and --target are required (--source alone with --dry_run).")
    if not (_TO.value or _GRAPH.value or _RENAME.value or _DROP.value or _MAP.value):
        raise parsing.UsageError("nothing to do: give --to, --graph, --rename, --drop or --map.")
    content: dict[str, Any] = {}
    told: list[str] = []
    try:
        _migrate(content, told)
    except errors.Tf1bnError as error:
        return parsing.Report("\n".join(told), content | parsing.named_error(error), exits.REFUSED, str(error))
    return parsing.Report("\n".join(told), content)


def _migrate(content: dict[str, Any], told: list[str]) -> None:
    """Plans and migrates; adds to the report as it goes, so that a refusal still shows the plan."""
    from tf1bn import checkpoint
    from tf1bn.checkpoint import plan as plans

    plan = checkpoint.plan_migration(
        _SOURCE.value,
        _TO.value,
        graph=_GRAPH.value,
        source_layout=_FROM.value,
        source_graph=_SOURCE_GRAPH.value,
        rename=_RENAME.value,
        drop=_DROP.value,
        mapping=_MAP.value or {},
    )
    content["plan"] = plans.as_json(plan)
    told.append(plans.as_text(plan))
    if _DRY_RUN.value:
        plan.require()
        told.append("dry run: nothing was written")
        return
    done = checkpoint.migrate(plan, _TARGET.value, link=_LINK.value, overwrite=_OVERWRITE.value, verify=_VERIFY.value)
    content["migration"] = {key: value for key, value in done._asdict().items() if key != "plan"}
    checked = f", {done.verified} tensors read again and compared" if _VERIFY.value else ""
    told.append(f"wrote {done.target}: {done.shards} data files{' (linked)' if done.linked else ''}{checked}")


COMMAND = parsing.Command(_work, _FLAGS, _FORMAT)
