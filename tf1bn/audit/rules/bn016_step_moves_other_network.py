"""One of several train ops moves averages that belong to a network it does not train.

What it checks.
    With two or more train ops, each update that a train op runs must belong to a batch norm whose gamma or beta
    that train op also moves.

Why it matters.
    In adversarial training both optimizers often wait for the whole UPDATE_OPS. Then each step moves the other
    network's averages too, twice as fast, and asks for placeholders that it does not need.

Known limits.
    A batch norm without gamma and beta cannot be attributed and is passed over.

Fix.
    Filter UPDATE_OPS by the scope of the network for each train op.

References.
    The documentation of tf.get_collection, argument `scope`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN016", "a train step moves the averages of a network it does not train", "warning", "SD")
FIX = "Let each train op wait for tf.get_collection(tf.GraphKeys.UPDATE_OPS, scope=its own network) only."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm that a foreign train op moves."""
    if len(model.train_ops) < 2:
        return
    weights = [frozenset(weight.name for weight in item.weights) for item in model.train_ops]
    foreign: dict[tuple[int, ...], list[int]] = {(): []}  # by the train ops that train a site: those that must not
    for site in model.sites:
        names = {variable.name for variable in site.affine}
        owners = tuple(at for at, trained in enumerate(weights) if not names.isdisjoint(trained))
        if owners not in foreign:
            shared = frozenset.intersection(*(weights[at] for at in owners))
            others = [(at, trained) for at, trained in enumerate(weights) if trained and at not in owners]
            foreign[owners] = [at for at, trained in others if trained.isdisjoint(shared)]
        for item in (model.train_ops[at] for at in foreign[owners]):
            moved = [(v, w) for v, w in model.updates(site) if item.reached[w.node.id]]
            if moved:
                variable, writer = moved[0]
                yield RULE.finding(
                    site.scope,
                    f"the train op {item.name!r} moves {variable.name!r}, but its weights are trained by"
                    f" {model.train_ops[owners[0]].name!r}.",
                    FIX,
                    variable=variable.name,
                    op=writer.node.name,
                    target=item.name,
                )


def bad() -> samples.Sample:
    """Two optimizers, each behind the whole collection."""
    return _adversarial(scoped=False)


def good() -> samples.Sample:
    """Two optimizers, each behind the updates of its own network."""
    return _adversarial(scoped=True)


def _adversarial(scoped: bool) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        with tf.variable_scope("generator"):
            fake = p.norm(p.dense(p.rows("noise"), 4), "bn").output
        with tf.variable_scope("discriminator"):
            score = p.norm(p.dense(fake, 4), "bn").output
        for network, loss in (("discriminator", p.loss(score, "d_loss")), ("generator", p.loss(-score, "g_loss"))):
            updates = tf.get_collection(samples.UPDATE_OPS, network if scoped else None)
            weights = tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, network)
            p.train(loss, updates, weights, f"train_{network}")
        p.save()
        return p.sample()
