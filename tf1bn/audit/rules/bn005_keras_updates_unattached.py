"""A Keras batch norm in a graph: its updates belong to the layer object and to nothing else.

What it checks.
    A variable of a batch norm named as Keras names its layers has assign ops that are in no collection and that
    no train op runs.

Why it matters.
    Keras layers keep their updates on the layer object. In a v1 graph UPDATE_OPS stays empty,
    `control_dependencies` over it waits for nothing, and the averages stay at their initial values. This is
    silent on current TensorFlow.

Known limits.
    The family is recognised by the layer's name; a renamed layer is reported as BN001.

Fix.
    Add `layer.updates` to UPDATE_OPS where the layer has them, or use a batch norm made for graphs.

References.
    The Keras documentation of BatchNormalization; measured with Keras 3 and tf_keras in a v1 graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples, unreached
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN005", "a Keras layer's updates are in no collection and never run", "error", "SD")
FIX = "Replace the Keras layer by a graph batch norm (tf1bn.batch_norm), or group layer.updates with the train op."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each average of a Keras layer that never moves."""
    for miss in unreached.of_cause(model, unreached.KERAS):
        yield RULE.finding(
            miss.site.scope,
            f"the update {miss.writer.node.name!r} of {miss.variable.name!r} is in no collection and nothing runs it:"
            " Keras keeps updates on the layer object.",
            FIX,
            variable=miss.variable.name,
            op=miss.writer.node.name,
            target=model.train_ops[0].name,
            path=miss.path(model),
        )


def bad() -> samples.Sample:
    """A layer with Keras' name, whose updates are in no collection."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), "batch_normalization", collection=None).output
        p.train(p.loss(y), updates=())
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """The same layer, with its updates grouped with the train op."""
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()), "batch_normalization", collection=None)
        samples.tf.group(p.train(p.loss(bn.output)), *bn.updates)
        p.save()
        return p.sample()
