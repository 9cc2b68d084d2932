"""Batch norms that use the batch even with the switch off are made to read their averages, or refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tf1bn import errors
from tf1bn.export import own
from tf1bn.export.draft import Draft, Ref
from tf1bn.graph import formula, recorded, rewriting
from tf1bn.graph.model import GraphModel
from tf1bn.graph.site import BATCH, MOVING, Site

_WAY_OUT = (
    "Build the network with is_training=False, and export that graph with the same checkpoint: its variables have the "
    "same names."
)


class Changed(NamedTuple):
    """A batch norm that was rewritten.

    Attributes:
      scope: its scope.
      x: what it normalises.
      output: what it gives.
      site: the site, of a batch norm that was found.
      call: the call, of one of tf1bn's own.
      reads: what the call reads, by role.
    """

    scope: str
    x: Ref
    output: Ref
    site: Site | None = None
    call: own.Call | None = None
    reads: dict[str, Ref] | None = None

    def kept(self) -> tuple[str, str]:
        """Returns the names of the two variables that are kept, or of the tensors that are read instead."""
        if self.call is not None:
            return self.call.averages
        assert self.site is not None
        return self.site.mean[0].name, self.site.variance[0].name

    def expected(self, x: np.ndarray, found: Mapping[str, np.ndarray], values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns what the batch norm shall give, in float64.

        Args:
          x: what it normalises, in float64.
          found: what a call reads, by role.
          values: the value of every variable by name.
        """
        if self.call is not None:
            return self.call.expected(x, found)
        assert self.site is not None
        return formula.normalized(self.site, x, values)

    def refs(self) -> list[Ref]:
        """Returns all tensors that a check looks at."""
        return [self.x, self.output, *(self.reads or {}).values()]

    def followed(self, moved: Mapping[Ref, Ref]) -> Changed:
        """Returns the same after some tensors have become others."""
        reads = self.reads and {role: moved.get(ref, ref) for role, ref in self.reads.items()}
        x, output = (moved.get(ref, ref) for ref in (self.x, self.output))
        return self._replace(x=x, output=output, reads=reads)


def stuck(model: GraphModel, outputs: list[Ref]) -> list[Site]:
    """Returns the batch norms that the outputs are computed with and that do not simply read averages."""
    used = model.flow.feeds(model.flow.by_name[name] for name, _ in outputs)
    return [site for site in model.sites if site.mode != MOVING and any(used[number] for number in site.anchors)]


def read(draft: Draft, model: GraphModel, sites: list[Site], source: GraphModel) -> list[Changed]:
    """Makes sites read their averages.

    Args:
      draft: is changed.
      model: of the draft.
      sites: of the model.
      source: the whole training graph, where updates tell which variables keep which statistics.

    Raises:
      ExportError: a site keeps no averages, is switched by something that is no known switch, or is not understood.
    """
    # The draft has lost its updates, so only the whole graph tells whose averages they move.
    owners = {item.node.name: site for site in source.sites for item in site.normalizers}
    known = recorded.by_scope(source.source.records) if sites else {}
    changed = []
    for site in sites:
        if site.mode != BATCH or any(item.node.call >= 0 for item in site.normalizers):
            raise _open(model, site)
        kept = _with_averages(site, owners.get(site.normalizers[0].node.name, site))
        # Calls of tf1bn were rewritten by their records before; what is left of them may shift or weigh its input as
        # well.
        if recorded.record_of(model, kept, known) is not None:
            raise _untold(kept)
        x, output = ((model.nodes[n].name, out) for n, out in (site.normalizers[0].x, site.normalizers[0].output))
        changed.append(Changed(kept.scope, x, output, kept))
    if changed:
        _rewrite(draft, model, [item.site for item in changed if item.site is not None])
    return changed


def rewrite(draft: Draft, calls: list[own.Call]) -> tuple[list[Changed], dict[Ref, Ref]]:
    """Makes recorded calls read their averages; returns those that never did, and results that have moved."""
    reads, moved = own.rewrite(draft, calls)
    changed = [
        Changed(call.scope, read["x"], moved.get(call.output, call.output), call=call, reads=read)
        for call, read in zip(calls, reads, strict=True)
        if call.by_batch
    ]
    return changed, moved


def _untold(site: Site) -> errors.ExportError:
    """Returns the refusal of a call of tf1bn's own that cannot be rewritten by its record."""
    return errors.ExportError(
        errors.explain(
            f"the batch norm {site.scope!r} was built with is_training=True, in a loop or in a graph that was changed "
            "since, and what it computes cannot be undone",
            fix=_WAY_OUT,
        )
    )


def _open(model: GraphModel, site: Site) -> errors.ExportError:
    """Returns the refusal of a batch norm whose switch is not resolved."""
    if any(item.node.call >= 0 for item in site.normalizers):
        what, fix = "inside a loop or function body", _WAY_OUT
    elif site.predicate is None:
        what, fix = "chosen between averages and batch in a way that is not understood", ""
    else:
        name = model.nodes[site.predicate[0]].name
        what, fix = f"switched by {name!r}", f"Give its value for inference: --switch={name}=VALUE."
    return errors.ExportError(errors.explain(f"the statistics of the batch norm {site.scope!r} are {what}", fix=fix))


def _rewrite(draft: Draft, model: GraphModel, sites: list[Site]) -> None:
    graph_def = draft.graph_def()
    try:
        rewriting.read_averages(model, graph_def, sites)
    except errors.RepairError as error:
        raise errors.ExportError(error.text) from error
    # Repairs work on a proto, as those of the audit do.
    draft.nodes = {}
    for node in graph_def.node:
        draft.add(node)


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
