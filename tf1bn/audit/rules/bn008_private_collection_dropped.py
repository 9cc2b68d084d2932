"""The updates were put in a collection of their own, and no train op runs it.

What it checks.
    Every op that moves an average is in some collection other than UPDATE_OPS, and no train op reaches any of
    them. Each collection that holds such updates is named.

Why it matters.
    A private collection (`updates_collections=...`) or list is a promise to run it. Train loops that look at
    UPDATE_OPS only do not keep it.

Known limits.
    A program that runs the collection in a call of its own looks the same; name it with --fetch. An entry that
    gathers updates, also in groups of groups, is more likely run like that than the updates one by one, and is
    reported as a warning.

Fix.
    Group the collection with the train op, or leave the updates in UPDATE_OPS.

References.
    The documentation of slim.batch_norm, argument `updates_collections`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples, unreached
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN008", "the updates are in a collection that nothing runs", "error", "S")


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each average whose updates only a private collection holds."""
    for miss in unreached.of_cause(model, unreached.PRIVATE):
        keys = unreached.private(miss.collections)
        names = ", ".join(repr(name) for name in keys)
        gathered = f", where {miss.evidence.name!r} gathers it" if miss.evidence else ""
        yield RULE.finding(
            miss.site.scope,
            f"the update {miss.writer.node.name!r} of {miss.variable.name!r} is in the collection {names}{gathered},"
            " and no train op runs that.",
            unreached.fix(model, miss, f"Make the train op wait for tf.get_collection({keys[0]!r}) too.")
            + f" If the program runs it beside the train op, say --fetch={keys[0]}.",
            severity="warning" if miss.evidence else "",
            confidence="medium" if miss.evidence else "high",
            variable=miss.variable.name,
            op=miss.writer.node.name,
            target=model.train_ops[0].name,
            path=miss.path(model),
        )


def bad() -> samples.Sample:
    """A private collection, and a train op that waits for UPDATE_OPS."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), collection="bn_updates").output
        p.train(p.loss(y))
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """A private collection that the train op waits for."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), collection="bn_updates").output
        p.train(p.loss(y), samples.tf.get_collection("bn_updates"))
        p.save()
        return p.sample()
