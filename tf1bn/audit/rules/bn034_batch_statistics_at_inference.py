"""A graph without an optimizer normalises with the statistics of the batch although averages exist.

What it checks.
    In a graph that trains nothing, a batch norm that always uses batch statistics is reported when variables
    for the averages exist. Of a SavedModel the outputs of its signatures are followed, also where a train op was
    saved with it; a switch with a default counts as its default. Frozen graphs are BN035's.

Why it matters.
    The answer for one example depends on the others in the batch, and a batch of one is normalised to almost
    nothing. Where the output runs the updates, each request also moves the averages.

Known limits.
    Batch norms without any averages are a deliberate choice of some models and not reported. A graph whose
    output itself runs the updates is taken as a training graph whose optimizer is elsewhere.

Fix.
    Build the inference graph with training=False, or rewrite it with `tf1bn audit --fix`.

References.
    Ioffe and Szegedy, 2015, section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import own, samples
from tf1bn.audit.finding import Finding, Rule
from tf1bn.graph.once import once
from tf1bn.graph.site import Site

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel
    from tf1bn.graph.variables import Writer

RULE = Rule("BN034", "an inference graph normalises with the statistics of the batch", "error", "SD")
FIX = "Build this graph with training=False, or rewrite it: tf1bn audit --fix."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm of an inference graph that looks at its batch."""
    if model.frozen or (model.trains and not model.deployed):
        return
    for site in model.sites:
        if not site.statistics or not _by_batch(model, site) or not any(model.served[n] for n in site.anchors):
            continue
        updates = model.updates(site)
        collected = [item for item in updates if model.collections_of(item[1].node.id)]
        if (site.scope in model.records or id(site) in _inline(model)) and not model.deployed:
            continue
        node = site.normalizers[0].node
        where = "requests run" if model.trains else "no optimizer is in this graph, but"
        moved = next((variable for variable, writer in updates if _at_each_request(model, writer)), None)
        yield RULE.finding(
            site.scope,
            f"{where} {node.name!r}, which uses the statistics of the batch and never {site.statistics[0].name!r}"
            + (f"; each request moves {moved.name!r}" if moved else "")
            + f".{own.spoken(model, site)}",
            FIX,
            confidence="medium" if collected and not moved else "high",
            variable=site.statistics[0].name,
            op=node.name,
        )


def _by_batch(model: GraphModel, site: Site) -> bool:
    """Whether a site uses the statistics of the batch: always, or (in a deployed graph) unless its switch is fed."""
    if model.always_batch(site):
        return True
    if site.predicate is None or not model.deployed or site.predicate[0] in model.signed:
        return False
    default = model.switches.default(site.predicate)
    return default is not None and default == site.by_batch


def _at_each_request(model: GraphModel, writer: Writer) -> bool:
    return bool(model.deployed and model.served[writer.node.id] and not model.switched(writer))


@once
def _inline(model: GraphModel) -> frozenset[int]:
    """The identities of the sites of which something that is computed from their output waits for an update."""
    outputs: dict[int, int] = {}
    updates: dict[int, int] = {}
    for place, site in enumerate(model.sites):
        for item in site.normalizers:
            for user, _, output in model.flow.users[item.output[0]]:
                if output == item.output[1]:
                    outputs[user] = outputs.get(user, 0) | 1 << place
        for _, writer in model.updates(site):
            updates[writer.node.id] = updates.get(writer.node.id, 0) | 1 << place
    found = 0
    for below, behind in zip(model.flow.inherited(outputs, data=True), model.flow.inherited(updates), strict=True):
        found |= below & behind
    return frozenset(id(site) for place, site in enumerate(model.sites) if found >> place & 1)


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
