"""The fused kernel keeps an unbiased variance, and the batch is small enough for that to show.

What it checks.
    In training, where a fused op with a known static shape feeds the average: N values per channel, the factor
    N / (N - 1). Below 64 values it is reported.

Why it matters.
    The plain path keeps the biased variance. Changing from one to the other changes the averages by this
    factor.

Known limits.
    Shapes that are not static cannot be judged. tf1bn's own layers state their estimator and are left out.

Fix.
    State the estimator, and convert by the factor when migrating.

References.
    Measured: `fused_batch_norm(is_training=True)` returns the unbiased variance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples, shapes
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN039", "fused and plain paths keep different variances at this batch size", "info", "SC")
FIX = "Nothing, if only one path is used; multiply by (N - 1) / N when moving to the plain path."
_SMALL = 64


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm with few values per channel."""
    for site in model.sites_in_training():
        if not site.fused or not model.uses_batch(site) or site.scope in model.records or not model.updates(site):
            continue
        count = shapes.values_per_channel(model, site)
        if count is not None and 1 < count < _SMALL:
            yield RULE.finding(
                site.scope,
                f"{count} values per channel: the fused kernel's variance is {count / (count - 1):.4f} of the"
                f" plain one.",
                FIX,
                op=site.normalizers[0].node.name,
            )


def bad() -> samples.Sample:
    """Two images of 2 x 2."""
    with samples.program() as p:
        p.train(p.loss(p.norm(p.conv(p.images(size=2, batch=2))).output))
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """Thirty-two images of 8 x 8."""
    with samples.program() as p:
        p.train(p.loss(p.norm(p.conv(p.images(batch=32))).output))
        p.save()
        return p.sample()
