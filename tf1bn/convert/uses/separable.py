"""Separable convolutions: a depthwise one and a 1x1 one behind it, which Keras keeps as one layer."""

from __future__ import annotations

from collections.abc import Iterator

from tf1bn.convert.layer import BIAS, KERNEL, Layer
from tf1bn.convert.reader import Reader
from tf1bn.convert.target import Target, whole
from tf1bn.convert.uses import conv, depthwise
from tf1bn.convert.uses.kind import Kind

NAME = "separable"
DEPTHWISE, POINTWISE = "depthwise_kernel", "pointwise_kernel"


def find(reader: Reader) -> None:
    """Joins pairs of one scope: a depthwise convolution, and the 1x1 convolution that takes just its result."""
    for second in [item for item in reader.layers if item.kind == conv.NAME]:
        kernel = second.tensors[KERNEL]
        if len(kernel.shape) != 4 or kernel.shape[:2] != (1, 1):
            continue
        source = reader.flow.strip(reader.nodes[second.node].inputs[0])
        first = next((item for item in reader.layers if item.kind == depthwise.NAME and item.node == source[0]), None)
        if first is None or first.scope != second.scope or BIAS in first.tensors:
            continue
        layer = Layer(NAME, second.scope, {DEPTHWISE: first.tensors[KERNEL], POINTWISE: kernel})
        if BIAS in second.tensors:
            layer.tensors[BIAS] = second.tensors[BIAS]
        layer.traits = first.traits | {"activation": second.traits.get("activation", "")}
        layer.output, layer.place, layer.node, layer.why = second.output, first.place, second.node, first.why
        reader.layers = [item for item in reader.layers if item not in (first, second)] + [layer]


def split(layer: Layer) -> tuple[Layer, Layer]:
    """Returns the two convolutions that a separable one is elsewhere."""
    first = Layer(depthwise.NAME, f"{layer.scope}/depthwise", {KERNEL: layer.tensors[DEPTHWISE]}, dict(layer.traits))
    first.traits.pop("activation", None)
    second = Layer(conv.NAME, f"{layer.scope}/pointwise", {KERNEL: layer.tensors[POINTWISE]})
    if BIAS in layer.tensors:
        second.tensors[BIAS] = layer.tensors[BIAS]
    if layer.traits.get("activation"):
        second.traits["activation"] = layer.traits["activation"]
    for number, part in enumerate((first, second)):
        part.sure, part.why, part.place, part.node = layer.sure, layer.why, layer.place + number, layer.node
        part.doubts = layer.doubts if number else []
    first.before, first.above, second.output = layer.before, layer.above, layer.output
    second.axes = layer.axes
    second.before, second.above = frozenset({first.place}), layer.above | {first.place}
    return first, second


def torch(layer: Layer) -> list[Target]:
    """The tensors of two ``nn.Conv2d``."""
    parts = zip(("depthwise", "pointwise"), split(layer), (depthwise.torch, conv.torch), strict=True)
    return [
        Target(f"{name}.{item.name}", item.shape, item.dtype, item.parts)
        for name, part, of in parts
        for item in of(part)
    ]


def keras(layer: Layer) -> list[Target]:
    """The variables of ``SeparableConv2D``."""
    kernels = [whole(role, layer.tensors[role]) for role in (DEPTHWISE, POINTWISE)]
    return [*kernels, *conv.bias(layer)]


def notes(layer: Layer, framework: str) -> Iterator[str]:
    """Yields what its weights do not say."""
    yield from depthwise.notes(layer, framework)


KIND = Kind(NAME, find, torch, keras, notes)
