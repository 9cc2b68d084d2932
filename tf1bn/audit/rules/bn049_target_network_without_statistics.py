"""A target or teacher network gets gamma and beta and not the averages.

What it checks.
    Assignments from variable to variable between two scopes: if they cover gamma or beta of a batch norm and
    not its averages, that is reported.

Why it matters.
    `zip(trainable, target_trainable)` leaves the averages out; the target network normalises with 0 and 1, and
    training diverges.

Known limits.
    Copies through Python (`session.run` and `load`) are not in the graph.

Fix.
    Copy all variables of the scope.

References.
    Public reports on target networks with batch norm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN049", "a copy of a network leaves the averages out", "warning", "SD")
FIX = "Copy the averages too: zip over global variables of the two scopes, not over trainable ones."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each copied batch norm without its averages."""
    for site in model.sites:
        copied = [v for v in site.affine if _copies(model, v)]
        left = [v for v in site.statistics if not _copies(model, v) and not v.of_kind("update", "other")]
        if copied and left:
            source = _copies(model, copied[0])[0]
            yield RULE.finding(
                site.scope,
                f"{copied[0].name!r} is copied from {source!r}, {left[0].name!r} is not.",
                FIX,
                variable=left[0].name,
            )


def _copies(model: GraphModel, variable: Any) -> list[str]:
    """The variables of another scope that are copied into this one."""
    leaf = variable.name.rsplit("/", 1)[-1]
    found = []
    for writer in variable.of_kind("copy"):
        for other in model.variables.among(set(writer.sources)):
            if other is not variable and other.name.rsplit("/", 1)[-1] == leaf and other.scope != variable.scope:
                found.append(other.name)
    return found


def bad() -> samples.Sample:
    """Trainable variables are copied."""
    return _target(samples.tf.GraphKeys.TRAINABLE_VARIABLES)


def good() -> samples.Sample:
    """All variables are copied."""
    return _target(samples.tf.GraphKeys.GLOBAL_VARIABLES)


def _target(key: str) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        with tf.variable_scope("online"):
            y = p.norm(p.dense(p.rows("state"))).output
        with tf.variable_scope("target"):
            p.norm(p.dense(p.rows("next")), training=False)
        p.train(p.loss(y), var_list=tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, "online"))
        pairs = list(zip(tf.get_collection(key, "target/"), tf.get_collection(key, "online/"), strict=True))
        tf.group(*[tf.assign(target, 0.01 * online + 0.99 * target) for target, online in pairs], name="sync")
        p.save()
        return p.sample()
