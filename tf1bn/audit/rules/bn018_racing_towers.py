"""In a model with several towers, every tower writes the same averages in the same step.

What it checks.
    Updates of one average from differently named or placed towers (`tower_0`, `clone_1`, `replica_2`, `/gpu:1`)
    that one train op runs are counted.

Why it matters.
    All towers read the old average and write: N towers move it N times as fast, and with N (1 - decay) above 1
    the variance can become negative. The result depends on the order in which devices finish.

Known limits.
    One tower alone updating is a known, deliberate choice and not reported. Updates that are one op, as those of
    tf1bn's own layers, make no variance negative.

Fix.
    Choose: the first tower, the mean of the towers, or synchronised statistics.

References.
    The multi-device examples of TensorFlow 1 use the updates of one tower.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples, towers
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN018", "several device towers write one average without an order", "warning", "S")
FIX = "Run the updates of one tower only, or average the towers' batch moments and write once."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each average that several towers write."""
    done = set()
    for site in model.sites:
        for variable in site.statistics:
            writers = [w for v, w in model.updates(site) if v is variable and model.trained[w.node.id]]
            names = towers.of(model, writers)
            if not names or variable.name in done:
                continue
            done.add(variable.name)
            decay = next((d for d in map(model.decay, writers) if d is not None), None)
            lossy = not all(writer.indivisible for writer in writers)
            severe = lossy and decay is not None and len(names) * (1 - decay) > 1
            yield RULE.finding(
                site.scope,
                f"{len(names)} towers ({', '.join(names)}) write {variable.name!r} in one step, in no order.",
                FIX,
                severity="error" if severe else "warning",
                variable=variable.name,
                op=writers[0].node.name,
            )


def bad() -> samples.Sample:
    """Two towers, all updates."""
    return _towers(count=2)


def good() -> samples.Sample:
    """Two towers, the updates of the first."""
    return _towers(count=1)


def _towers(count: int) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:
        losses: list[Any] = []
        updates: list[Any] = []
        for number in range(2):
            with tf.name_scope(f"tower_{number}"):
                x = p.rows()
                bn = p.variables("bn", 4)
                mean, variance = tf.nn.moments(x, [0])
                losses.append(p.loss(p.apply(x, bn, mean, variance)))
                own = [p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]
                updates.extend(own if number < count else ())
        p.train(tf.add_n(losses), updates)
        p.save()
        return p.sample()
