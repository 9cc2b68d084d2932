"""Weight decay includes gamma or beta.

What it checks.
    Entries of REGULARIZATION_LOSSES that are computed from gamma or beta.

Why it matters.
    Decaying gamma shrinks the output and decaying beta moves it; recipes usually leave both out.

Known limits.
    Penalties that are added to the loss without the collection are not seen.

Fix.
    Exclude batch-norm parameters from weight decay.

References.
    He et al., 2018, 'Bag of tricks', section 3.1, no bias decay.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN047", "weight decay acts on gamma or beta", "info", "S")
FIX = "Leave gamma and beta out of the regulariser."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each decayed parameter."""
    penalties = _penalties(model)
    for site in model.sites:
        for variable in site.affine if penalties else ():
            entry = penalties.get(variable.node.id)
            if entry is not None:
                yield RULE.finding(
                    site.scope,
                    f"the penalty {model.nodes[entry].name!r} includes {variable.name!r}.",
                    FIX,
                    variable=variable.name,
                    op=model.nodes[entry].name,
                )


def _penalties(model: GraphModel) -> dict[int, int]:
    """Returns op -> the first penalty that is computed from it; penalties are many, and each is of few ops."""
    found: dict[int, int] = {}
    for entry in model.collection("regularization_losses"):
        todo = [entry]
        while todo:
            number = todo.pop()
            # What an earlier penalty is made of was followed to its end then.
            if number not in found:
                found[number] = entry
                todo += model.flow.data_parents[number]
    return found


def bad() -> samples.Sample:
    """A penalty on every trainable variable."""
    return _decayed("")


def good() -> samples.Sample:
    """A penalty on the kernels."""
    return _decayed("kernel")


def _decayed(only: str) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        y = p.norm(p.conv(p.images())).output
        for variable in tf.trainable_variables():
            if only in variable.name:
                tf.add_to_collection("regularization_losses", 1e-4 * tf.nn.l2_loss(variable))
        p.train(p.loss(y) + tf.add_n(tf.get_collection("regularization_losses")))
        p.save()
        return p.sample()
