"""The same averages are written from two inputs that come from different placeholders or data sets.

What it checks.
    The batch moments that feed each average are followed back to placeholders, iterators and queues. Two
    updates with nothing in common are reported, device towers aside.

Why it matters.
    Real and generated, labelled and unlabelled batches have different statistics. One average of both fits
    neither, and evaluation is poor although every update runs.

Known limits.
    Two pipelines may deliver the same distribution; the graph does not say.

Fix.
    Keep one set of averages per domain, or update from one domain only.

References.
    Xie et al., 2020, on separate batch norms for separate distributions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples, towers
from tf1bn.audit.finding import Finding, Rule
from tf1bn.graph.once import once
from tf1bn.graph.switches import FLAG

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN017", "one set of averages is fed by inputs of different kinds", "warning", "S")
FIX = "Keep averages per input domain, or let only one of the uses update them."
_INPUTS = (
    "Placeholder",
    "PlaceholderWithDefault",
    "IteratorGetNext",
    "QueueDequeueV2",
    "QueueDequeueManyV2",
    "QueueDequeueUpToV2",
    "ReaderReadV2",
    "RandomUniform",
    "RandomStandardNormal",
    "OneShotIterator",
)


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each average that disjoint inputs feed."""
    done = set()
    for site in model.sites_in_training():
        for variable in site.statistics:
            writers = [w for v, w in model.updates(site) if v is variable and model.ran[w.node.id]]
            if len(writers) < 2 or variable.name in done or towers.of(model, writers):
                continue
            done.add(variable.name)
            inputs = [_inputs(model, writer) for writer in writers]
            pairs = [(a, b) for i, a in enumerate(inputs) for b in inputs[:i] if a and b and not a & b]
            if pairs:
                names = [sorted(item)[0] for item in pairs[0][::-1]]
                yield RULE.finding(
                    site.scope,
                    f"{variable.name!r} is updated from {names[0]!r} and from {names[1]!r}, which share nothing.",
                    FIX,
                    confidence="medium",
                    variable=variable.name,
                    op=writers[0].node.name,
                )
                done.update(item.name for item in site.statistics)


def _inputs(model: GraphModel, writer: Any) -> frozenset[str]:
    names, behind = _fed(model)
    bits = 0
    for number, _ in writer.sources:
        bits |= behind[number] if number not in model.variables.by_node else 0
    return frozenset(name for place, name in enumerate(names) if bits >> place & 1)


@once
def _fed(model: GraphModel) -> tuple[list[str], list[int]]:
    """The names of the inputs, and for each op the bits of those that it is computed from."""
    found = [n for n in model.flow.of_ops(_INPUTS.__contains__) if model.switches.kind((n.id, 0)) != FLAG]
    own = {node.id: 1 << place for place, node in enumerate(found)}
    return [node.name for node in found], model.flow.inherited(own, data=True)


def bad() -> samples.Sample:
    """A discriminator that keeps one set of averages for real and generated rows."""
    with samples.program() as p:
        real = p.norm(p.dense(p.rows("real")), "bn", collection=None)
        with samples.tf.control_dependencies(real.updates):
            fake = p.norm(p.dense(p.rows("fake")), "bn", collection=None)
        p.train(p.loss(real.output) + p.loss(fake.output), [*real.updates, *fake.updates])
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """Only the real rows move the averages."""
    with samples.program() as p:
        real = p.norm(p.dense(p.rows("real")), "bn")
        fake = p.norm(p.dense(p.rows("fake")), "bn", collection="skipped")
        p.train(p.loss(real.output) + p.loss(fake.output))
        p.save()
        return p.sample()
