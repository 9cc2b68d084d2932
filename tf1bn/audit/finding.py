"""What the auditor says: rules, findings and the report. Plain values, no TensorFlow."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

SEVERITIES = ("info", "warning", "error")
CONFIDENCES = ("low", "medium", "high")
ADVICE_ONLY = "-"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One complaint.

    Attributes:
      code: the rule, as `BN001`.
      severity: `error` (wrong results), `warning` (probably wrong) or `info` (advice).
      confidence: `high`, `medium` or `low`: how sure a graph alone can make one.
      scope: the batch norm.
      variable: the variable, or an empty string.
      message: what is wrong, with the measured facts.
      fix: what to change, in one line.
      op: the op that is at fault.
      target: the op that should have been reached.
      path: the missing path, as op names from target to op.
    """

    code: str
    severity: str
    confidence: str
    scope: str
    variable: str
    message: str
    fix: str
    op: str = ""
    target: str = ""
    path: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Returns the finding as JSON values."""
        return {**dataclasses.asdict(self), "path": list(self.path)}


@dataclasses.dataclass(frozen=True)
class Rule:
    """What a rule is, apart from its check.

    Attributes:
      code: `BN001`; a code is never used again for another meaning.
      title: the mistake in one line.
      severity: of a usual finding.
      detection: letters of S (static), C (checkpoint), D (dynamic), or `-` for advice only.
    """

    code: str
    title: str
    severity: str
    detection: str

    def finding(
        self,
        scope: str,
        message: str,
        fix: str,
        *,
        severity: str = "",
        confidence: str = "high",
        variable: str = "",
        op: str = "",
        target: str = "",
        path: tuple[str, ...] = (),
    ) -> Finding:
        """Returns a finding of this rule."""
        return Finding(
            self.code, severity or self.severity, confidence, scope, variable, message, fix, op, target, path
        )


class SiteInfo(NamedTuple):
    """One batch norm, as the report shows it."""

    scope: str
    kind: str
    mode: str
    state: str
    epsilon: float
    decay: float | None
    variables: tuple[str, ...]
    reached: bool | None
    predicate: str
    foldable: str
    op: str


class Report(NamedTuple):
    """The outcome of an audit.

    Attributes:
      where: what was audited.
      sites: every batch norm that was found.
      findings: every complaint, worst first.
      suppressed: complaints that a suppression or selection took out.
      train_ops: the ops that were taken for the train op.
      notes: what the reader should know about the audit itself.
    """

    where: str
    sites: tuple[SiteInfo, ...]
    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...] = ()
    train_ops: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def worst(self) -> str:
        """Returns the highest severity among the findings, or an empty string."""
        return max((item.severity for item in self.findings), key=SEVERITIES.index, default="")

    def failing(self, fail_on: str = "warning") -> tuple[Finding, ...]:
        """Returns the findings of at least the given severity."""
        level = SEVERITIES.index(fail_on)
        return tuple(item for item in self.findings if SEVERITIES.index(item.severity) >= level)
