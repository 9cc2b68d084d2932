"""Gradients are reduced over all ranks, the batch-norm averages are not.

What it checks.
    An all-reduce lies between the loss and the optimizer, and none between the batch moments and the averages,
    nor on the averages themselves.

Why it matters.
    Each process keeps its own averages, only one of them saves, and the others disagree about the accuracy.

Known limits.
    An exchange before saving that is not part of this graph is not seen; confidence is low.

Fix.
    Average the statistics over the ranks before saving or evaluating, or synchronise them.

References.
    The documentation of collective all-reduce ops; peers broadcast only at the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN021", "gradients are exchanged between ranks, averages are not", "warning", "SDC")
FIX = "All-reduce the batch moments (or the averages before each save) as well as the gradients."
_REDUCES = ("CollectiveReduce", "CollectiveReduceV2", "NcclAllReduce", "HorovodAllreduce")


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm whose averages stay on their rank."""
    reduces = {node.id for node in model.flow.of_ops(_REDUCES.__contains__)}
    if not reduces or not model.trains:
        return
    below = model.flow.downstream(reduces)
    if not any(below[number] for item in model.train_ops for number in item.applies):
        return
    for site in model.sites_in_training():
        updates = model.updates(site)
        if not updates:
            continue
        exchanged = any(
            any(model.nodes[n].op in _REDUCES for n in model.flow.computed(writer.node.inputs[-1]))
            for _, writer in updates
        )
        read = [user for variable in site.statistics for user, _, _ in model.flow.users[variable.node.id]]
        exchanged = (
            exchanged
            or any(user in reduces for n in read for user, _, _ in model.flow.users[n])
            or any(model.nodes[n].op in _REDUCES for m, _ in site.moments for n in model.flow.computed((m, 0)))
        )
        if not exchanged:
            variable, writer = updates[0]
            yield RULE.finding(
                site.scope,
                f"gradients are reduced over ranks, {variable.name!r} is not: every rank keeps its own.",
                FIX,
                confidence="low",
                variable=variable.name,
                op=writer.node.name,
            )


def bad() -> samples.Sample:
    """Only the gradients are reduced."""
    return _ranks(synchronised=False)


def good() -> samples.Sample:
    """Gradients and moments are reduced."""
    return _ranks(synchronised=True)


def _ranks(synchronised: bool) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:

        def reduce(value: Any, key: int) -> Any:
            return tf.raw_ops.CollectiveReduce(
                input=value,
                group_size=2,
                group_key=1,
                instance_key=key,
                merge_op="Add",
                final_op="Div",
                subdiv_offsets=[0],
            )

        x = p.dense(p.rows())
        bn = p.variables("bn", 4)
        mean, variance = tf.nn.moments(x, [0])
        if synchronised:
            mean, variance = reduce(mean, 1), reduce(variance, 2)
        updates = [p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        pairs = optimizer.compute_gradients(p.loss(p.apply(x, bn, mean, variance)), [bn.gamma, bn.beta])
        with tf.control_dependencies(updates):
            optimizer.apply_gradients([(reduce(g, 3 + i), v) for i, (g, v) in enumerate(pairs)], name="train")
        p.save()
        return p.sample()
