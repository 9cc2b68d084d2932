"""The decay is too close to 1 for the number of updates so far.

What it checks.
    With the global step n of the checkpoint and K updates per step, decay ** (n K) is the weight that the
    initial value still has. Above one percent is reported.

Why it matters.
    The first thousands of steps evaluate badly: with 0.999 it takes about 4600 updates until the initial 0 and
    1 are forgotten.

Known limits.
    It needs a constant decay in the graph and a global step in the checkpoint. Debiased averages are left out.

Fix.
    Lower the decay, debias the averages, or estimate them from data.

References.
    Algebra: ln 0.01 / ln 0.999 = 4603.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN038", "the averages still hold their initial values", "warning", "SC")
FIX = "Use a lower decay, zero-debiased averages, or estimate the statistics from data before evaluating."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm that remembers its start."""
    step = model.checkpoint.get("global_step") if model.checkpoint is not None else None
    if step is None or step.size != 1:
        return
    count = float(np.ravel(step)[0])
    for site in model.sites:
        debiased = any(name.endswith("/biased") and name.startswith(site.scope) for name in model.variables.by_name)
        for variable in site.statistics[:1]:
            writers = [w for v, w in model.updates(site) if v is variable]
            decays = [decay for decay in map(model.decay, writers) if decay is not None and 0 < decay < 1]
            if not decays or debiased or count < 0:
                continue
            weight = decays[0] ** count
            if weight > 0.01:
                yield RULE.finding(
                    site.scope,
                    f"after {count:.0f} updates with decay {decays[0]:.6g} the initial value still weighs {weight:.1%}"
                    f" in {variable.name!r}.",
                    FIX,
                    variable=variable.name,
                    op=writers[0].node.name,
                )


def bad() -> samples.Sample:
    """A hundred steps with a decay of 0.999."""
    return _stepped(100)


def good() -> samples.Sample:
    """Ten thousand steps."""
    return _stepped(10_000)


def _stepped(count: int) -> samples.Sample:
    with samples.program() as p:
        samples.tf.train.get_or_create_global_step()
        p.train(p.loss(p.norm(p.conv(p.images()), decay=0.999).output))
        p.save()
        return p.sample(checkpoint=p.values(global_step=count))
