"""Averages in the checkpoint are exactly their initial values.

What it checks.
    In each batch norm the stored mean is 0 and the stored variance 1 in every channel, while gamma, beta or a
    weight has moved.

Why it matters.
    The weights were trained without the updates. The model works in training mode only; no restore can repair
    that.

Known limits.
    A layer whose true statistics are 0 and 1 in every channel does not occur with real data. A fresh, untrained
    checkpoint is not reported.

Fix.
    Estimate population statistics from data and store them.

References.
    Wu and Johnson, 2021, on estimating population statistics after training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tf1bn.audit import keys, samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN024", "the checkpoint holds averages that never moved", "error", "C")
FIX = "Estimate population statistics with training data and save them; fix the updates before training again."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm whose stored averages are initial."""
    for group in keys.groups(model):
        mean, variance = group.value("mean"), group.value("variance")
        if mean is None or variance is None or not (np.all(mean == 0) and np.all(variance == 1)):
            continue
        gamma, beta = group.value("gamma"), group.value("beta")
        moved = (gamma is not None and np.any(gamma != 1)) or (beta is not None and np.any(beta != 0))
        if moved:
            yield RULE.finding(
                group.scope,
                f"in {model.checkpoint.where!r} all {mean.size} channels have mean 0 and variance 1, though"
                " gamma or beta were trained.",
                FIX,
                variable=group.names["mean"],
            )


def bad() -> samples.Sample:
    """Trained gamma and beta, initial averages."""
    with samples.program() as p:
        p.norm(p.conv(p.images()), training=False)
        p.save()
        return p.sample(checkpoint=p.values(moving_mean=0.0, moving_variance=1.0))


def good() -> samples.Sample:
    """Everything untrained: a fresh checkpoint."""
    with samples.program() as p:
        p.norm(p.conv(p.images()), training=False)
        p.save()
        return p.sample(checkpoint=p.values(moving_mean=0.0, moving_variance=1.0, gamma=1.0, beta=0.0))
