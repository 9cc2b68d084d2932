"""Numbers that look like another framework's convention.

What it checks.
    A constant decay of at most 0.1 (PyTorch's momentum is 1 - decay); in a checkpoint, gammas that lie around 0
    (stored as gamma - 1) and scale-factor blobs beside the averages.

Why it matters.
    The port runs, and all numbers differ: averages that follow the last batch alone, outputs near zero.

Known limits.
    Gammas that start at 0 on purpose, as in residual nets, look like gamma - 1 in one layer; only all layers
    together are reported.

Fix.
    Convert: decay = 1 - momentum, gamma + 1, averages divided by the scale factor.

References.
    The documentation of PyTorch's BatchNorm (momentum), lingvo's (gamma - 1), and Caffe's (scale factor).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tf1bn.audit import keys, samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN052", "decay, gamma or a scale factor follows another framework's convention", "error", "SC")
FIX = "Convert: decay = 1 - momentum; add 1 to each gamma; divide averages by the scale factor."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields a finding for an inverted decay, for gammas around 0, and for a scale factor."""
    for site in model.sites:
        for variable, writer in model.updates(site)[:1]:
            decay = model.decay(writer)
            if decay is not None and 0 < decay < 0.11 and site.scope not in model.records:
                yield RULE.finding(
                    site.scope,
                    f"the decay of {variable.name!r} is {decay:.4g}: each step keeps next to nothing of the"
                    " average; momentum and decay look exchanged.",
                    FIX,
                    confidence="medium",
                    variable=variable.name,
                    op=writer.node.name,
                )
    if model.checkpoint is None:
        return
    gammas = [(group, group.value("gamma")) for group in keys.groups(model)]
    gammas = [(group, value) for group, value in gammas if value is not None and value.size and value.dtype.kind == "f"]
    if len(gammas) > 1 and all(abs(float(np.mean(value))) < 0.4 and np.any(value < 0) for _, value in gammas):
        group, value = gammas[0]
        yield RULE.finding(
            group.scope,
            f"all {len(gammas)} stored gammas lie around 0 (first mean {float(np.mean(value)):.3f}): they may"
            " be stored as gamma - 1.",
            FIX,
            severity="warning",
            confidence="low",
            variable=group.names["gamma"],
        )
    for name in model.checkpoint.shapes:
        if name.endswith(("/scale_factor", "/bn_scale_factor")):
            yield RULE.finding(
                name.rsplit("/", 1)[0],
                f"{name!r}: the averages beside it must be divided by it.",
                FIX,
                severity="warning",
                confidence="medium",
                variable=name,
            )


def bad() -> samples.Sample:
    """A PyTorch momentum of 0.1 as decay."""
    return samples.trained(1, decay=0.1)


def good() -> samples.Sample:
    """A decay of 0.9."""
    return samples.trained(1, decay=0.9)
