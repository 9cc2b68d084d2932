"""Transposed convolutions: ``[..., out, in]`` becomes ``[in, out, ...]``; nothing is flipped."""

from __future__ import annotations

from collections.abc import Iterator

from tf1bn.convert.layer import KERNEL, Layer
from tf1bn.convert.reader import Reader, attribute, scope_of
from tf1bn.convert.target import Target, whole
from tf1bn.convert.uses import conv, linear, padding
from tf1bn.convert.uses.kind import Kind

NAME = "transposed"
_OPS = ("Conv2DBackpropInput", "Conv3DBackpropInputV2")


def find(reader: Reader) -> None:
    """Adds the transposed convolutions of a graph."""
    for variable, uses in linear.kernels(reader, _OPS, 1):
        node, stored = uses[0].node, reader.stored(variable)
        layer = Layer(NAME, scope_of(stored.key, linear.LEAVES), {KERNEL: stored})
        out, window = linear.result(reader, node), stored.shape[:-2]
        traits = layer.traits
        traits |= {"strides": linear.strides(node), "data_format": linear.format_of(node)}
        traits["padding"] = attribute(node, "padding", "VALID").lower()
        if traits["padding"] == "same":
            traits["cut"] = [
                list(padding.transposed(size, step)) for size, step in zip(window, traits["strides"], strict=False)
            ]
        linear.base(reader, layer, variable, uses, out)
        linear.activity(reader, layer, out)


def torch(layer: Layer) -> list[Target]:
    """The tensors of ``nn.ConvTranspose2d`` or ``nn.ConvTranspose3d``."""
    kernel = layer.tensors[KERNEL]
    return [whole("weight", kernel, *conv.kernel_steps(kernel.shape)), *conv.bias(layer)]


def keras(layer: Layer) -> list[Target]:
    """The variables of ``Conv2DTranspose`` or ``Conv3DTranspose``."""
    return [whole("kernel", layer.tensors[KERNEL]), *conv.bias(layer)]


def notes(layer: Layer, framework: str) -> Iterator[str]:
    """Yields what its weights do not say."""
    traits = layer.traits
    yield f"{'stride' if framework == 'torch' else 'strides'}={tuple(traits.get('strides', ()))}"
    cut = traits.get("cut") or []
    if framework == "keras" or not cut:
        return
    if all(before == after for before, after in cut):
        yield f"padding={tuple(before for before, _ in cut)}"
    else:
        yield (
            f"SAME cuts {cut} (before, behind) off the full result, which no padding does: use padding=0, then keep "
            "as many rows as input size * stride from the first number on"
        )


KIND = Kind(NAME, find, torch, keras, notes)
