"""A control_dependencies block around the updates holds no op that the train op needs.

What it checks.
    Something waits for the updates by a control edge, it is not downstream of the batch norm, and no train op
    runs it.

Why it matters.
    `with control_dependencies(updates):` acts on ops that are created inside the block. Building an optimizer
    object, a constant, or naming a tensor that exists already creates nothing that the train op runs, so the
    updates are lost although the code looks right.

Known limits.
    A block in which nothing at all is created leaves no trace in the graph; it is then reported as BN001, with
    this hint.

Fix.
    Create the train op (`minimize`, or `tf.group`) inside the block.

References.
    The documentation of tf.control_dependencies: only ops constructed within the context wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples, unreached
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN004", "the op that waits for the updates is not part of the train op", "error", "S")
FIX = "Call minimize() itself, or tf.group(train_op), inside the tf.control_dependencies block."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each average whose update only a stray op waits for."""
    for miss in unreached.of_cause(model, unreached.GATE):
        yield RULE.finding(
            miss.site.scope,
            f"the update {miss.writer.node.name!r} of {miss.variable.name!r} is a control input of"
            f" {miss.evidence.name!r}"
            f" ({miss.evidence.op}) alone, and the train op {model.train_ops[0].name!r} does not"
            " run that op.",
            unreached.fix(model, miss, FIX),
            variable=miss.variable.name,
            op=miss.writer.node.name,
            target=model.train_ops[0].name,
            path=(model.train_ops[0].name, "...", miss.evidence.name, miss.writer.node.name),
        )


def bad() -> samples.Sample:
    """Only a constant is created inside the block; the optimizer object is none."""
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()))
        loss = p.loss(bn.output)
        with samples.tf.control_dependencies(bn.updates):
            samples.tf.constant(0.1, name="learning_rate")
            optimizer = samples.tf.train.GradientDescentOptimizer(0.1)
        optimizer.minimize(loss)
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """The train op is created inside the block."""
    return samples.trained()
