"""The batch norm treats another axis as channels than the convolution that feeds it.

What it checks.
    The data_format of the fused op, or the reduced axes of the moments, is compared with the data_format of the
    convolution or pooling op before it.

Why it matters.
    With channels first and the axis left at -1, every column of the image is normalised as a channel: slow
    learning and stripes.

Known limits.
    Only layers with a data_format attribute directly before the batch norm are compared.

Fix.
    Set the axis (`axis=1`, or `data_format`) of the batch norm.

References.
    The documentation of tf.layers.batch_normalization, argument `axis`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tf1bn.audit import samples, shapes
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN041", "the batch norm and the layer before it disagree about the channel axis", "error", "S")
FIX = "Pass axis=1 (or data_format='NCHW') for channels first, axis=-1 for channels last."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each contradiction."""
    for site in model.sites:
        there, name = shapes.layout_before(model, site)
        if not there:
            continue
        axes = shapes.reduced(model, site)
        channel = 1 if there == "NCHW" else 3
        if axes is not None and len(axes) == 3 and channel in axes:
            yield RULE.finding(
                site.scope,
                f"{name!r} is {there} with channels on axis {channel}, and the batch norm reduces axes {sorted(axes)}.",
                FIX,
                op=site.normalizers[0].node.name,
                target=name,
            )


def bad() -> samples.Sample:
    """Channels first, and a batch norm over the last axis."""
    return _laid_out("NHWC")


def good() -> samples.Sample:
    """Channels first in both."""
    return _laid_out("NCHW")


def _laid_out(layout: str) -> samples.Sample:
    with samples.program() as p:
        y = p.conv(p.images(layout="NCHW"), layout="NCHW")
        p.train(p.loss(p.norm(y, layout=layout, fused=False).output))
        p.save()
        return p.sample()
