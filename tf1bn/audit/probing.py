"""A few runs of a session that settle what a graph cannot tell. Every variable is put back afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.audit.finding import Finding
from tf1bn.audit.rules import bn001_updates_never_run as never_run
from tf1bn.audit.rules import bn014_inference_moves_averages as moved_at_inference
from tf1bn.audit.rules import bn025_stored_damaged_values as damaged
from tf1bn.audit.rules import bn033_initialized_after_restore as initialized
from tf1bn.audit.rules import bn034_batch_statistics_at_inference as depends
from tf1bn.graph import running
from tf1bn.graph.model import GraphModel
from tf1bn.graph.values import CheckpointValues


class ProbeReport(NamedTuple):
    """What the runs showed; None where a question was not asked.

    Attributes:
      averages_move_in_training: whether one run of the train op moves every average.
      averages_move_at_inference: whether one run of the output moves any average.
      rows_depend_on_others: whether one row's result changes with the other rows.
      values_are_initial: whether every average still has its initial value.
      findings: what is wrong about it.
    """

    averages_move_in_training: bool | None
    averages_move_at_inference: bool | None
    rows_depend_on_others: bool | None
    values_are_initial: bool
    findings: tuple[Finding, ...]


def probe(
    session: Any,
    *,
    train_op: Any = None,
    train_feed: Mapping[Any, Any] | None = None,
    output: Any = None,
    feed: Mapping[Any, Any] | None = None,
    checkpoint: Any = None,
    tolerance: float = 1e-4,
) -> ProbeReport:
    """Answers by running: do the averages move in training, at inference; does a row depend on the others?

    Args:
      session: a session in which the model is initialised or restored; monitored sessions work as well.
      train_op: the op that the program runs to train; not asked when None.
      train_feed: what the program feeds in training.
      output: an output that the program serves, batch first; not asked when None.
      feed: what the program feeds at inference, with at least two rows.
      checkpoint: the checkpoint that was just restored, to see whether the values are still those.
      tolerance: relative difference of a row that counts as a dependence on the others.

    Returns:
      A ProbeReport. All variables of the graph have their old values again, also when a run fails.

    Raises:
      ArgumentError: the graph has no kept statistics, or `feed` has fewer than two rows.
    """
    with errors.located("probe"):
        model = GraphModel(session.graph)
        owners = {variable.name: site for site in model.sites for variable in site.statistics}
        averages = [variable for variable, _ in _values(session) if variable.op.name in owners]
        if not averages:
            raise errors.ArgumentError(
                errors.explain("the graph keeps no batch-norm statistics", expected="moving averages")
            )
        asked = _Probe(session, averages, owners, dict(train_feed or {}), dict(feed or {}), tolerance)
        with restored(session):
            findings = list(asked.values(checkpoint))
            training = asked.training(train_op, findings) if train_op is not None else None
        inference = rows = None
        if output is not None:
            with restored(session):
                inference = asked.inference(output, findings)
            with restored(session):
                rows = asked.rows(output, findings)
        return ProbeReport(training, inference, rows, asked.initial, tuple(findings))


@contextlib.contextmanager
def restored(session: Any) -> Iterator[None]:
    """Puts every initialised variable of the session's graph back to its value when the block is left."""
    before = _values(session)
    try:
        yield
    finally:
        running.load(session, before)


def _values(session: Any) -> list[tuple[Any, np.ndarray]]:
    """The variables of the session's graph that have a value, with it."""
    graph = session.graph
    found = graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES) + graph.get_collection(tf.GraphKeys.LOCAL_VARIABLES)
    return running.known(session, list({id(item): item for item in found}.values()))


class _Probe:
    """The questions, with what they share."""

    def __init__(
        self, session: Any, averages: list[Any], owners: Any, train_feed: Any, feed: Any, tolerance: float
    ) -> None:
        self.session = session
        self.averages = averages
        self.owners = owners
        self.train_feed = train_feed
        self.feed = feed
        self.tolerance = tolerance
        self.initial = False

    def values(self, checkpoint: Any) -> Iterator[Finding]:
        """Yields findings about the values as they are."""
        stored: Any = CheckpointValues(checkpoint) if checkpoint is not None else None
        initial = []
        for variable, value in zip(self.averages, self.session.run(self.averages), strict=True):
            name = variable.op.name
            site = self.owners[name]
            first = float(any(item.name == name for item in site.variance))
            initial.append(bool(np.all(value == first)))
            saved = stored.get(name) if stored is not None else None
            if not np.all(np.isfinite(value)):
                yield damaged.RULE.finding(site.scope, f"{name!r} is not finite.", damaged.FIX, variable=name)
            if saved is not None and initial[-1] and not np.array_equal(saved, value):
                yield initialized.RULE.finding(
                    site.scope,
                    f"{name!r} has its initial value and not that of {stored.where!r}.",
                    initialized.FIX,
                    variable=name,
                )
        self.initial = all(initial)

    def training(self, train_op: Any, findings: list[Finding]) -> bool:
        """Runs the train op once."""
        before = self.session.run(self.averages)
        self.session.run(train_op, self.train_feed)
        after = self.session.run(self.averages)
        still = [v.op.name for v, a, b in zip(self.averages, before, after, strict=True) if np.array_equal(a, b)]
        for name in still:
            findings.append(
                never_run.RULE.finding(
                    self.owners[name].scope,
                    f"one training step leaves {name!r} as it was.",
                    never_run.FIX,
                    variable=name,
                )
            )
        return not still

    def inference(self, output: Any, findings: list[Finding]) -> bool:
        """Runs the output once."""
        before = self.session.run(self.averages)
        self.session.run(output, self.feed)
        after = self.session.run(self.averages)
        moved = [
            v.op.name
            for v, a, b in zip(self.averages, before, after, strict=True)
            if not np.array_equal(a, b, equal_nan=True)
        ]
        for name in moved:
            findings.append(
                moved_at_inference.RULE.finding(
                    self.owners[name].scope, f"one inference run moves {name!r}.", moved_at_inference.FIX, variable=name
                )
            )
        return bool(moved)

    def rows(self, output: Any, findings: list[Finding]) -> bool:
        """Runs the output with other rows beside the first one."""
        batches = {key: np.asarray(value) for key, value in self.feed.items() if np.ndim(value) > 0}
        if not batches or any(len(value) < 2 for value in batches.values()):
            raise errors.ArgumentError(
                errors.explain(
                    "`feed` must have at least two rows to see whether they depend on each other",
                    got={str(key): value.shape for key, value in batches.items()},
                )
            )
        plain = np.asarray(self.session.run(output, self.feed))
        changed = dict(self.feed)
        for key, value in batches.items():
            if value.dtype.kind == "f":
                others = value[1:][::-1] * 3 + 1
                changed[key] = np.concatenate([value[:1], others.astype(value.dtype)])
        other = np.asarray(self.session.run(output, changed))
        scale = np.max(np.abs(plain[0])) + 1e-6
        differs = bool(np.max(np.abs(plain[0] - other[0])) > self.tolerance * scale)
        if differs:
            findings.append(
                depends.RULE.finding(
                    next(iter(self.owners.values())).scope,
                    "the result of the first row changes with the other rows.",
                    depends.FIX,
                    op=str(getattr(output, "name", output)),
                )
            )
        return differs
