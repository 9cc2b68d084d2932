"""Averages of shape [1, ..., C], one rank above the input.

What it checks.
    The static shape of each average: all sizes 1 but one, and a rank above that of the input.

Why it matters.
    Virtual (ghost) batches of tf.layers make such variables. Their inference path is wrong, and other code
    cannot restore them.

Known limits.
    Averages of the input's own rank are keep-dims averages, which are right. Where tf1bn made the layer, with the
    shapes of the original, its inference path is right; that is information.

Fix.
    Squeeze them when migrating, and use an own ghost batch norm.

References.
    Measured: `virtual_batch_size` makes [1, 1, C] for rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN054", "averages have the extra axis of a virtual batch", "warning", "S")
FIX = "Squeeze the averages to [C] when migrating; do not restore them into another layer as they are."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm with an extra axis."""
    for site in model.sites:
        for variable in site.statistics[:1]:
            shape = variable.shape or ()
            wide = [size for size in shape if size != 1]
            rank = model.flow.rank(site.x)
            above = len(shape) - rank if rank is not None else -1
            reshaped = model.nodes[model.flow.strip(site.x)[0]].op == "Reshape"
            if len(shape) > 2 and len(wide) <= 1 and (above == 1 or (above == 0 and reshaped)):
                yield RULE.finding(
                    site.scope,
                    f"{variable.name!r} has the shape {shape}, of a virtual batch.",
                    FIX,
                    severity="info" if site.scope in model.records else "",
                    confidence="medium",
                    variable=variable.name,
                )


def bad() -> samples.Sample:
    """Averages of shape [1, 1, 4] for rows."""
    return _shaped([1, 1, 4])


def good() -> samples.Sample:
    """Averages of shape [4]."""
    return _shaped([4])


def _shaped(shape: list[int]) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        x = p.dense(p.rows())
        bn = p.variables("bn", 4, shape=shape)
        ghost = tf.reshape(x, [-1, 2, 4]) if len(shape) == 3 else x
        mean, variance = tf.nn.moments(ghost, list(range(len(ghost.shape) - 1)), keep_dims=len(shape) == 3)
        updates = [p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]
        p.train(p.loss(p.apply(ghost, bn, mean, variance)), updates)
        p.save()
        return p.sample()
