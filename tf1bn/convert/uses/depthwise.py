"""Depthwise convolutions: ``[height, width, channels, multiplier]`` becomes ``[channels * multiplier, 1, ...]``."""

from __future__ import annotations

from collections.abc import Iterator

from tf1bn.convert.layer import KERNEL, Layer
from tf1bn.convert.reader import Reader, scope_of
from tf1bn.convert.steps import Reshape, Transpose
from tf1bn.convert.target import Target, whole
from tf1bn.convert.uses import conv, linear, padding
from tf1bn.convert.uses.kind import Kind

NAME = "depthwise"


def find(reader: Reader) -> None:
    """Adds the depthwise convolutions of a graph."""
    for variable, uses in linear.kernels(reader, ("DepthwiseConv2dNative",), 1):
        node, stored = uses[0].node, reader.stored(variable)
        layer = Layer(NAME, scope_of(stored.key, linear.LEAVES), {KERNEL: stored})
        out = linear.result(reader, node)
        dilations = linear.strides(node, "dilations")
        layer.traits |= {"strides": linear.strides(node), "dilation": dilations, "data_format": linear.format_of(node)}
        layer.traits["groups"] = stored.shape[2]
        padding.note_forward(reader, node, node.inputs[0], list(stored.shape[:2]), dilations, layer)
        linear.base(reader, layer, variable, uses, out)
        linear.activity(reader, layer, out)


def torch(layer: Layer) -> list[Target]:
    """The tensors of an ``nn.Conv2d`` with as many groups as channels."""
    kernel = layer.tensors[KERNEL]
    height, width, channels, multiplier = kernel.shape
    # Output channel c * multiplier + m looks at input channel c in both, so the axes go in this order.
    moved = (channels, multiplier, height, width)
    steps = (Transpose((2, 3, 0, 1)), Reshape(moved, (channels * multiplier, 1, height, width)))
    return [whole("weight", kernel, *steps), *conv.bias(layer)]


def keras(layer: Layer) -> list[Target]:
    """The variables of ``DepthwiseConv2D``."""
    return [whole("kernel", layer.tensors[KERNEL]), *conv.bias(layer)]


def notes(layer: Layer, framework: str) -> Iterator[str]:
    """Yields what its weights do not say."""
    yield from conv.notes(layer, framework)


KIND = Kind(NAME, find, torch, keras, notes)
