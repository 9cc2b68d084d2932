"""An op made inside a branch of tf.cond is in UPDATE_OPS, or the train op waits for it.

What it checks.
    Entries of UPDATE_OPS must run unconditionally, or be the output of the conditional. An entry inside a
    branch is reported; so is an optimizer application that runs only when the branch is taken because of a
    control edge.

Why it matters.
    With control flow v1 the whole train step then silently does nothing when the branch is not taken: no error,
    weights do not move. With control flow v2 building the train op fails.

Known limits.
    A train step that is itself inside the branch on purpose is left alone.

Fix.
    Register the output of the conditional, or switch the decay to 1 outside of training.

References.
    The documentation of tf.cond; measured on TensorFlow 2.15 and 2.21.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples, unreached
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN012", "UPDATE_OPS holds an op from inside a conditional branch", "error", "SD")
FIX = (
    "Put the output of tf.cond in UPDATE_OPS instead of the op inside its branch, or update in place;"
    " or rewrite the graph: tf1bn audit --fix."
)


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each entry that lives in a branch."""
    owners = {w.node.id: (site, v, w) for site in model.sites for v, w in model.updates(site)}
    entries = set(model.update_ops)
    for number, (site, variable, writer) in sorted(owners.items()):
        if not model.gates(number) or any(item[0] == "loop" for item in model.flow.contexts[number]):
            continue
        stalled = unreached.stalled(model, number)
        if number in entries or stalled or unreached.foreign(model, writer.node):
            effect = (
                f"{stalled!r} runs only when that branch is taken"
                if stalled
                else "it cannot be a control input outside"
            )
            yield RULE.finding(
                site.scope,
                f"{writer.node.name!r}, which moves {variable.name!r}, is inside a conditional branch, and {effect}.",
                FIX,
                variable=variable.name,
                op=writer.node.name,
                target=stalled,
            )


def bad() -> samples.Sample:
    """The assigns of a branch function are put in the collection."""
    tf = samples.tf
    with samples.program() as p:
        flag = tf.placeholder(tf.bool, [], "phase_train")
        y = p.conv(p.images())
        bn = p.variables("bn", 4)
        inner = []

        def train() -> tuple[Any, Any]:
            mean, variance = tf.nn.moments(y, [0, 1, 2])
            inner.extend([p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")])
            return mean, variance

        mean, variance = tf.cond(flag, train, lambda: (tf.identity(bn.mean), tf.identity(bn.variance)))
        for op in inner:
            tf.add_to_collection(samples.UPDATE_OPS, op)
        p.train(p.loss(p.apply(y, bn, mean, variance)), () if tf.control_flow_v2_enabled() else inner)
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """The outputs of a conditional are put in the collection."""
    tf = samples.tf
    with samples.program() as p:
        flag = tf.placeholder(tf.bool, [], "phase_train")
        bn = p.norm(p.conv(p.images()), training=flag, collection=None)
        for variable, moment in ((bn.mean, bn.batch_mean), (bn.variance, bn.batch_variance)):
            moved = tf.cond(
                flag, lambda v=variable, m=moment: tf.identity(p.move(v, m)), lambda v=variable: tf.identity(v)
            )
            tf.add_to_collection(samples.UPDATE_OPS, moved)
        p.train(p.loss(bn.output))
        p.save()
        return p.sample()
