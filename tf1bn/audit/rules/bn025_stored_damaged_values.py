"""Stored averages that are not finite, or a variance that is negative.

What it checks.
    Every channel of every stored mean and variance must be finite, and every variance positive. A variance of
    practically zero is reported as information: a dead channel.

Why it matters.
    Inference gives NaN, or amplifies a dead channel a thousandfold.

Known limits.
    Values that are finite and wrong are not seen.

Fix.
    Estimate the statistics again; restore an older checkpoint.

References.
    Measured: racing writers make a variance negative; an empty batch makes averages NaN.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tf1bn.audit import keys, samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN025", "the checkpoint holds impossible averages", "error", "CD")
FIX = "Estimate the population statistics again, or restore an older checkpoint."
_DEAD = 1e-12


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each damaged array."""
    for group in keys.groups(model):
        for role in ("mean", "variance"):
            value = group.value(role)
            if value is None or not value.size or value.dtype.kind not in "fc":
                continue
            flat = np.ravel(value)
            infinite = np.flatnonzero(~np.isfinite(flat))
            negative = np.flatnonzero(flat < 0) if role == "variance" else infinite[:0]
            dead = np.flatnonzero(np.abs(flat) < _DEAD) if role == "variance" else infinite[:0]
            for what, channels, severity in (
                ("NaN or infinite", infinite, "error"),
                ("negative", negative, "error"),
                ("practically zero", dead, "info"),
            ):
                if channels.size:
                    yield RULE.finding(
                        group.scope,
                        f"{group.names[role]!r} is {what} in {channels.size} of {flat.size} channels,"
                        f" first {channels[0]}.",
                        FIX,
                        severity=severity,
                        variable=group.names[role],
                    )


def bad() -> samples.Sample:
    """A negative variance."""
    with samples.program() as p:
        p.norm(p.conv(p.images()), training=False)
        p.save()
        return p.sample(checkpoint=p.values(moving_variance=-0.5))


def good() -> samples.Sample:
    """Healthy values."""
    with samples.program() as p:
        p.norm(p.conv(p.images()), training=False)
        p.save()
        return p.sample(checkpoint=p.values())
