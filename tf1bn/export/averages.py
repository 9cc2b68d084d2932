"""Batch norms that use the batch even with the switch off are made to read their averages, or refused."""

from __future__ import annotations

import dataclasses

from tf1bn import errors
from tf1bn.export.draft import Draft, Ref
from tf1bn.graph import rewriting
from tf1bn.graph.model import GraphModel
from tf1bn.graph.sites import BATCH, MOVING, Site


def stuck(model: GraphModel, outputs: list[Ref]) -> list[Site]:
    """Returns the batch norms that the outputs are computed with and that do not simply read averages."""
    used = model.flow.feeds(model.flow.by_name[name] for name, _ in outputs)
    return [site for site in model.sites if site.mode != MOVING and any(used[number] for number in site.anchors)]


def read(draft: Draft, model: GraphModel, sites: list[Site], source: GraphModel) -> list[Site]:
    """Makes sites read their averages; returns them with the averages that they read.

    Args:
      draft: is changed.
      model: of the draft.
      sites: of the model.
      source: the whole training graph, where updates tell which variables keep which statistics.

    Raises:
      ExportError: a site keeps no averages, is switched by something that is no known switch, or is not understood.
    """
    owners = {item.node.name: site for site in source.sites for item in site.normalizers}
    graph_def = draft.graph_def()
    changed = []
    for site in sites:
        if site.mode != BATCH:
            name = model.nodes[site.predicate[0]].name if site.predicate is not None else site.scope
            raise errors.ExportError(
                errors.explain(
                    f"the batch norm {site.scope!r} is switched by {name!r}, which is still open",
                    fix=f"Give its value for inference: --switch={name}=VALUE.",
                )
            )
        kept = _with_averages(site, owners.get(site.normalizers[0].node.name, site))
        try:
            rewriting.read_averages(model, graph_def, kept)
        except errors.RepairError as error:
            raise errors.ExportError(error.text) from error
        changed.append(kept)
    draft.nodes = {}
    for node in graph_def.node:
        draft.add(node)
    return changed


def _with_averages(site: Site, origin: Site) -> Site:
    mean, variance = origin.mean or site.mean, origin.variance or site.variance
    if len(mean) != 1 or len(variance) != 1:
        raise errors.ExportError(
            errors.explain(
                f"the batch norm {site.scope!r} always uses batch statistics and keeps no averages that it could read",
                got=[variable.name for variable in [*mean, *variance]],
                expected="a mean and a variance",
                fix="Estimate population statistics from data first.",
            )
        )
    return dataclasses.replace(site, scope=origin.scope, mean=mean, variance=variance)
