"""Advice: batch statistics carry information between the examples of a batch.

What it checks.
    Nothing: the order of the data is not in a graph.

Why it matters.
    When the examples of a batch are related (frames of one clip, positives beside negatives), a network can
    read the answer off the batch statistics. Training looks better than it is.

Known limits.
    It is about the data, so this page is all there is.

Fix.
    Shuffle, use ghost batches, or evaluate with local statistics as well to measure the effect.

References.
    Wu and Johnson, 2021, section 6, on leakage in contrastive learning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN051", "batches that are not drawn independently leak labels", "info", "-")


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields nothing: the data are not in the graph."""
    yield from ()


def bad() -> None:
    """No graph shows it."""


def good() -> samples.Sample:
    """Any healthy graph."""
    return samples.trained(1)
