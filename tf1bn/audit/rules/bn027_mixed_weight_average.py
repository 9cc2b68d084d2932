"""An average of weights covers some tensors of a batch norm and not the others, or averages the averages.

What it checks.
    For each batch norm the four tensors are listed with whether a shadow variable tracks them. Gamma without
    beta, or a shadow of a moving average, is reported. inspect_checkpoint.py says the same of a file; there a shadow
    equal to its average is taken for the one that feeds it.

Why it matters.
    Averaged weights need the statistics of the averaged network. A moving average of a moving average lags
    behind both.

Known limits.
    Plain statistics beside averaged gamma and beta are the usual recipe of published code and only a state.

Fix.
    Choose one policy per batch norm, and check it when restoring.

References.
    The documentation of tf.train.ExponentialMovingAverage; slim's training scripts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel
    from tf1bn.graph.variables import Variable

RULE = Rule("BN027", "weights and statistics are averaged differently", "warning", "SC")
FIX = "Track gamma and beta alike and leave the moving averages out of the average of weights."
_SUFFIX = "/ExponentialMovingAverage"


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each inconsistent batch norm."""
    shadows = {name[: -len(_SUFFIX)] for name in model.variables.by_name if name.endswith(_SUFFIX)}
    for item in model.restores:
        shadows |= {v.name for k, v in item.targets.items() if k.endswith(_SUFFIX) and not v.name.endswith(_SUFFIX)}
    for site in model.sites:
        doubled = [
            v for v in site.statistics if v.name in shadows and not v.name.endswith(_SUFFIX) and not _fed(model, v)
        ]
        affine = {variable.name in shadows for variable in site.affine}
        if doubled and model.trains:
            yield RULE.finding(
                site.scope,
                f"{doubled[0].name!r} is a moving average and is averaged again.",
                FIX,
                confidence="medium",
                variable=doubled[0].name,
            )
        elif len(affine) == 2:
            covered = [variable.name for variable in site.affine if variable.name in shadows]
            yield RULE.finding(
                site.scope,
                f"the average of weights covers {covered[0]!r} and not its partner.",
                FIX,
                variable=covered[0],
            )


def _fed(model: GraphModel, variable: Variable) -> bool:
    """Whether the variable takes its value from its own shadow: the two are one average then."""
    shadow = model.variables.by_name.get(variable.name + _SUFFIX)
    return shadow is not None and any(
        (shadow.node.id, 0) in writer.sources for writer in variable.of_kind("update", "copy")
    )


def bad() -> samples.Sample:
    """An average of all variables."""
    return _averaged(everything=True)


def good() -> samples.Sample:
    """An average of the trainable variables."""
    return _averaged(everything=False)


def _averaged(everything: bool) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        bn = p.norm(p.conv(p.images()))
        tracked = tf.global_variables() if everything else tf.trainable_variables()
        step = p.train(p.loss(bn.output))
        with tf.control_dependencies([step]):
            tf.train.ExponentialMovingAverage(0.999).apply(tracked)
        p.save()
        return p.sample()
