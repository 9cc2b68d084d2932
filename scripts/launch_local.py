"""Starts the processes of a cluster on this machine, on free ports of the loopback interface.

  python scripts/launch_local.py --workers=2 --ps=1 -- train.py --distribution=ps --model_dir=runs/ps

Behind -- stands the program, a Python file here or beside this script or any command, with its arguments. Each
process gets --job_name, --task_index and --cluster, or TF_CONFIG. Their lines appear on stderr, each behind the name
of its process. One that fails stops all, and so do SIGINT and SIGTERM: first SIGTERM to the workers, then to the ps,
and SIGKILL to whoever is left after --grace_seconds. No process is left behind, even if this one is killed.

Exit codes: 0 all workers ended well, 2 wrong usage, 124 after --timeout_seconds, 130 after SIGINT, 143 after SIGTERM,
1 refused; else that of the process that failed first, 128 + signal number if a signal killed it.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from pathlib import Path

from absl import flags

from tf1bn.examples import command, local_cluster

_FORMAT = flags.DEFINE_enum("format", "text", command.FORMATS, "Form of the report on stdout.")
_WORKERS = flags.DEFINE_integer("workers", 2, "Processes that train; worker 0 is the chief.", 1, 1000)
_PS = flags.DEFINE_integer("ps", 0, "Parameter servers.", 0, 1000)
_ANNOUNCE = flags.DEFINE_enum(
    "announce",
    local_cluster.FLAGS,
    [local_cluster.FLAGS, local_cluster.TF_CONFIG],
    "How a process learns its place: by flags, or by the variable TF_CONFIG.",
)
_RESTARTS = flags.DEFINE_integer("restarts", 0, "How often each process is started again after a failure.", 0)
_TOGETHER = flags.DEFINE_bool("restart_together", False, "Whether a restart is one of all processes.")
_GRACE = flags.DEFINE_float("grace_seconds", local_cluster.GRACE_SECONDS, "Between SIGTERM and SIGKILL.", 0)
_TIMEOUT = flags.DEFINE_float("timeout_seconds", None, "Stops all after so long; by default there is no limit.", 0)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Says what would be started, and starts nothing.")


def _launch(words: list[str]) -> command.Report:
    asked = local_cluster.Launch(
        local_cluster.program_command(words, beside=Path(__file__).resolve().parent),
        workers=_WORKERS.value,
        ps=_PS.value,
        announce=_ANNOUNCE.value,
        restarts=_RESTARTS.value,
        together=_TOGETHER.value,
        grace_seconds=_GRACE.value,
        timeout_seconds=_TIMEOUT.value,
    )
    if _DRY_RUN.value:
        return _plan(asked)
    result = local_cluster.launch(asked)
    content = dataclasses.asdict(result)
    lines = {**content, "processes": None, **{each["name"]: json.dumps(each) for each in result.processes}}
    return command.Report(command.lines(lines), content, result.exit_code)


def _plan(asked: local_cluster.Launch) -> command.Report:
    commands = {str(task): asked.command_of(task) for task in asked.tasks()}
    text = command.lines({name: shlex.join(line) for name, line in commands.items()})
    return command.Report(f"Dry run, nothing started.\n{text}", {"dry_run": True, "commands": commands})


if __name__ == "__main__":
    command.run(_launch, _FORMAT, words="-- PROGRAM [ARGUMENT ...]")
