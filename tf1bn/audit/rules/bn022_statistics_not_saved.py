"""A Saver that leaves out the averages, or a checkpoint without them.

What it checks.
    The names that save ops write are constants of the graph. A kept statistic that no save op of the graph
    writes is reported, when some save op writes gamma, beta or weights; so is one that a given checkpoint lacks
    while it holds gamma or beta.

Why it matters.
    `tf.train.Saver(tf.trainable_variables())` leaves the averages out. The model is good in its own session,
    and after a restore it evaluates with 0 and 1, or fails with an uninitialized value.

Known limits.
    A graph with several Savers is judged by all of them together.

Fix.
    Save global variables: `tf.train.Saver()`, or the trainable ones plus the averages.

References.
    The documentation of tf.train.Saver, argument `var_list`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import keys, samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN022", "the averages are not saved", "error", "SC")
FIX = "Build the Saver over all variables: tf.train.Saver(), or trainable variables plus the averages."


_OBJECT = "/.ATTRIBUTES/VARIABLE_VALUE"
"""How the names of an object-based checkpoint end, after the leaf of the variable."""


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each statistic that is not saved, or not in the checkpoint."""
    saved = {name for item in model.saves for name in item.names}
    leaves = {name[: -len(_OBJECT)].rsplit("/", 1)[-1] for name in saved if name.endswith(_OBJECT)}
    for site in model.sites:
        for variable in _kept(model, site):
            shadow = f"{variable.key}/ExponentialMovingAverage"
            if (
                saved
                and variable.key not in saved
                and shadow not in saved
                and variable.key.rsplit("/", 1)[-1] not in leaves
            ):
                where = f"no save op ({', '.join(item.node.name for item in model.saves[:3])}) writes it"
            elif keys.lost(model, site, variable):
                where = f"the checkpoint {model.checkpoint.where!r} has no such key, though it has others of this model"
            else:
                continue
            yield RULE.finding(
                site.scope,
                f"the average {variable.name!r} gets lost: {where}.",
                FIX,
                variable=variable.name,
                op=model.saves[0].node.name if model.saves else "",
            )


def _kept(model: GraphModel, site: Any) -> list:
    """The statistics that evaluation needs: those that are read or written in this graph."""
    return [v for v in site.statistics if site.mode != "batch" or v.of_kind("update", "other")]


def bad() -> samples.Sample:
    """A Saver of the trainable variables."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images())).output
        p.train(p.loss(y))
        p.save(samples.tf.trainable_variables())
        return p.sample()


def good() -> samples.Sample:
    """A Saver of everything, beside a partial one for fine-tuning."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images())).output
        p.train(p.loss(y))
        p.save()
        p.save(samples.tf.trainable_variables(), "warm")
        return p.sample()
