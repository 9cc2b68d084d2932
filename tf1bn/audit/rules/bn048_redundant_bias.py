"""A learned bias right before a batch norm that subtracts the batch mean.

What it checks.
    The input of a trained batch norm comes from a BiasAdd or an addition of a variable.

Why it matters.
    The bias cancels: it gets no gradient worth the name, and costs memory and time.

Known limits.
    With frozen statistics the bias does act; such batch norms are left out.

Fix.
    Build the layer with use_bias=False.

References.
    Ioffe and Szegedy, 2015, section 3.2: the bias can be ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN048", "a bias is added right before the mean is subtracted", "info", "S")
FIX = "Build the layer before it with use_bias=False."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each bias that cancels."""
    # The beta of another batch norm is no bias of a layer: how its output is added up depends on its implementation.
    betas = {site.beta.name for site in model.sites if site.beta is not None}
    for site in model.sites_in_training():
        node = model.nodes[model.flow.strip(site.x)[0]]
        if node.op not in ("BiasAdd", "Add", "AddV2") or not model.always_batch(site):
            continue
        found = [v for t in node.inputs for v in model.variables.among({model.flow.strip(t), *_read(model, t)})]
        if found and len(found[0].shape or ()) == 1 and found[0].name not in betas:
            yield RULE.finding(
                site.scope,
                f"the bias {found[0].name!r} cancels when the mean is subtracted.",
                FIX,
                variable=found[0].name,
                op=node.name,
            )


def _read(model: GraphModel, tensor: tuple[int, int]) -> frozenset[tuple[int, int]]:
    origins = model.flow.origins(tensor)
    return origins if len(origins) == 1 else frozenset()


def bad() -> samples.Sample:
    """A convolution with bias."""
    with samples.program() as p:
        p.train(p.loss(p.norm(p.conv(p.images(), bias=True)).output))
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """A convolution without bias."""
    return samples.trained(1)
