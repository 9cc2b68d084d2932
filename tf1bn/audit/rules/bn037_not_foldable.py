"""A batch norm in a deployed graph follows a convolution and yet cannot be folded into it.

What it checks.
    In frozen graphs and SavedModels, a batch norm that follows a convolution or matrix product is looked at for
    what stands in the way: a conditional, a concatenation or transposition between them, other users of the
    layer.

Why it matters.
    Converters leave it as it is, or crash, or change the results; inference is slower than it has to be.

Known limits.
    A batch norm that no linear layer precedes is not reported; the reason is in the list of sites.

Fix.
    Fold it yourself with a numeric check, or rearrange the graph.

References.
    Jacob et al., 2018, section 3.2, on folding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule
from tf1bn.graph.folding import planning

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN037", "a served batch norm cannot be folded into the layer before it", "warning", "S")
FIX = "Fold it with a numeric check (tf1bn.checkpoint), or remove what stands between the two layers."
_BLOCKS = ("ConcatV2", "Concat", "Transpose", "Pad", "Switch", "Merge", "If")


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each batch norm that something keeps from being folded."""
    if not model.deployed:
        return
    for site in model.sites:
        reason = planning.blocker(model, site)
        if not reason or model.always_batch(site):
            continue
        node = model.nodes[model.flow.strip(site.x)[0]]
        near = [model.nodes[source].op for source, _ in node.inputs]
        blocked = node.op in _BLOCKS and any(op.startswith(("Conv2D", "MatMul", "DepthwiseConv2d")) for op in near)
        if blocked or site.predicate is not None or "other users" in reason:
            yield RULE.finding(
                site.scope,
                f"it cannot be folded: {reason}.",
                FIX,
                confidence="medium",
                op=site.normalizers[0].node.name,
            )


def bad() -> samples.Sample:
    """A concatenation between convolution and batch norm."""
    tf = samples.tf

    def build(p: Any) -> Any:
        x = p.images()
        joined = tf.concat([p.conv(x, 4, "left"), p.conv(x, 4, "right")], 3)
        return p.norm(joined, training=False).output

    return samples.frozen(build)


def good() -> samples.Sample:
    """The batch norm follows the convolution."""
    return samples.frozen(lambda p: p.norm(p.conv(p.images()), training=False).output)
