"""One training step writes the same average several times, in no order.

What it checks.
    The updates of each average that one train op runs are counted. Updates in opposite branches, and updates of
    which one waits for the other, do not count as racing.

Why it matters.
    Every writer reads the same old value, so K of them subtract K times too much. With K (1 - decay) above 1
    the average can overshoot: the variance becomes negative and inference gives NaN. The result also differs
    from run to run.

Known limits.
    Writers in device towers are reported by BN018. Updates that read and write in one op, as those of tf1bn's own
    layers do, lose nothing: that they have no order is information.

Fix.
    Average the batch statistics first and write once, or order the writers.

References.
    Measured: never negative up to K (1 - decay) = 1.6, minimum -1.1e4 at 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import ordering, samples, towers
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel
    from tf1bn.graph.site import Site
    from tf1bn.graph.training import TrainOp
    from tf1bn.graph.variables import Variable, Writer

RULE = Rule("BN015", "several unordered ops write one average in one step", "warning", "SCD")
FIX = "Write once per step: average the batch moments of all uses first, or keep the updates of one use only."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each average with racing writers."""
    for site in _first_owner(model):
        for variable in site.statistics:
            for item in model.train_ops:
                writers = [w for v, w in model.updates(site) if v is variable and item.reached[w.node.id]]
                if len(writers) < 2 or towers.of(model, writers):
                    continue
                racing = _racing(model, writers)
                if racing < 2:
                    continue
                if all(writer.indivisible for writer in writers):
                    yield _without_order(site, variable, item, writers, racing)
                    continue
                decay = next((d for d in map(model.decay, writers) if d is not None), None)
                excess = None if decay is None else racing * (1 - decay)
                yield RULE.finding(
                    site.scope,
                    f"the train op {item.name!r} runs {racing} unordered updates of {variable.name!r}"
                    + (f"; {racing} x (1 - {decay:.6g}) = {excess:.3g}" if excess is not None else "")
                    + (", above 1: the variance can become negative." if excess is not None and excess > 1 else "."),
                    FIX,
                    severity="error" if excess is not None and excess > 1 else "warning",
                    variable=variable.name,
                    op=writers[0].node.name,
                    target=item.name,
                )
                break


def _without_order(site: Site, variable: Variable, item: TrainOp, writers: list[Writer], racing: int) -> Finding:
    return RULE.finding(
        site.scope,
        f"the train op {item.name!r} runs {racing} updates of {variable.name!r} in no order; each is one op, so all of"
        " them count, and only which one is last differs from run to run.",
        FIX,
        severity="info",
        variable=variable.name,
        op=writers[0].node.name,
        target=item.name,
    )


def _first_owner(model: GraphModel) -> list[Any]:
    """One site for each set of averages."""
    return list({tuple(v.name for v in site.statistics): site for site in reversed(model.sites)}.values())


def _racing(model: GraphModel, writers: list) -> int:
    """How many of the writers can run in one step without an order between them."""
    chosen: list = []
    for writer in writers:
        number = writer.node.id
        free = all(
            not ordering.waits(model, number, other)
            and not ordering.waits(model, other, number)
            and not _opposite(model, number, other)
            for other in chosen
        )
        if free:
            chosen.append(number)
    return len(chosen)


def _opposite(model: GraphModel, one: int, two: int) -> bool:
    there = model.gates(two)
    return any((tensor, 1 - branch) in there for tensor, branch in model.gates(one) if branch in (0, 1))


def bad() -> samples.Sample:
    """One layer used twice on the same input, with racing updates."""
    with samples.program() as p:
        x = p.conv(p.images())
        y = p.norm(x, "bn").output + p.norm(samples.tf.nn.relu(x), "bn").output
        p.train(p.loss(y))
        p.save()
        return p.sample()


def good() -> samples.Sample:
    """One layer used twice; only the first use updates."""
    with samples.program() as p:
        x = p.conv(p.images())
        first = p.norm(x, "bn")
        second = p.norm(samples.tf.nn.relu(x), "bn", collection="skipped")
        p.train(p.loss(first.output + second.output))
        p.save()
        return p.sample()
