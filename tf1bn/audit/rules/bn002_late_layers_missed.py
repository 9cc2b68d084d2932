"""The train op runs the updates of some batch norms and misses those of others.

What it checks.
    Of the batch norms that the train op runs in training mode, some have their averages moved by it and some do
    not. The missed ones are reported with a layer that is reached.

Why it matters.
    UPDATE_OPS was read before all layers were built, or filtered by the scope of one tower. The missed layers
    evaluate with averages of 0 and 1, and the model is wrong in one part only.

Known limits.
    A layer whose updates are left out on purpose looks the same; suppress it by its scope.

Fix.
    Read the collection after the last layer is built, without a scope filter.

References.
    The documentation of tf.get_collection: it returns a copy of the list at the time of the call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import own, samples, unreached
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN002", "the train op reaches the updates of some layers only", "error", "S")
FIX = "Read tf.get_collection(tf.GraphKeys.UPDATE_OPS) after the last layer is built, and without a scope filter."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each missed average."""
    for miss in unreached.of_cause(model, unreached.SUBSET):
        yield RULE.finding(
            miss.site.scope,
            f"the train op {model.train_ops[0].name!r} runs the updates of other batch norms (for example at"
            f" {miss.evidence.name!r}) but not {miss.writer.node.name!r}, which moves {miss.variable.name!r}."
            + own.spoken(model, miss.site),
            unreached.fix(model, miss, FIX),
            variable=miss.variable.name,
            op=miss.writer.node.name,
            target=model.train_ops[0].name,
            path=miss.path(model),
        )


def bad() -> samples.Sample:
    """The collection is read between two layers."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), "bn0").output
        early = samples.tf.get_collection(samples.UPDATE_OPS)
        y = p.norm(p.conv(y, name="conv1"), "bn1").output
        p.train(p.loss(y), early)
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """The collection is read after the last layer."""
    return samples.trained(3)
