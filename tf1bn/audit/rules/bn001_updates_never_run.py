"""The averages of a batch norm that trains are not reached from the train op.

What it checks.
    Every batch norm that the train op runs with batch statistics keeps a mean and a variance. From each train
    op (the ends of the graph behind the optimizer's applications) the data and control edges are walked
    backwards, into the bodies of branches, loops and calls. No op that moves the average is met.

Why it matters.
    Training looks perfect, because it uses the statistics of the batch. Evaluation normalises with averages
    that are still 0 and 1, and the test accuracy is that of chance. It is the most reported batch-norm bug.

Known limits.
    A program may run the updates in a call of its own, or fetch them beside the train op; a graph cannot show
    that. Name what it runs with --fetch: an op, or a whole collection by its name. An op that only gathers
    updates, also in groups of groups, is taken as a hint of such a call, and reported as information.

Fix.
    `with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)): train_op = optimizer.minimize(loss)`,
    or a batch norm that updates in place.

References.
    The documentation of tf.layers.batch_normalization and of slim.batch_norm, notes on UPDATE_OPS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import own, samples, unreached
from tf1bn.audit.finding import Finding, Rule
from tf1bn.graph.kinds import UPDATE_OPS

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN001", "the updates of the averages are not reached from the train op", "error", "SCD")
FIX = "Create the train op under tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS))."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each average that no train op moves, where no better reason is known."""
    for miss in unreached.of_cause(model, unreached.NEVER, unreached.NONE, unreached.SEPARATE):
        train_op = model.train_ops[0].name
        if miss.writer is None:
            message = (
                f"no op of the graph moves the average {miss.variable.name!r}, and training uses batch statistics."
            )
            fix = "Create the update ops: check the flags `trainable` and `updates_collections` of the layer."
            yield RULE.finding(
                miss.site.scope, message, fix, variable=miss.variable.name, target=train_op, confidence="medium"
            )
            continue
        separate = miss.cause == unreached.SEPARATE
        fix = unreached.fix(model, miss, FIX)
        if UPDATE_OPS in miss.collections:
            fix += f" If the program runs them beside the train op, say --fetch={UPDATE_OPS}."
        hint = f"; {miss.evidence.name!r} gathers it, perhaps to be run by itself" if miss.evidence else ""
        if not model.flow.children[miss.writer.node.id]:
            hint = "; nothing at all uses it, so a control_dependencies block around it created no op"
        yield RULE.finding(
            miss.site.scope,
            f"the update {miss.writer.node.name!r} of {miss.variable.name!r} is not reached from the train op"
            f" {train_op!r}{hint}.{own.spoken(model, miss.site)}",
            f"If the program runs it, say --fetch={miss.evidence.name}; else: {FIX}"
            if separate and miss.evidence
            else fix,
            severity="info" if separate else "",
            confidence="low" if separate else "high" if model.collections else "medium",
            variable=miss.variable.name,
            op=miss.writer.node.name,
            target=train_op,
            path=miss.path(model),
        )


def bad() -> samples.Sample:
    """The collection is never looked at."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images())).output
        p.train(p.loss(y), updates=())
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """The train op waits for the collection."""
    return samples.trained()
