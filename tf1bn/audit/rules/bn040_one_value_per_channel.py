"""The static shape leaves one value per channel in training.

What it checks.
    The product of the reduced dimensions of a batch norm in training mode is 1.

Why it matters.
    The variance of one value is 0: the output is beta alone, and the unbiased variance is 0 divided by 0. It
    happens with a batch of one and 1 x 1 feature maps.

Known limits.
    Only static shapes are seen; a last, partial batch is not.

Fix.
    Use a larger batch, drop the last partial one, or freeze the layer.

References.
    Measured: the fused kernel gives output 0 and variance 0 for N = 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples, shapes
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN040", "training normalises a single value per channel", "error", "SD")
FIX = "Use a batch of more than one, or normalise this layer with its averages."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm of single values."""
    for site in model.sites_in_training():
        if model.uses_batch(site) and shapes.values_per_channel(model, site) == 1:
            yield RULE.finding(
                site.scope,
                "one value per channel in training: the variance is 0 and the output is beta.",
                FIX,
                severity="error" if model.always_batch(site) else "warning",
                op=site.normalizers[0].node.name,
            )


def bad() -> samples.Sample:
    """One row."""
    with samples.program() as p:
        p.train(p.loss(p.norm(p.dense(p.rows(batch=1))).output))
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """Rows of unknown number."""
    with samples.program() as p:
        p.train(p.loss(p.norm(p.dense(p.rows())).output))
        p.save()
        return p.sample()
