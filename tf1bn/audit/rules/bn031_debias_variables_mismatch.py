"""`biased` and `local_step` are in the checkpoint and not in the graph, or the reverse.

What it checks.
    Zero-debiased averages have two auxiliary variables each. Their presence in graph and checkpoint is
    compared.

Why it matters.
    The restore fails on missing keys; or the averages restart as if no step had been taken, and the first
    updates overwrite them.

Known limits.
    Only auxiliary variables whose average is in the checkpoint are compared.

Fix.
    Build with the same `zero_debias_moving_mean`, or drop the auxiliary keys.

References.
    The documentation of slim.batch_norm, argument zero_debias_moving_mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN031", "variables of zero-debiasing are on one side only", "warning", "SC")
FIX = "Build the layer with the same zero_debias_moving_mean as the checkpoint, or drop the auxiliary variables."
_LEAVES = ("/biased", "/local_step")


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm whose auxiliary variables differ."""
    if model.checkpoint is None:
        return
    made = [key for item in model.variables.by_node.values() if (key := item.key).endswith(_LEAVES)]
    stored = [name for name in model.checkpoint.shapes if name.endswith(_LEAVES)]
    for site in model.sites if made or stored else ():
        for variable in site.statistics:
            if variable.key not in model.checkpoint:
                continue
            tail = variable.key.rsplit("/", 1)[-1]
            here = [name for name in made if _of(name, variable, tail)]
            there = [name for name in stored if _of(name, variable, tail)]
            odd = sorted(set(here) ^ set(there))
            if odd:
                place = "graph" if odd[0] in here else "checkpoint"
                yield RULE.finding(
                    site.scope,
                    f"{odd[0]!r} is in the {place} alone: one side debiases {variable.name!r}, the other not.",
                    FIX,
                    variable=variable.name,
                )


def _of(name: str, variable: Any, tail: str) -> bool:
    """Whether an auxiliary name belongs to a variable; slim doubles the scope in it."""
    return f"/{tail}/" in f"/{name}" and name.startswith(variable.key.rsplit("/", 1)[0])


def bad() -> samples.Sample:
    """A checkpoint with the auxiliary variables, a graph without."""
    return _stored(auxiliary=True)


def good() -> samples.Sample:
    """Neither has them."""
    return _stored(auxiliary=False)


def _stored(auxiliary: bool) -> samples.Sample:
    with samples.program() as p:
        p.norm(p.conv(p.images()), "BatchNorm", training=False)
        p.save()
        values = p.values()
        if auxiliary:
            values["BatchNorm/BatchNorm/moving_mean/biased"] = values["BatchNorm/moving_mean"]
            values["BatchNorm/BatchNorm/moving_mean/local_step"] = np.asarray(7.0, np.float32)
        return p.sample(checkpoint=values)
