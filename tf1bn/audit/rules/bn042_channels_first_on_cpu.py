"""A batch norm in NCHW layout with a CPU device.

What it checks.
    The data_format of fused ops whose device is stated as a CPU.

Why it matters.
    Several CPU kernels know channels last only: the graph fails, or transposes around every layer.

Known limits.
    Graphs without device names are not judged.

Fix.
    Build the inference graph with channels last.

References.
    The documentation of tf.nn.conv2d, data_format, on CPU support.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tf1bn.audit import samples
from tf1bn.audit.finding import Finding, Rule

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

RULE = Rule("BN042", "a channels-first batch norm is placed on the CPU", "warning", "S")
FIX = "Build the CPU graph with channels last, or clear the device."


def check(model: GraphModel) -> Iterator[Finding]:
    """Yields one finding for each channels-first op on a CPU."""
    for site in model.sites:
        for item in site.normalizers:
            if item.data_format.startswith("NC") and "cpu" in item.node.device.lower():
                yield RULE.finding(
                    site.scope,
                    f"{item.node.name!r} is {item.data_format} on {item.node.device!r}.",
                    FIX,
                    op=item.node.name,
                )


def bad() -> samples.Sample:
    """A serving graph in NCHW on the CPU."""
    return _placed("/cpu:0")


def good() -> samples.Sample:
    """The same without a device."""
    return _placed(None)


def _placed(device: Any) -> samples.Sample:
    with samples.program() as p, samples.tf.device(device):
        p.norm(p.conv(p.images(layout="NCHW"), layout="NCHW"), layout="NCHW", training=False)
        p.save()
        return p.sample()
