"""The graph learns a gamma or beta that the checkpoint does not have, or lacks one that it has.

What it checks.
    For each batch norm whose statistics are in the checkpoint the presence of gamma and beta is compared.

Why it matters.
    Libraries differ: contrib and slim have no gamma by default, tf.layers and Keras have one. A plain restore
    fails; a partial one leaves gamma out, and the results are wrong.

Known limits.
    Only files with the same names are compared; a renamed file is for the migration tools.

Fix.
    Build the layer with the same `scale` and `center`, or add ones and zeros to the checkpoint.

References.
    The signatures of slim.batch_norm (scale=False) and tf.layers.batch_normalization (scale=True).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN030", "gamma or beta is in the graph and not in the checkpoint, or the reverse", "warning", "SC")


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each parameter on one side only."""
    if model.checkpoint is None:
        return
    for site in model.sites:
        if not site.statistics or not any(variable.key in model.checkpoint for variable in site.statistics):
            continue
        prefix = site.statistics[0].key.rsplit("/", 1)[0]
        for role, variable in (("gamma", site.gamma), ("beta", site.beta)):
            stored = f"{prefix}/{role}" in model.checkpoint
            if variable is not None and variable.key not in model.checkpoint:
                message, fix = (
                    f"{variable.name!r} is in the graph and not in the checkpoint.",
                    "remove it from the layer",
                )
            elif variable is None and stored:
                message, fix = (
                    f"'{prefix}/{role}' is in the checkpoint and the layer does not use it.",
                    "add it to the layer",
                )
            else:
                continue
            word = "scale" if role == "gamma" else "center"
            yield RULE.finding(
                site.scope,
                message,
                f"Set {word} as in the program that wrote the checkpoint ({fix}), or migrate the file.",
                variable=f"{prefix}/{role}",
            )


def bad() -> samples.Sample:
    """A checkpoint without gamma."""
    with samples.program() as p:
        p.norm(p.conv(p.images()), training=False)
        p.save()
        values = p.values()
        return p.sample(checkpoint={name: value for name, value in values.items() if not name.endswith("gamma")})


def good() -> samples.Sample:
    """A complete checkpoint."""
    with samples.program() as p:
        p.norm(p.conv(p.images()), training=False)
        p.save()
        return p.sample(checkpoint=p.values())
