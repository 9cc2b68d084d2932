"""Advice: `tf.compat.v1.layers` and slim do not work on a default install of current TensorFlow.

What it checks.
    Nothing: the program fails before it has a graph.

Why it matters.
    Keras 3 has no tf.compat.v1 layers. A default install answers with an AttributeError; with tf_keras and
    TF_USE_LEGACY_KERAS=1 the old layers work, and keep all their traps.

Known limits.
    The page is all there is; `tf1bn run` runs such a program.

Fix.
    Replace the layer by tf1bn's, which needs neither Keras nor an environment variable.

References.
    Measured on TensorFlow 2.21.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN053", "the program needs batch norms that current TensorFlow lacks", "error", "-")


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields nothing: there is no graph to look at."""
    yield from ()


def bad() -> None:
    """No graph shows it."""


def good() -> samples.Sample:
    """Any healthy graph."""
    return samples.served(1)
