"""A frozen graph whose batch norm still uses the statistics of the batch.

What it checks.
    In a graph without variables: a fused batch norm with is_training, one whose mean and variance are empty
    constants, and moments of the batch in the normaliser.

Why it matters.
    The graph was frozen from the training graph. Converters refuse it, or drop the averages; its answers depend
    on the batch.

Known limits.
    A spelled-out batch norm without any averages is reported too, with low confidence: it may be on purpose.

Fix.
    Freeze the inference graph; or rewrite the training graph before freezing.

References.
    The documentation of FusedBatchNormV3: mean and variance are empty in training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN035", "a frozen graph holds a batch norm in training mode", "error", "S")
FIX = "Freeze a graph built with training=False."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm of a frozen graph that is in training mode."""
    if not model.frozen:
        return
    for site in model.sites:
        item = site.normalizers[0]
        shape = model.flow.shape(item.mean) if item.fused else None
        empty = shape is not None and 0 in shape
        if model.uses_batch(site) or empty:
            how = "its mean is an empty constant" if empty else "it uses the statistics of the batch"
            yield RULE.finding(
                site.scope,
                f"the frozen {item.node.op} {item.node.name!r} is in training mode: {how}.",
                FIX,
                confidence="high" if site.fused else "low",
                op=item.node.name,
            )


def bad() -> samples.Sample:
    """A frozen training graph."""
    return samples.frozen(lambda p: p.norm(p.conv(p.images()), collection=None).output)


def good() -> samples.Sample:
    """A frozen inference graph."""
    return samples.frozen(lambda p: p.norm(p.conv(p.images()), training=False).output)
