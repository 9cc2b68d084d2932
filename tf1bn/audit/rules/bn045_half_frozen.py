"""Of a batch norm only gamma and beta, or only the statistics, are frozen.

What it checks.
    For each trained batch norm: are its averages written by the train op, and do gamma and beta get gradients?
    The two mixed states are reported when other batch norms of the graph are not in them.

Why it matters.
    "Frozen" layers drift when their averages move on; gamma and beta trained on frozen statistics are another
    half.

Known limits.
    Both states are sometimes meant; confidence is low. A graph in which all batch norms are alike is left
    alone.

Fix.
    Name the state: train, frozen, affine only, statistics only.

References.
    Public reports on fine-tuning with `trainable=False`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import own, samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN045", "a batch norm is frozen by half", "warning", "S")
FIX = "Freeze both: trainable=False and training=False; or neither."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each half-frozen batch norm among others."""
    active = [site for site in model.sites_in_training() if site.affine and site.statistics]
    # A network built in each branch of a conditional has two sites for one batch norm; the one in training tells.
    by_batch = {site.scope for site in active if model.uses_batch(site)}
    found = {}
    for site in active:
        learns = any(variable.name in model.gradients for variable in site.affine)
        found[site.scope] = (site, learns, bool(model.reached(model.updates(site))))
    if not any(learns and (moves or scope in by_batch) for scope, (_, learns, moves) in found.items()):
        return
    for scope, (site, learns, moves) in found.items():
        if learns == moves or (learns and scope in by_batch) or own.explicit(model, site):
            continue
        what = (
            "its averages move, gamma and beta are frozen" if moves else "gamma and beta learn, its averages are frozen"
        )
        yield RULE.finding(
            site.scope,
            f"{what}, while other batch norms train.{own.spoken(model, site)}",
            FIX,
            confidence="low",
            variable=(site.statistics if moves else site.affine)[0].name,
        )


def bad() -> samples.Sample:
    """A layer with frozen gamma and beta whose averages move."""
    return _two(training=True)


def good() -> samples.Sample:
    """A layer that is frozen entirely."""
    return _two(training=False)


def _two(training: bool) -> samples.Sample:
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), "frozen", learn=False, training=training).output
        y = p.norm(p.conv(y, name="conv1"), "trained").output
        p.train(p.loss(y))
        p.save()
        return p.sample()
