"""Starts the processes of a cluster on this machine, on free ports of the loopback interface.

  tf1bn launch --workers=2 --ps=1 -- tf1bn train --distribution=ps --model_dir=runs/ps

Behind -- stands the program, a Python file here or beside this script or any command, with its arguments; tf1bn as
that command is the one of this Python. Each process gets --job_name, --task_index and --cluster, or TF_CONFIG. Their
lines appear on stderr, each behind the name of its process. One that fails stops all, and so do SIGINT and SIGTERM:
first SIGTERM to the workers, then to the ps, and SIGKILL to whoever is left after --grace_seconds. No process is left
behind, even if this one is killed.

Exit codes: 0 all workers ended well, 2 wrong usage, 124 after --timeout_seconds, 130 after SIGINT, 143 after SIGTERM,
1 refused; else that of the process that failed first, 128 + signal number if a signal killed it.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from pathlib import Path

from tf1bn.commands import parsing
from tf1bn.examples import local_cluster

_FLAGS = parsing.Flags()
_FORMAT = _FLAGS.enum("format", "text", parsing.FORMATS, "Form of the report on stdout.")
_WORKERS = _FLAGS.integer("workers", 2, "Processes that train; worker 0 is the chief.", 1, 1000)
_PS = _FLAGS.integer("ps", 0, "Parameter servers.", 0, 1000)
_ANNOUNCE = _FLAGS.enum(
    "announce",
    local_cluster.FLAGS,
    [local_cluster.FLAGS, local_cluster.TF_CONFIG],
    "How a process learns its place: by flags, or by the variable TF_CONFIG.",
)
_RESTARTS = _FLAGS.integer("restarts", 0, "How often each process is started again after a failure.", 0)
_TOGETHER = _FLAGS.bool("restart_together", False, "Whether a restart is one of all processes.")
_GRACE = _FLAGS.float("grace_seconds", local_cluster.GRACE_SECONDS, "Between SIGTERM and SIGKILL.", 0)
_TIMEOUT = _FLAGS.float("timeout_seconds", None, "Stops all after so long; by default there is no limit.", 0)
_DRY_RUN = _FLAGS.bool("dry_run", False, "Says what would be started, and starts nothing.")


def _launch(words: list[str]) -> parsing.Report:
    asked = local_cluster.Launch(
        local_cluster.program_command(words, beside=Path(sys.argv[0]).resolve().parent),
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
    return parsing.Report(parsing.lines(lines), content, result.exit_code)


def _plan(asked: local_cluster.Launch) -> parsing.Report:
    commands = {str(task): asked.command_of(task) for task in asked.tasks()}
    text = parsing.lines({name: shlex.join(line) for name, line in commands.items()})
    return parsing.Report(f"Dry run, nothing started.\n{text}", {"dry_run": True, "commands": commands})


COMMAND = parsing.Command(_launch, _FLAGS, _FORMAT, words="-- PROGRAM [ARGUMENT ...]")
