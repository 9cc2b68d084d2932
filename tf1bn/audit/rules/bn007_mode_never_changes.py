"""The mode of the batch norm never changes: its switch is a constant, or the program's flag reaches nothing.

What it checks.
    Either the tensor that chooses the statistics comes from a constant, or the graph has a bool placeholder
    named like a training flag that no batch norm uses while every mode is fixed.

Why it matters.
    The program feeds a flag and believes that it switches between training and evaluation; the batch norm does
    the same in both.

Known limits.
    A flag that only drives dropout while the batch norm is in a graph of its own is right; it is reported with
    low confidence. A placeholder with a default is taken as fed.

Fix.
    Wire the flag to the batch norm.

References.
    The documentation of tf.layers.batch_normalization, argument `training`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule
from tf1bn.graph.switches import CONSTANT

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN007", "the training switch does not reach the batch norm", "warning", "SD")
FIX = "Pass the flag as the batch norm's training argument, or remove it."
_FLAG = re.compile(r"train|phase|learning_phase", re.IGNORECASE)


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields a finding for a constant switch, and for a flag that reaches no batch norm."""
    for site in model.sites:
        if site.predicate is not None and model.switches.kind(site.predicate) == CONSTANT:
            node = model.nodes[site.predicate[0]]
            yield RULE.finding(
                site.scope,
                f"the statistics are chosen by the constant {node.name!r}: the mode never changes.",
                FIX,
                op=node.name,
            )
    fixed = model.sites and all(site.predicate is None for site in model.sites)
    if not fixed or not model.trains or not any(model.always_batch(site) for site in model.sites_in_training()):
        return
    for node in model.flow.of_ops("Placeholder".__eq__):
        kind = node.attr("dtype")
        if kind is None or kind.type != 10 or not _FLAG.search(node.name):
            continue
        used = model.flow.downstream([node.id])
        if not any(used[anchor] for site in model.sites for anchor in site.anchors):
            yield RULE.finding(
                model.sites[0].scope,
                f"no batch norm depends on the flag {node.name!r}; their mode is fixed.",
                FIX,
                confidence="low",
                op=node.name,
            )


def bad() -> samples.Sample:
    """A flag is made, and forgotten."""
    with samples.program() as p:
        samples.tf.placeholder(samples.tf.bool, [], "is_training")
        y = p.norm(p.conv(p.images())).output
        p.train(p.loss(y))
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """The flag switches the batch norm."""
    with samples.program() as p:
        flag = samples.tf.placeholder(samples.tf.bool, [], "is_training")
        y = p.norm(p.conv(p.images()), training=flag).output
        p.train(p.loss(y))
        p.save()
        return p.sample()
