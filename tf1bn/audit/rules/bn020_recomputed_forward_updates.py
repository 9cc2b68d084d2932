"""The forward pass that is recomputed for the gradients also moves the averages.

What it checks.
    An update of an average lies in a scope made for gradients or recomputation, beside another update of the
    same average.

Why it matters.
    Activation recomputation builds the layers twice. If the second copy keeps its updates, the decay acts twice
    per step. `tf.recompute_grad` does so under tf1bn's collection strategy when UPDATE_OPS is read after the gradients
    are built.

Known limits.
    The scopes are recognised by their names.

Fix.
    Skip the updates when rebuilding the forward pass, or read UPDATE_OPS before it is rebuilt.

References.
    Chen et al., 2016, on recomputing activations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel
    from tf1bn.graph.variables import Variable, Writer

RULE = Rule("BN020", "a recomputed forward pass updates the averages again", "warning", "SD")
FIX = "Read UPDATE_OPS before the gradients are built, or build the recomputed copy without updates."
_SCOPE = re.compile(r"(^|/)(gradients?|recompute[^/]*|remat[^/]*|checkpointed)(_\d+)?/", re.IGNORECASE)


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each update in a recomputed copy."""
    done = set()
    for site in model.sites:
        for variable in site.statistics:
            for writer in _again(model, variable):
                if writer.node.id in done:
                    continue
                done.add(writer.node.id)
                yield RULE.finding(
                    site.scope,
                    f"{writer.node.name!r} moves {variable.name!r} again in a recomputed forward pass.",
                    FIX,
                    variable=variable.name,
                    op=writer.node.name,
                )


def _again(model: GraphModel, variable: Variable) -> list[Writer]:
    """The writers of a recomputed copy that run; inside a gradient their arithmetic is taken for that of one."""
    writers = variable.of_kind("update", "gradient")
    if all(_SCOPE.search(writer.node.name) for writer in writers):
        return []
    copies = [writer for writer in writers if _SCOPE.search(writer.node.name) and model.ran[writer.node.id]]
    return [item for item in copies if any(map(model.flow.is_batch_moment, item.sources))]


def bad() -> samples.Sample:
    """The copy waits for the first update, and updates again."""
    return _recomputed(again=True)


def good() -> samples.Sample:
    """The copy does not update."""
    return _recomputed(again=False)


def _recomputed(again: bool) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        x = p.rows()
        first = p.norm(p.dense(x), collection=None)
        updates = list(first.updates)
        with tf.control_dependencies(first.updates), tf.name_scope("recompute"):
            mean, variance = tf.nn.moments(p.dense(x), [0])
            p.apply(p.dense(x), first, mean, variance)
            if again:
                updates += [p.move(first.mean, mean), p.move(first.variance, variance, suffix="_1")]
        p.train(p.loss(first.output), updates)
        p.save()
        return p.sample()
