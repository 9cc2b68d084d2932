"""The restored averages are their initial values right after the restore.

What it checks.
    This rule is answered by `tf1bn.audit.probe(session, ...)` and by AuditHook: right after a restore, the
    averages of the session are compared with the checkpoint and with their initial values.

Why it matters.
    Running `global_variables_initializer` after `saver.restore` replaces what was restored; results then change
    from run to run.

Known limits.
    The order of session calls is not in a graph, so a static audit never reports this.

Fix.
    Run the initialiser first, then restore.

References.
    The documentation of tf.train.Saver.restore: restored variables need no initialisation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN033", "the initialiser runs after the restore", "error", "D")
FIX = "Run the initialiser before saver.restore, not after it."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields nothing: only a session can tell."""
    yield from ()


def bad() -> None:
    """No graph shows it; see the test of `probe`."""


def good() -> samples.Sample:
    """Any healthy graph."""
    return samples.served(1)
