"""An entry of UPDATE_OPS reads an average without the assignment among what it needs.

What it checks.
    Each entry of UPDATE_OPS that hands on a statistic must run an op that writes it.

Why it matters.
    Exported modules and conversions sometimes register the variable that is read after the assignment. Running
    the collection then runs, without an error, and updates nothing.

Known limits.
    Only direct reads are looked at, not arithmetic on them.

Fix.
    Register the assignment operation itself.

References.
    The documentation of tf.Graph.add_to_collection; tf.GraphKeys.UPDATE_OPS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN009", "UPDATE_OPS holds a read of the average, not its update", "warning", "S")
FIX = "Add the assign op itself to tf.GraphKeys.UPDATE_OPS."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each entry that only reads."""
    owners = {variable.node.id: (site, variable) for site in model.sites for variable in site.statistics}
    for number in model.update_ops:
        node = model.nodes[number]
        if node.op not in ("Identity", "ReadVariableOp", "VariableV2", "Variable", "VarHandleOp"):
            continue
        found = [owners[source] for source, _ in model.flow.origins((number, 0)) if source in owners]
        ran = model.flow.reach([number])
        for site, variable in found:
            if not any(ran[writer.node.id] for writer in variable.of_kind("update", "other")):
                yield RULE.finding(
                    site.scope,
                    f"the entry {node.name!r} of UPDATE_OPS reads {variable.name!r} and updates nothing.",
                    FIX,
                    variable=variable.name,
                    op=node.name,
                )


def bad() -> samples.Sample:
    """The collection holds the read as well as the update."""
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()))
        samples.tf.add_to_collection(samples.UPDATE_OPS, samples.tf.identity(bn.mean, name="mean_after"))
        p.train(p.loss(bn.output))
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """The collection holds a read that waits for the update."""
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()), collection=None)
        with samples.tf.control_dependencies(bn.updates):
            samples.tf.add_to_collection(samples.UPDATE_OPS, samples.tf.identity(bn.mean, name="mean_after"))
        p.train(p.loss(bn.output))
        p.save()
        return p.sample()
