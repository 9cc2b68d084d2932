"""The restore map asks for averages of variables that were never kept.

What it checks.
    Each restore op's names that end in ExponentialMovingAverage are compared with the checkpoint; without one,
    in a training graph, with the shadow variables of the graph.

Why it matters.
    `ema.variables_to_restore()` maps every trainable variable to a shadow even when `ema.apply` was never
    called, and switching averages on for evaluation only asks for keys that no file has.

Known limits.
    An evaluation graph has no shadow variables; without a checkpoint it cannot be judged.

Fix.
    Map only the keys that the checkpoint has.

References.
    The documentation of ExponentialMovingAverage.variables_to_restore.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN026", "restores an ExponentialMovingAverage that does not exist", "error", "SC")
FIX = "Build the restore map from the keys that the checkpoint has; fall back to the plain name for the others."
_SUFFIX = "/ExponentialMovingAverage"


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each shadow that is asked for and missing."""
    shadows = {variable.key for variable in model.variables.by_node.values() if variable.key.endswith(_SUFFIX)}
    for item in model.restores:
        for name in item.names:
            if not name.endswith(_SUFFIX) or name in shadows:
                continue
            missing = name not in model.checkpoint if model.checkpoint is not None else model.trains and not shadows
            if missing:
                owner = item.targets.get(name)
                place = (
                    f"the checkpoint {model.checkpoint.where!r}"
                    if model.checkpoint is not None
                    else "the training graph"
                )
                yield RULE.finding(
                    owner.scope if owner is not None else "",
                    f"{item.node.name!r} restores {name!r}, which {place} does not have.",
                    FIX,
                    variable=owner.name if owner is not None else name,
                    op=item.node.name,
                )


def bad() -> samples.Sample:
    """A restore map from an average that never tracked anything."""
    return _evaluated(with_shadows=False)


def good() -> samples.Sample:
    """The same map, and a checkpoint that has the shadows."""
    return _evaluated(with_shadows=True)


def _evaluated(with_shadows: bool) -> samples.Sample:
    with samples.program() as p:
        p.norm(p.conv(p.images()), training=False)
        values = p.values()
        learned = samples.tf.trainable_variables() + samples.tf.moving_average_variables()
        names = {v.op.name: v for v in samples.tf.global_variables()}
        p.save({**{k: v for k, v in names.items() if v not in learned}, **{v.op.name + _SUFFIX: v for v in learned}})
        if with_shadows:
            values.update({v.op.name + _SUFFIX: values[v.op.name] for v in learned})
        return p.sample(checkpoint=values)
