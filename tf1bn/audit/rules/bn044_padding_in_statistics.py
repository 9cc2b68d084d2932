"""The model has a sequence mask that no batch norm uses.

What it checks.
    A graph that computes a sequence mask, and a trained batch norm over sequences whose moments do not depend
    on it.

Why it matters.
    Padding is a distribution of its own: zeros pull the mean to 0 and the variance down, more in short batches.

Known limits.
    Advice at low confidence: the padding may be masked in another way.

Fix.
    Use masked moments (batch weights).

References.
    The documentation of slim.batch_norm, argument `batch_weights`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN044", "padded positions may count in the statistics", "warning", "S")
FIX = "Pass the mask as weights of the batch moments."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm over sequences that ignores the mask."""
    masks = [node.id for node in model.nodes if node.op == "Less" and "SequenceMask" in node.name]
    if not masks:
        return
    masked = model.flow.downstream(masks)
    for site in model.sites_in_training():
        rank = model.flow.rank(site.x)
        moments = [number for number, _ in site.moments]
        if rank == 3 and moments and not any(masked[number] for number in moments):
            yield RULE.finding(
                site.scope,
                f"its moments ignore the mask {model.nodes[masks[0]].name!r}: padded positions count.",
                FIX,
                confidence="low",
                op=site.normalizers[0].node.name,
            )


def bad() -> samples.Sample:
    """A masked loss, and moments over everything."""
    return _padded(masked=False)


def good() -> samples.Sample:
    """Masked moments."""
    return _padded(masked=True)


def _padded(masked: bool) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        x = tf.placeholder(tf.float32, [None, 6, 4], "tokens")
        mask = tf.cast(tf.sequence_mask(tf.placeholder(tf.int32, [None], "lengths"), 6), tf.float32)[:, :, None]
        bn = p.variables("bn", 4)
        weighed = x * mask if masked else x
        mean = tf.reduce_mean(weighed, [0, 1])
        variance = tf.reduce_mean(tf.square(weighed - mean), [0, 1])
        updates = [p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]
        p.train(p.loss(p.apply(x, bn, mean, variance) * mask), updates)
        p.save()
        return p.sample()
