"""The normaliser or the loss uses moments through which no gradient passes.

What it checks.
    Two patterns: statistics outputs of a fused batch norm that feed another normaliser or a differentiated
    value; and a stop_gradient between the moments of a batch and the normaliser.

Why it matters.
    The gradient of the fused op's statistics outputs is silently zero, and a stop_gradient cuts two of the
    three terms of batch norm's gradient. Training runs and is wrong.

Known limits.
    The stop_gradient that tf.nn.moments has inside its variance is harmless and not reported, nor is one on a
    shift that is subtracted from the input as well as from its mean.

Fix.
    Compute moments with tf.nn.moments where a gradient is needed.

References.
    Measured: all zeros, not None. Ioffe and Szegedy, 2015, section 3, on the gradient through the statistics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN046", "no gradient passes through the batch moments", "error", "S")
FIX = "Use tf.nn.moments for statistics that need a gradient, and no stop_gradient on the way to the normaliser."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each lost gradient."""
    for site in model.sites_in_training():
        for item in site.normalizers:
            if item.fused and item.mode == "batch":
                continue
            used = model.flow.sources(item.mean) | model.flow.sources(item.variance)
            fused = sorted(n for n, out in used if model.nodes[n].op.startswith("FusedBatchNorm") and out in (1, 2))
            stops = [
                n
                for t in (item.mean, item.variance)
                for n in _on_the_way(model, t)
                if model.nodes[n].op == "StopGradient" and site.moments and not _shifts(model, n, item.x)
            ]
            culprit = fused[:1] or sorted(stops)[:1]
            if culprit:
                name = model.nodes[culprit[0]].name
                yield RULE.finding(
                    site.scope,
                    f"no gradient passes {name!r} on the way from the batch moments to the normaliser.",
                    FIX,
                    op=name,
                    target=item.node.name,
                )
    yield from _penalties(model)


def _on_the_way(model: GraphModel, tensor: Any) -> frozenset[int]:
    """The nodes between a tensor and its sources, without those inside of a function with a gradient of its own."""
    way = model.flow.computed(tensor)
    ends = [n for n in way if model.nodes[n].op == "IdentityN" and model.nodes[n].attr("_gradient_op_type") is not None]
    inside = {n for end in ends for source in model.nodes[end].inputs for n in model.flow.computed(source)}
    return way - inside


def _shifts(model: GraphModel, number: int, x: Any) -> bool:
    """Whether a value is also subtracted from the input: the output then does not depend on it."""
    inputs = {model.flow.strip(x)}
    for user, position, _ in model.flow.users[number]:
        node = model.nodes[user]
        if node.op == "Sub" and position == 1 and model.flow.strip(node.inputs[0]) in inputs:
            return True
    return False


def _penalties(model: GraphModel) -> Iterator[Finding]:
    """Values that are differentiated and computed from the statistics outputs of a fused op."""
    differentiated = None
    for site in model.sites_in_training():
        for item in site.normalizers:
            if not item.fused or item.mode != "batch":
                continue
            if differentiated is None:
                differentiated = _differentiated(model)
            for name in _used(model, item.node.id):
                if name in differentiated:
                    yield RULE.finding(
                        site.scope,
                        f"{name!r} is differentiated, but the gradient of {item.node.name!r}'s statistics is zero.",
                        FIX,
                        op=item.node.name,
                        target=name,
                    )
                    break


def _differentiated(model: GraphModel) -> set[str]:
    marker = re.compile(r"(?:^|/)gradients?(?:_\d+)?/(.*)_grad/")
    return {match.group(1) for node in model.nodes if (match := marker.search(node.name))}


def _used(model: GraphModel, number: int) -> Iterator[str]:
    """The users of a fused op's statistics, updates aside; the outputs of conditionals are looked through."""
    todo = [(number, 1), (number, 2)]
    seen: set[tuple[int, int]] = set()
    while todo and len(seen) < 300:
        tensor = todo.pop()
        for user, position, output in model.flow.users[tensor[0]]:
            node = model.nodes[user]
            after = (user, ~position if position < 0 else 0)
            if output != tensor[1] or after in seen or node.op.startswith(("FusedBatchNormGrad", "Assign")):
                continue
            if "_grad/" in node.name or (position >= 0 and user in model.flow.bodies):
                continue
            seen.add(after)
            todo.append(after)
            if position >= 0:
                yield node.name


def bad() -> samples.Sample:
    """stop_gradient on the moments."""
    return _stopped(stop=True)


def good() -> samples.Sample:
    """Plain moments."""
    return _stopped(stop=False)


def _stopped(stop: bool) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        x = p.dense(p.rows())
        bn = p.variables("bn", 4)
        mean, variance = tf.nn.moments(x, [0])
        updates = [p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]
        if stop:
            mean, variance = tf.stop_gradient(mean), tf.stop_gradient(variance)
        p.train(p.loss(p.apply(x, bn, mean, variance)), updates)
        p.save()
        return p.sample()
