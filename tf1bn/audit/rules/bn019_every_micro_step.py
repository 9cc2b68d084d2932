"""With gradient accumulation the averages move at every micro-step, the weights at every n-th.

What it checks.
    An optimizer applies gradients that come from an accumulator variable, and the op that fills the accumulator
    also runs updates of averages.

Why it matters.
    The accumulated step is meant to act like one large batch. The averages see n small batches: their decay is
    n times as fast, and their variance is that of a small batch.

Known limits.
    Only accumulators that are variables of the graph are seen.

Fix.
    Accumulate the batch moments as well and write once per real step, or take decay ** (1 / n).

References.
    Goyal et al., 2017, section 2.3, on batch-norm statistics and effective batch size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN019", "averages move at every micro-step of an accumulated gradient", "info", "S")
FIX = "Use decay ** (1 / n) for n micro-steps, or accumulate the batch moments and write once."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm that moves while gradients are accumulated."""
    accumulators: set[int] = set()
    for item in model.train_ops:
        for number in item.applies:
            for variable in model.variables.among(model.flow.sources(model.nodes[number].inputs[-1])):
                adds = [w for w in variable.writers if w.node.op in ("AssignAdd", "AssignAddVariableOp")]
                accumulators.update(w.node.id for w in adds if variable.name not in model.gradients)
    if not accumulators:
        return
    filling = model.flow.downstream(accumulators)
    ends = [number for number, mark in enumerate(filling) if mark and not model.flow.children[number]]
    ran = model.flow.reach([*ends, *accumulators])
    for site in model.sites:
        moved = [(v, w) for v, w in model.updates(site) if ran[w.node.id]]
        if moved:
            yield RULE.finding(
                site.scope,
                f"{moved[0][1].node.name!r} runs each time that gradients are accumulated.",
                FIX,
                variable=moved[0][0].name,
                op=moved[0][1].node.name,
            )


def bad() -> samples.Sample:
    """The accumulating step waits for the updates."""
    return _accumulated("fill")


def good() -> samples.Sample:
    """The applying step waits for the updates."""
    return _accumulated("apply")


def _accumulated(where: str) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        bn = p.norm(p.dense(p.rows()), collection=None)
        weights = tf.trainable_variables()
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        fill, pairs = [], []
        for number, (gradient, weight) in enumerate(optimizer.compute_gradients(p.loss(bn.output), weights)):
            total = tf.get_variable(f"total{number}", weight.shape, trainable=False, initializer=tf.zeros_initializer())
            with tf.control_dependencies(bn.updates if where == "fill" else ()):
                fill.append(tf.assign_add(total, gradient))
            pairs.append((tf.identity(total), weight))
        tf.group(*fill, name="accumulate")
        with tf.control_dependencies(bn.updates if where == "apply" else ()):
            train_op = optimizer.apply_gradients(pairs, name="train")
        p.save()
        fetches = ("accumulate",) if where == "fill" else ()
        return p.sample(train_op=(train_op.name,), fetches=fetches)
