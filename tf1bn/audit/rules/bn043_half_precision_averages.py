"""Averages in float16 or bfloat16.

What it checks.
    The dtype of each kept statistic.

Why it matters.
    A step of an average is (batch - average) * (1 - decay). In half precision that is rounded away and the
    average stalls; large variances overflow.

Known limits.
    None known.

Fix.
    Keep statistics in float32 whatever the input is.

References.
    Measured: slim's plain path takes the dtype of the input.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN043", "the averages are kept in half precision", "error", "SC")
FIX = "Keep the averages in float32; cast the input instead."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each half-precision average."""
    for site in model.sites:
        for variable in site.statistics:
            if variable.dtype in ("float16", "bfloat16"):
                yield RULE.finding(
                    site.scope,
                    f"the average {variable.name!r} is {variable.dtype}: small steps are rounded away.",
                    FIX,
                    variable=variable.name,
                )


def bad() -> samples.Sample:
    """float16 averages."""
    return samples.trained(1, fused=False, dtype=samples.tf.float16)


def good() -> samples.Sample:
    """float32 averages."""
    return samples.trained(1, fused=False)
