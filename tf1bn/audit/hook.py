"""AuditHook: the audit inside a training program."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.audit import runner
from tf1bn.audit.finding import SEVERITIES, Finding
from tf1bn.audit.rules import bn001_updates_never_run as never_run
from tf1bn.audit.rules import bn025_stored_damaged_values as damaged
from tf1bn.graph.model import GraphModel

_LOGGER = logging.getLogger("tf1bn.audit")
_ACTIONS = ("raise", "log")


class AuditHook(tf.train.SessionRunHook):
    """Audits the graph when the session starts, and looks once whether the averages have moved.

        with tf.train.MonitoredTrainingSession(hooks=[AuditHook(train_op)]) as session: ...

    Args:
      train_op: the op that the program runs to train; found by itself when None.
      check_after: after how many runs the averages are compared with those of the start; 0 switches it off.
      fail_on: the least severity that counts.
      action: `"raise"` stops the program, `"log"` writes a warning to the logger `tf1bn.audit`.
      ignore: suppressions, as for `audit`.

    Raises:
      ArgumentError: `action`, `fail_on` or `check_after` has no possible value.
    """

    def __init__(
        self,
        train_op: Any = None,
        *,
        check_after: int = 10,
        fail_on: str = "error",
        action: str = "raise",
        ignore: Any = (),
    ) -> None:
        with errors.located("AuditHook"):
            if action not in _ACTIONS:
                raise errors.ArgumentError(errors.explain("unknown action", got=action, expected=" or ".join(_ACTIONS)))
            if fail_on not in SEVERITIES:
                raise errors.ArgumentError(
                    errors.explain("unknown severity", got=fail_on, expected=", ".join(SEVERITIES))
                )
            if isinstance(check_after, bool) or not isinstance(check_after, int) or check_after < 0:
                raise errors.ArgumentError(
                    errors.explain("`check_after` must be a count", got=check_after, expected=">= 0")
                )
        self._train_op = train_op
        self._check_after = check_after
        self._fail_on = fail_on
        self._action = action
        self._ignore = ignore
        self._runs = 0
        self._averages: dict[str, Any] = {}
        self._scopes: dict[str, str] = {}
        self._start: dict[str, np.ndarray] = {}

    def after_create_session(self, session: Any, coord: Any) -> None:
        """Audits the finished graph and notes the averages."""
        del coord
        model = GraphModel(session.graph, train_op=runner.names_of(self._train_op))
        self._report(runner.audit(model, ignore=self._ignore).failing(self._fail_on))
        active = [site for site in model.sites_in_training() if model.uses_batch(site)]
        self._scopes = {variable.name: site.scope for site in active for variable in site.statistics}
        known = session.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)
        self._averages = {v.op.name: v for v in known if v.op.name in self._scopes}
        self._start = session.run(self._averages) if self._averages else {}
        self._runs = 0

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Compares the averages with those of the start, once."""
        del run_values
        self._runs += 1
        if self._runs != self._check_after or not self._averages:
            return
        now = run_context.session.run(self._averages)
        findings = []
        for name, value in now.items():
            if not np.all(np.isfinite(value)):
                findings.append(
                    damaged.RULE.finding(self._scopes[name], f"{name!r} is not finite.", damaged.FIX, variable=name)
                )
            elif np.array_equal(value, self._start[name]):
                text = f"after {self._runs} runs {name!r} has not moved."
                findings.append(never_run.RULE.finding(self._scopes[name], text, never_run.FIX, variable=name))
        self._report(tuple(findings))

    def _report(self, findings: tuple[Finding, ...]) -> None:
        if not findings:
            return
        lines = "; ".join(f"{f.code} [{f.scope}] {f.message} Fix: {f.fix}" for f in findings)
        if self._action == "raise":
            raise errors.PlacementError(
                errors.explain(f"{len(findings)} batch-norm findings: {lines}"), where="AuditHook"
            )
        _LOGGER.warning("%d batch-norm findings: %s", len(findings), lines)
