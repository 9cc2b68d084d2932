"""Convolutions over one, two or three axes: ``[..., in, out]`` becomes ``[out, in, ...]``."""

from __future__ import annotations

from collections.abc import Iterator

from tf1bn.convert.layer import BIAS, KERNEL, Layer
from tf1bn.convert.reader import Reader, scope_of
from tf1bn.convert.steps import Reshape, Step, Transpose
from tf1bn.convert.target import Target, whole
from tf1bn.convert.uses import linear, padding
from tf1bn.convert.uses.kind import Kind

NAME = "conv"


def find(reader: Reader) -> None:
    """Adds the convolutions of a graph."""
    for variable, uses in linear.kernels(reader, ("Conv2D", "Conv3D"), 1):
        node, stored = uses[0].node, reader.stored(variable)
        layer = Layer(NAME, scope_of(stored.key, linear.LEAVES), {KERNEL: stored})
        out, traits = linear.result(reader, node), layer.traits
        window = list(stored.shape[:-2])
        dilations = linear.strides(node, "dilations")
        traits |= {"strides": linear.strides(node), "dilation": dilations, "data_format": linear.format_of(node)}
        if len(window) < len(traits["strides"]):  # over one axis: TensorFlow adds an axis of size 1 in front
            window = [1] * (len(traits["strides"]) - len(window)) + window
        padding.note_forward(reader, node, node.inputs[0], window, dilations, layer)
        _note_groups(reader, layer, node.inputs[0])
        for name in ("strides", "dilation", "amounts"):
            if name in traits:
                traits[name] = traits[name][-(len(stored.shape) - 2) :]
        linear.base(reader, layer, variable, uses, out)
        linear.activity(reader, layer, out)


def _note_groups(reader: Reader, layer: Layer, x: tuple[int, int]) -> None:
    shape = reader.flow.shape(x)
    channels = None if not shape else shape[1] if layer.traits["data_format"] == "channels_first" else shape[-1]
    inner = layer.tensors[KERNEL].shape[-2]
    if channels and inner and channels != inner:
        layer.traits["groups"] = channels // inner


def kernel_steps(shape: tuple[int, ...]) -> tuple[Step, ...]:
    """Returns the steps from ``[..., in, out]`` to ``[out, in, ...]``."""
    rank = len(shape)
    return (Transpose((rank - 1, rank - 2, *range(rank - 2))),)


def torch(layer: Layer) -> list[Target]:
    """The tensors of ``nn.Conv1d``, ``nn.Conv2d`` or ``nn.Conv3d``."""
    kernel = layer.tensors[KERNEL]
    found = [whole("weight", kernel, *kernel_steps(kernel.shape))]
    return found + bias(layer)


def bias(layer: Layer) -> list[Target]:
    """The bias, a vector whatever its shape in the source."""
    if BIAS not in layer.tensors:
        return []
    stored = layer.tensors[BIAS]
    size = 1
    for one in stored.shape:
        size *= one
    flat: tuple[Step, ...] = () if len(stored.shape) == 1 else (Reshape(stored.shape, (size,)),)
    return [whole("bias", stored, *flat)]


def keras(layer: Layer) -> list[Target]:
    """The variables of ``Conv1D``, ``Conv2D`` or ``Conv3D``."""
    return [whole("kernel", layer.tensors[KERNEL]), *bias(layer)]


def notes(layer: Layer, framework: str) -> Iterator[str]:
    """Yields what a convolution's weights do not say."""
    traits = layer.traits
    for name in ("strides", "dilation"):
        if any(size != 1 for size in linear.trait_list(layer, name)):
            yield f"{'stride' if name == 'strides' and framework == 'torch' else name}={tuple(traits[name])}"
    if traits.get("groups"):
        yield f"groups={traits['groups']}"
    if traits.get("padded_before"):
        yield f"an op before it pads by {traits['padded_before']} (before, behind) per axis"
    if traits.get("padding") == "same" and framework == "keras":
        yield 'padding="same"'
    yield from padding.notes(layer, framework)


KIND = Kind(NAME, find, torch, keras, notes)
