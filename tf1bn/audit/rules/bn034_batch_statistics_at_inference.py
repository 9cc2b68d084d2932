"""A graph without an optimizer normalises with the statistics of the batch although averages exist.

What it checks.
    In a graph that trains nothing, a batch norm that always uses batch statistics is reported when variables
    for the averages exist. Frozen graphs are BN035's.

Why it matters.
    The answer for one example depends on the others in the batch, and a batch of one is normalised to almost
    nothing.

Known limits.
    Batch norms without any averages are a deliberate choice of some models and not reported. A graph whose
    output itself runs the updates is taken as a training graph whose optimizer is elsewhere.

Fix.
    Build the inference graph with training=False, or rewrite it with `scripts/audit_graph.py --fix`.

References.
    Ioffe and Szegedy, 2015, section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN034", "an inference graph normalises with the statistics of the batch", "error", "SD")
FIX = "Build this graph with training=False, or rewrite it: scripts/audit_graph.py --fix."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm of an inference graph that looks at its batch."""
    if model.trains or model.frozen:
        return
    for site in model.sites:
        if not model.always_batch(site) or not site.statistics:
            continue
        updates = model.updates(site)
        collected = [item for item in updates if model.collections_of(item[1].node.id)]
        inline = [item for item in updates if _behind_output(model, site, item[1].node.id)]
        if (inline or site.scope in model.records) and not model.deployed:
            continue
        yield RULE.finding(
            site.scope,
            f"no optimizer is in this graph, but {site.normalizers[0].node.name!r} uses the statistics of the batch and"
            f" never {site.statistics[0].name!r}.",
            FIX,
            confidence="medium" if collected else "high",
            variable=site.statistics[0].name,
            op=site.normalizers[0].node.name,
        )


def _behind_output(model: GraphModel, site: Any, number: int) -> bool:
    """Whether something computed from the batch norm's output waits for an update."""
    below = model.flow.computed_from({item.output for item in site.normalizers})
    return bool(model.flow.reach(below)[number])


def bad() -> samples.Sample:
    """A serving graph built in training mode."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), collection=None).output
        samples.tf.nn.relu(y, name="served")
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """A serving graph."""
    return samples.served()
