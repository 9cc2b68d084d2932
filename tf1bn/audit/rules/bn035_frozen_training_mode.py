"""A frozen graph whose batch norm still uses the statistics of the batch.

What it checks.
    In a graph without variables: a fused batch norm with is_training, one whose mean and variance are empty
    constants, and moments of the batch in the normaliser. A switch that is still there is asked what it selects
    when nobody turns it; where it selects the averages, that it is there is reported as information.

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
from tf1bn.graph.site import MOVING, Normalizer, Site
from tf1bn.graph.switches import CONSTANT

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN035", "a frozen graph holds a batch norm in training mode", "error", "S")
FIX = "Freeze a graph built with training=False."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm of a frozen graph that is, or can be put, in training mode."""
    if not model.frozen:
        return
    for site in model.sites:
        item = next((item for item in site.normalizers if item.mode != MOVING), site.normalizers[0])
        empty = item.fused and 0 in (model.flow.shape(item.mean) or ())
        if site.predicate is not None:
            yield from _switched(model, site, item)
        elif model.uses_batch(site) or empty:
            how = "its mean is an empty constant" if empty else "it uses the statistics of the batch"
            yield RULE.finding(
                site.scope,
                f"the frozen {item.node.op} {item.node.name!r} is in training mode: {how}.",
                FIX,
                confidence="high" if site.fused else "low",
                op=item.node.name,
            )


def _switched(model: GraphModel, site: Site, item: Normalizer) -> Iterator[Finding]:
    """Says what a switch that is still in the graph does when nobody turns it."""
    name = model.nodes[site.predicate[0]].name if site.predicate else ""
    if model.always_batch(site):
        text = f"the frozen {item.node.op} {item.node.name!r} is in training mode: {name!r} selects the batch."
        yield RULE.finding(site.scope, text, FIX, confidence="high", op=item.node.name, target=name)
        return
    default = model.switches.default(site.predicate) if site.predicate else None
    if site.predicate and model.switches.kind(site.predicate) == CONSTANT:
        return
    if default is not None and default == site.by_batch:
        text = f"unless {name!r} is fed, the frozen {item.node.name!r} uses the statistics of the batch."
        yield RULE.finding(site.scope, text, FIX, confidence="high", op=item.node.name, target=name)
        return
    fed = "" if default is not None else f", and every run must feed {not site.by_batch}"
    yield RULE.finding(
        site.scope,
        f"the training switch {name!r} is still in the frozen graph{fed}.",
        FIX,
        severity="info",
        confidence="medium",
        op=item.node.name,
        target=name,
    )


def bad() -> samples.Sample:
    """A frozen training graph."""
    return samples.frozen(lambda p: p.norm(p.conv(p.images()), collection=None).output)


def good() -> samples.Sample:
    """A frozen inference graph."""
    return samples.frozen(lambda p: p.norm(p.conv(p.images()), training=False).output)
