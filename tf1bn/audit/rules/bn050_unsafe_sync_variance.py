"""A variance over replicas is computed as E[x^2] - E[x]^2 without a clamp.

What it checks.
    Where the batch moments of a batch norm go through an all-reduce, a subtraction of two moments that nothing
    bounds from below.

Why it matters.
    The difference of two nearly equal float32 numbers can be negative; its square root is NaN.

Known limits.
    Means of replica means with unequal batches are wrong as well, but the graph does not show the batch sizes.

Fix.
    Reduce sums and counts, and clamp the variance at 0.

References.
    Chan, Golub and LeVeque, 1983, on computing the sample variance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN050", "a synchronised variance can become negative", "warning", "SD")
FIX = "Clamp the variance at zero (tf.maximum), or reduce centred sums and counts in a second pass."
_REDUCES = ("CollectiveReduce", "CollectiveReduceV2", "NcclAllReduce", "HorovodAllreduce")
_CLAMPS = ("Maximum", "Relu", "Abs", "ClipByValue")


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each variance without a clamp."""
    for site in model.sites_in_training():
        for item in site.normalizers:
            path = model.flow.computed(item.variance)
            ops = {model.nodes[number].op for number in path}
            if ops & set(_REDUCES) and "Sub" in ops and not ops & set(_CLAMPS):
                name = next(model.nodes[number].name for number in sorted(path) if model.nodes[number].op == "Sub")
                yield RULE.finding(
                    site.scope,
                    f"the variance over replicas is the difference {name!r}, and nothing keeps it from being negative.",
                    FIX,
                    confidence="medium",
                    op=name,
                )


def bad() -> samples.Sample:
    """E[x^2] - E[x]^2 over two replicas."""
    return _synchronised(clamp=False)


def good() -> samples.Sample:
    """The same with a clamp."""
    return _synchronised(clamp=True)


def _synchronised(clamp: bool) -> samples.Sample:
    tf = samples.tf
    with samples.program() as p:

        def reduce(value: Any, key: int) -> Any:
            return tf.raw_ops.CollectiveReduce(
                input=value,
                group_size=2,
                group_key=1,
                instance_key=key,
                merge_op="Add",
                final_op="Div",
                subdiv_offsets=[0],
            )

        x = p.dense(p.rows())
        bn = p.variables("bn", 4)
        mean, square = reduce(tf.reduce_mean(x, [0]), 1), reduce(tf.reduce_mean(tf.square(x), [0]), 2)
        variance = square - tf.square(mean)
        variance = tf.maximum(variance, 0.0) if clamp else variance
        updates = [p.move(bn.mean, mean), p.move(bn.variance, variance, suffix="_1")]
        p.train(p.loss(p.apply(x, bn, mean, variance)), updates, [bn.beta, bn.gamma])
        p.save()
        return p.sample()
