"""Runs the rules over a graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tf1bn import errors, progress
from tf1bn.audit import states, suppressions
from tf1bn.audit.finding import SEVERITIES, Finding, Report
from tf1bn.audit.rules import catalog
from tf1bn.graph import collecting
from tf1bn.graph.model import GraphModel

CRASH = "BN000"


def audit(
    graph_or_path: Any,
    *,
    train_op: Any = (),
    checkpoint: Any = None,
    fetches: Any = (),
    select: Any = (),
    ignore: Any = (),
) -> Report:
    """Looks for batch-norm mistakes in a graph of any origin; runs and changes nothing.

    Args:
      graph_or_path: a tf.Graph, a GraphDef or MetaGraphDef, the path of a `.meta`, `.pb` or `.pbtxt` file or of a
        SavedModel directory, or a GraphModel.
      train_op: the op that the program runs to train, or several; by name, or as the op itself. Found by itself
        when left out.
      checkpoint: prefix or directory of a checkpoint of the model, or a mapping of names to arrays.
      fetches: what the program runs besides its train op.
      select: codes of the rules to run; all when empty.
      ignore: suppressions, `"BN014"` or `"BN014:scope/*"`.

    Returns:
      A Report: the sites and the findings, worst first.

    Raises:
      GraphError: the graph is missing, damaged, or too large.
      CheckpointError: the checkpoint is missing or damaged.
      UnknownNameError: there is no op, or no rule, of a given name.
      ArgumentError: a suppression is malformed.

    Example:
      >>> import tensorflow.compat.v1 as tf
      >>> from tf1bn.audit import audit
      >>> audit(tf.Graph()).findings
      ()
    """
    with errors.located("audit"), collecting.paused():
        model = graph_or_path if isinstance(graph_or_path, GraphModel) else None
        chosen = [catalog.get(code) for code in (names_of(select) or catalog.codes())]
        rows = suppressions.parse(names_of(ignore))
        with progress.stage("auditing", len(chosen) + 2, progress.STEPS) as steps:
            steps.begin("reading the graph")
            if model is None:
                model = GraphModel(
                    graph_or_path, train_op=names_of(train_op), checkpoint=checkpoint, fetches=names_of(fetches)
                )
            every: list[Finding] = []
            for rule in chosen:
                steps.begin(f"rule {rule.RULE.code}")
                every += run_rule(rule, model)
            steps.begin("describing batch norms")
            found = list(_deduplicated(every))
            sites = tuple(states.describe(model, site) for site in model.sites)
            notes = tuple(states.notes(model))
            steps.advance()
    found.sort(key=lambda item: (-SEVERITIES.index(item.severity), item.code, item.scope, item.variable))
    kept = [item for item in found if not any(row.covers(item) for row in rows)]
    suppressed = [item for item in found if any(row.covers(item) for row in rows)]
    return Report(
        model.source.where,
        sites,
        tuple(kept),
        tuple(suppressed),
        tuple(item.name for item in model.train_ops),
        notes,
    )


def run_rule(rule: Any, model: GraphModel) -> Iterator[Finding]:
    """Runs one rule; a rule that crashes is itself a finding, and the others still run."""
    try:
        yield from list(rule.check(model))
    except errors.CheckpointError:
        raise
    except Exception as error:
        yield Finding(
            CRASH,
            "warning",
            "high",
            "",
            "",
            f"the rule {rule.RULE.code} crashed on this graph: {type(error).__name__}: {error}",
            f"Report this with the graph; the other rules ran. Leave the rule out with --ignore={CRASH}.",
        )


def assert_healthy(graph_or_op: Any, **arguments: Any) -> Report:
    """Fails when a graph has a batch-norm mistake; one call in a unit test keeps the bug away.

    Args:
      graph_or_op: the train op (its graph is audited, and it is what the program runs), or a graph.
      **arguments: as for `audit`; also `fail_on`, the least severity that fails, `"warning"` by default.

    Returns:
      The report, when nothing is wrong.

    Raises:
      AssertionError: there are findings; the text lists them with their fixes.
    """
    fail_on = arguments.pop("fail_on", "warning")
    graph = getattr(graph_or_op, "graph", None)
    if graph is not None:
        arguments.setdefault("train_op", (graph_or_op,))
    report = audit(graph if graph is not None else graph_or_op, **arguments)
    failing = report.failing(fail_on)
    if failing:
        lines = "\n".join(f"  {f.code} {f.severity} [{f.scope}] {f.message} Fix: {f.fix}" for f in failing)
        raise AssertionError(f"the graph has {len(failing)} batch-norm findings:\n{lines}")
    return report


def names_of(value: Any) -> tuple[str, ...]:
    """Returns names from one or several strings, ops or tensors."""
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, Sequence | set | frozenset):
        return tuple(item if isinstance(item, str) else str(item.name) for item in value)
    return (str(value.name),) if value is not None else ()


def _deduplicated(findings: Iterable[Finding]) -> Iterator[Finding]:
    seen = set()
    for finding in findings:
        key = (finding.code, finding.scope, finding.variable, finding.message)
        if key not in seen:
            seen.add(key)
            yield finding
