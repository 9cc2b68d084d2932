"""Automatically numbered layers of the graph and of the checkpoint are different in number, with equal shapes.

What it checks.
    Groups that differ only in the number that was given automatically are counted in graph and checkpoint. If
    the counts differ and shapes are equal, names no longer say which layer is which.

Why it matters.
    A layer that is added, removed or built in another order shifts all later numbers. The restore succeeds and
    loads the wrong layer.

Known limits.
    Layers with equal counts in another order are not seen. Confidence is medium, because a graph may use a part
    of a model.

Fix.
    Map by position in the graph, and confirm with a numeric comparison.

References.
    The documentation of tf.layers: default names are numbered in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import keys, samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN029", "automatically numbered layers do not match the checkpoint", "error", "C")
FIX = "Map the layers by their position in the network and compare outputs on one input after the restore."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each family of shifted names."""
    for family, here, there in keys.families(model):
        if (
            len(here) < len(there)
            and len(set(here.values()) & set(there.values())) == 1
            and len(set(there.values())) == 1
        ):
            yield RULE.finding(
                sorted(here)[0],
                f"the graph numbers {len(here)} batch norms as {family!r}, the checkpoint {len(there)}, all of the"
                f" shape {next(iter(there.values()))}: a restore by name may load the wrong layer.",
                FIX,
                confidence="medium",
                variable=sorted(here)[0],
            )


def bad() -> samples.Sample:
    """A graph with two of the three numbered layers of its checkpoint."""
    return _numbered(extra=True)


def good() -> samples.Sample:
    """A graph with all of them."""
    return _numbered(extra=False)


def _numbered(extra: bool) -> samples.Sample:
    with samples.program() as p:
        y = p.images(channels=4)
        for name in ("batch_normalization", "batch_normalization_1"):
            y = samples.tf.nn.relu(p.norm(p.conv(y, name=f"conv_{name}"), name, training=False).output)
        p.save()
        values = p.values()
        if extra:
            leaves = {k.split("/")[1]: v for k, v in values.items() if k.startswith("batch_normalization/")}
            values.update({f"batch_normalization_2/{leaf}": value for leaf, value in leaves.items()})
        return p.sample(checkpoint=values)
