"""Moving averages in the collection of trainable variables.

What it checks.
    A kept statistic is in TRAINABLE_VARIABLES, or an optimizer's op writes it.

Why it matters.
    Optimizers, weight decay and gradient clipping act on everything trainable. The averages were often added
    there to get them saved.

Known limits.
    An average that nothing differentiates gets no gradient; the regulariser may still reach it.

Fix.
    Create them with trainable=False and save all variables.

References.
    The documentation of tf.get_variable, argument `trainable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN023", "the averages are trainable variables", "warning", "S")
FIX = "Create the averages with trainable=False; save them with tf.train.Saver() instead."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each trainable statistic."""
    for site in model.sites:
        for variable in site.statistics:
            applied = variable.of_kind("apply")
            if applied or variable.trainable:
                how = f"{applied[0].node.name!r} writes it" if applied else "it is in TRAINABLE_VARIABLES"
                yield RULE.finding(
                    site.scope,
                    f"the average {variable.name!r} can be trained: {how}.",
                    FIX,
                    variable=variable.name,
                    op=applied[0].node.name if applied else "",
                )


def bad() -> samples.Sample:
    """Averages made trainable."""
    return samples.trained(1, statistics_trainable=True)


def good() -> samples.Sample:
    """Averages as usual."""
    return samples.trained(1)
