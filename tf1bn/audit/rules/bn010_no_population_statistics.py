"""A batch norm in training keeps no population statistics in any mode.

What it checks.
    The moments of the batch feed the normaliser and no variable anywhere keeps an average of them.

Why it matters.
    One image cannot be run at test time, and the result depends on what else is in the batch.

Known limits.
    Some models do it on purpose, as image translation networks and meta-learning do; confidence is low for that
    reason.

Fix.
    Keep moving averages, or estimate population statistics from data for weights that exist.

References.
    Ioffe and Szegedy, 2015, section 3.1: inference uses population statistics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN010", "training normalises with batch statistics and keeps no averages", "warning", "S")
FIX = "Keep moving averages (tf1bn.batch_norm), or compute population statistics of the data set before serving."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each trained batch norm without kept statistics."""
    for site in model.sites_in_training():
        if model.always_batch(site) and not site.statistics:
            yield RULE.finding(
                site.scope,
                "it normalises with the statistics of the batch, and no variable keeps averages of them.",
                FIX,
                confidence="low",
                op=site.normalizers[0].node.name,
            )


def bad() -> samples.Sample:
    """Moments, straight into the normaliser."""
    tf = samples.tf
    with samples.program() as p:
        y = p.conv(p.images())
        mean, variance = tf.nn.moments(y, [0, 1, 2])
        beta = tf.get_variable("norm/beta", [4], initializer=tf.zeros_initializer())
        p.train(p.loss(tf.nn.batch_normalization(y, mean, variance, beta, None, 1e-3)))
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """Instance norm, whose moments are of one image."""
    tf = samples.tf
    with samples.program() as p:
        y = p.conv(p.images())
        mean, variance = tf.nn.moments(y, [1, 2], keep_dims=True)
        p.train(p.loss(tf.nn.batch_normalization(y, mean, variance, None, None, 1e-3)))
        p.save()
        return p.sample()
