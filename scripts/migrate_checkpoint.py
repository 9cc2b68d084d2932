"""Rewrites a checkpoint for another layout, for a target graph, or by rules; the source stays untouched.

Names live in the index only, so this costs what copying the files costs, or next to nothing with --link. Exit code
0: done; 1: refused, nothing written; 2: wrong usage.

Examples:
  python scripts/migrate_checkpoint.py --source=old/model.ckpt --target=new/model.ckpt --to=tf1bn --dry_run
  python scripts/migrate_checkpoint.py --source=old/model.ckpt --target=new/model.ckpt --graph=new/model.meta
  python scripts/migrate_checkpoint.py --source=a --target=b '--rename=^tower_0/=>' --drop=Adam --verify
"""

import json
import sys
from collections.abc import Sequence

from absl import app, flags

_SOURCE = flags.DEFINE_string("source", None, "Prefix of the checkpoint to read.")
_TARGET = flags.DEFINE_string("target", None, "Prefix to write, in a folder that exists; not needed with --dry_run.")
_FROM = flags.DEFINE_string("from", None, "Layout of the source, where names do not tell: a name or a .json file.")
_TO = flags.DEFINE_string("to", None, "Layout of the target: a name or a .json file.")
_GRAPH = flags.DEFINE_string("graph", None, "Target graph: a .meta file, or the prefix of a checkpoint of the target.")
_SOURCE_GRAPH = flags.DEFINE_string("source_graph", None, "The source's .meta file; by default the one beside it.")
_RENAME = flags.DEFINE_multi_string("rename", [], "REGEX=>NEW, applied to target names; may be repeated.")
_DROP = flags.DEFINE_multi_string("drop", [], "Source tensors that this regular expression finds are left out.")
_MAP = flags.DEFINE_string("map", None, "JSON file of one object: source name -> target name.")
_LINK = flags.DEFINE_bool("link", False, "Hard-link the data files instead of copying them.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Print the plan and write nothing.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace a target that exists.")
_VERIFY = flags.DEFINE_bool("verify", False, "Read every new tensor again and compare it with the source.")
_FORMAT = flags.DEFINE_enum("format", "text", ["text", "json"], "How to print. json: one object on standard output.")


def _parse(argv: Sequence[str]) -> list[str]:
    try:
        rest = flags.FLAGS(argv)
        if _SOURCE.value is None or (_TARGET.value is None and not _DRY_RUN.value):
            raise flags.Error("--source and --target are required (--source alone with --dry_run).")
        if not (_TO.value or _GRAPH.value or _RENAME.value or _DROP.value or _MAP.value):
            raise flags.Error("Nothing to do: give --to, --graph, --rename, --drop or --map.")
        if len(rest) > 1:
            raise flags.Error(f"Unexpected arguments {rest[1:]}; every option is a flag.")
    except flags.Error as error:
        sys.stderr.write(f"{error}\nUse --help for all flags.\n")
        sys.exit(2)
    return rest


def main(argv: Sequence[str]) -> int:
    del argv
    from tf1bn import checkpoint, errors
    from tf1bn.checkpoint import plan as plan_module

    report: dict[str, object] = {}
    text = ""
    try:
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
        report["plan"], text = plan_module.as_json(plan), plan_module.as_text(plan)
        if _DRY_RUN.value:
            plan.require()
            text += "\ndry run: nothing was written"
        else:
            done = checkpoint.migrate(
                plan, _TARGET.value, link=_LINK.value, overwrite=_OVERWRITE.value, verify=_VERIFY.value
            )
            report["migration"] = {key: value for key, value in done._asdict().items() if key != "plan"}
            checked = f", {done.verified} tensors read again and compared" if _VERIFY.value else ""
            text += f"\nwrote {done.target}: {done.shards} data files{' (linked)' if done.linked else ''}{checked}"
    except errors.Tf1bnError as error:
        if _FORMAT.value == "json":
            print(json.dumps(report | {"error": type(error).__name__, "text": str(error)}))
        elif text:
            print(text)
        sys.stderr.write(f"{error}\n")
        return 1
    print(json.dumps(report) if _FORMAT.value == "json" else text)
    return 0


if __name__ == "__main__":
    app.run(main, flags_parser=_parse)
