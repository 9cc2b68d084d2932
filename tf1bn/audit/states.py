"""The state of each batch norm in words: what it does in this graph, whether or not that is a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit.finding import SiteInfo
from tf1bn.graph.folding import planning
from tf1bn.graph.kinds import GRAPH_DEF
from tf1bn.graph.site import BATCH, BOTH, MOVING, Site

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel


def describe(model: GraphModel, site: Site) -> SiteInfo:
    """Returns what the report shows of a site."""
    updates = model.updates(site)
    decays = [decay for decay in (model.decay(writer) for _, writer in updates) if decay is not None]
    predicate = model.nodes[site.predicate[0]].name if site.predicate else ""
    return SiteInfo(
        site.scope,
        "fused" if site.fused else "decomposed",
        site.mode,
        state(model, site),
        site.normalizers[0].epsilon,
        round(decays[0], 9) if decays else None,
        tuple(variable.name for variable in [*site.affine, *site.statistics]),
        bool(model.reached(updates)) if updates and model.trains else None,
        predicate,
        planning.blocker(model, site) or "yes",
        site.normalizers[0].node.name,
    )


def state(model: GraphModel, site: Site) -> str:
    """Returns the state of a site in a few words."""
    if not model.trains:
        return {MOVING: "inference", BATCH: "batch statistics at inference", BOTH: "switchable"}[site.mode]
    if not model.active(site):
        return "evaluation tower"
    updates = model.updates(site)
    learns = any(variable.name in model.gradients for variable in site.affine)
    if site.mode == MOVING and not updates:
        return "frozen statistics, affine trained" if learns else "frozen"
    if not site.statistics:
        return "batch statistics only"
    if not model.reached(updates):
        return "updates in a separate run" if updates and separate_run(model, site) else "updates not reached"
    return "training" if learns or not site.affine else "statistics only"


def separate_run(model: GraphModel, site: Site) -> str:
    """Returns the name of the program's own step for the updates of a site, or an empty string; see `Runners.step`."""
    for _, writer in model.updates(site):
        step = model.runners.step(writer.node.id)
        if step is not None:
            return model.nodes[step].name
    return ""


def notes(model: GraphModel) -> Iterator[str]:
    """Yields what the reader should know about the audit itself."""
    if not model.sites:
        yield "No batch norm was found in this graph."
    if model.source.kind == GRAPH_DEF and model.variables.by_node:
        yield "A bare GraphDef has no collections: which ops are in UPDATE_OPS is not known."
    if model.sites and not model.trains:
        yield "No optimizer was found: the graph was audited as an inference graph. Name a train op with --train_op."
    for site in model.sites:
        name = separate_run(model, site) if model.trains and not model.reached(model.updates(site)) else ""
        if name:
            yield f"The op {name!r} gathers updates and nothing uses it; if the program runs it, say --fetch={name}."
            return
