"""Fetching a prediction, metric or summary on the training graph moves the averages.

What it checks.
    Each thing a program says it fetches (--fetch), and each end of the graph that looks like a prediction or a
    metric and that the train op does not run, is followed backwards. If that runs an update that no flag of the
    caller guards, the averages move. A guard against an empty batch, a branch that the data choose, and a counter of
    steps are no such flag.

Why it matters.
    With in-place updates the output itself implies the update. Validating on the training graph then moves the
    averages, and test data leaks into the model.

Known limits.
    Which ops a program fetches is not in the graph; without --fetch the confidence is low. Metrics that are
    fetched together with the train op do no harm.

Fix.
    Evaluate on a graph built with is_training=False, or switch the mode with a placeholder.

References.
    The documentation of slim.batch_norm, updates_collections=None.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import own, samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN014", "fetching an output moves the averages", "warning", "S")
FIX = "Evaluate on a graph built for inference, or give the batch norm a bool placeholder as its training switch."
_ENDS = ("ArgMax", "Softmax", "InTopKV2", "InTopK", "TopKV2", "Sigmoid", "Equal")


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm whose averages a likely fetch moves."""
    if not model.trains:
        return
    told = [number for number in model.fetches if not _only_updates(model, number)]
    ends = told or [n.id for n in model.nodes if n.op in _ENDS and not model.trained[n.id]]
    for site in model.sites_in_training():
        for variable, writer in model.updates(site)[:1]:
            if model.switched(writer):
                continue
            for number in ends:
                if model.flow.reach([number])[writer.node.id]:
                    yield RULE.finding(
                        site.scope,
                        f"fetching {model.nodes[number].name!r} runs {writer.node.name!r}, which moves"
                        f" {variable.name!r}.{own.spoken(model, site)}",
                        FIX,
                        confidence="high" if told else "low",
                        variable=variable.name,
                        op=writer.node.name,
                        target=model.nodes[number].name,
                    )
                    break


def _only_updates(model: GraphModel, number: int) -> bool:
    """Whether a fetch is the program's own step for the updates or a train op: no value is computed by it."""
    op = model.nodes[number].op
    return op == "NoOp" or op.startswith("Assign") or number in model.update_ops


def bad() -> samples.Sample:
    """In-place updates, and predictions in the same graph."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images()), on_output=True, collection=None).output
        samples.tf.argmax(samples.tf.reduce_mean(y, [1, 2]), 1, name="prediction")
        p.train(p.loss(y))
        p.save()
        return p.sample(fetches=("prediction",))


def good() -> samples.Sample:
    """Updates on the train op alone; predictions leave the averages as they are."""
    with samples.program() as p:
        y = p.norm(p.conv(p.images())).output
        samples.tf.argmax(samples.tf.reduce_mean(y, [1, 2]), 1, name="prediction")
        p.train(p.loss(y))
        p.save()
        return p.sample(fetches=("prediction",))
