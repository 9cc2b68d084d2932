"""The updates run when the loss is fetched, and not when the train op runs.

What it checks.
    An op downstream of the batch norm waits for the updates by a control edge, but no train op runs that op.

Why it matters.
    `with control_dependencies(updates): loss = tf.identity(loss)` does not carry the updates into the train op:
    gradients are computed from the layers, not from the value of the loss. A program that fetches only the
    train op never moves its averages.

Known limits.
    If the program always fetches this op together with the train op, say so with --fetch.

Fix.
    Put the control dependency around `minimize` or `apply_gradients`.

References.
    The documentation of tf.control_dependencies and of tf.gradients.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples, unreached
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN003", "the updates are control inputs of the loss, not of the train op", "error", "S")
FIX = "Move tf.control_dependencies(update_ops) from the loss to minimize() or apply_gradients()."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each average whose update only the loss waits for."""
    for miss in unreached.of_cause(model, unreached.LOSS):
        yield RULE.finding(
            miss.site.scope,
            f"the update {miss.writer.node.name!r} of {miss.variable.name!r} is a control input of"
            f" {miss.evidence.name!r},"
            f" which the train op {model.train_ops[0].name!r} does not run:"
            " gradients do not depend on its value.",
            unreached.fix(model, miss, FIX),
            variable=miss.variable.name,
            op=miss.writer.node.name,
            target=model.train_ops[0].name,
            path=(model.train_ops[0].name, "...", miss.evidence.name, miss.writer.node.name),
        )


def bad() -> samples.Sample:
    """The loss is wrapped, then minimised."""
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()))
        loss = p.loss(bn.output)
        with samples.tf.control_dependencies(bn.updates):
            loss = samples.tf.identity(loss)
        p.train(loss, updates=())
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """The output of the layer waits, so the gradients do too."""
    return samples.trained(on_output=True, collection=None)
