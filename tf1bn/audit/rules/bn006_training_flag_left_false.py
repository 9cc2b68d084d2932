"""A training graph normalises with averages that nothing ever moves, while gamma and beta learn.

What it checks.
    In a graph with an optimizer a batch norm reads its kept statistics, no op updates them, and gamma or beta
    receive gradients. A checkpoint settles it: averages at their initial values are the bug, others are a
    frozen layer.

Why it matters.
    `training` was left at its default False. The layer only learns a scale and a shift: nothing is normalised,
    deep nets train badly, and the released averages are 0 and 1. UPDATE_OPS is empty, so the usual fix changes
    nothing.

Known limits.
    Without a checkpoint a fully frozen network looks the same; confidence is then medium. A graph that freezes
    only some of its batch norms, restores them, or does not train gamma and beta is a state, not a finding.

Fix.
    Pass `training=True` (or a placeholder) in the training graph.

References.
    The documentation of tf.layers.batch_normalization: `training` is False by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tf1bn.audit import own, samples
from tf1bn.audit.finding import Finding, Rule
from tf1bn.graph.once import once

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN006", "training graph normalises with averages that nothing writes", "error", "SC")
FIX = "Pass training=True, or a placeholder, to the batch norm of the training graph."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm that trains on statistics nobody writes."""
    active = model.sites_in_training()
    if not active or any(model.uses_batch(site) or model.updates(site) for site in active):
        return
    for site in active:
        learns = any(variable.name in model.gradients for variable in site.affine) or not site.affine
        # An optimizer's writes are BN023's.
        written = any(v.of_kind("apply") or (v.of_kind("restore") and not _by_saver(model, v)) for v in site.statistics)
        if not learns or not site.statistics or written or own.explicit(model, site):
            continue
        values = [(variable, model.stored(variable)) for variable in site.statistics]
        known = [(variable, value) for variable, value in values if value is not None]
        if any(np.any(value != float(variable in site.variance)) for variable, value in known):
            continue
        yield RULE.finding(
            site.scope,
            "the training graph normalises with averages that nothing writes"
            + (", and in the checkpoint they have their initial values." if known else "; gamma and beta do learn.")
            + own.spoken(model, site),
            FIX,
            confidence="high" if known else "medium",
            variable=site.statistics[0].name,
            op=site.normalizers[0].node.name,
            target=model.train_ops[0].name,
        )


def _by_saver(model: GraphModel, variable: Any) -> bool:
    return variable.name not in _restored_alone(model)


@once
def _restored_alone(model: GraphModel) -> frozenset[str]:
    """The variables that something else than a Saver restores."""
    alone = [item for item in model.restores if not item.with_saver]
    return frozenset(variable.name for item in alone for variable in item.targets.values())


def bad() -> samples.Sample:
    """The flag is left at False."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), training=False).output
        p.train(p.loss(y))
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """A fine-tuning graph: the layer is frozen, its checkpoint holds trained averages."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), training=False).output
        p.train(p.loss(y))
        p.save()
        return p.sample(checkpoint=p.values())
