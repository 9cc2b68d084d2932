"""How much a convolution pads: TensorFlow's SAME puts the odd one behind, which no symmetric padding does."""

from __future__ import annotations

from collections.abc import Iterator

from tf1bn.convert.layer import Layer
from tf1bn.convert.reader import Reader, attribute
from tf1bn.convert.uses import linear
from tf1bn.graph.nodes import Node, Tensor


def forward(size: int | None, window: int, stride: int, dilation: int) -> tuple[int, int] | None:
    """Returns what SAME pads before and behind along one axis; None where it depends on an open size."""
    reach = (window - 1) * dilation + 1
    if size is None:
        if stride > 1:
            return None
        total = reach - 1
    else:
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def transposed(window: int, stride: int) -> tuple[int, int]:
    """Returns what SAME cuts off before and behind the full result of a transposed convolution."""
    total = max(window - stride, 0)
    return total // 2, total - total // 2


def note_forward(reader: Reader, node: Node, x: Tensor, window: list[int], dilations: list[int], layer: Layer) -> None:
    """Notes the padding of a convolution, with the amounts for each axis."""
    traits = layer.traits
    kind = attribute(node, "padding", "VALID")
    before = reader.nodes[reader.flow.strip(x)[0]]
    if before.op == "SpaceToBatchND":
        block, amounts = (reader.flow.constant(item) for item in before.inputs[1:3])
        traits["dilation"] = dilations = [int(size) for size in block.reshape(-1)] if block is not None else dilations
        if len(dilations) < len(window):  # a convolution over one axis has an axis of size 1 in front
            dilations = [1] * (len(window) - len(dilations)) + dilations
        x = before.inputs[0]
        total = None if amounts is None else [int(pair.sum()) for pair in amounts.reshape(-1, 2)]
        kind = "SAME" if total is None or any(total) else "VALID"
        before = reader.nodes[reader.flow.strip(x)[0]]
    traits["padding"] = kind.lower()
    if kind == "EXPLICIT":
        pairs = attribute(node, "explicit_paddings", [])
        axes = attribute(node, "data_format", "NHWC")
        places = [at for at, letter in enumerate(axes) if letter not in "NC"]
        traits["amounts"] = [[int(pairs[2 * at]), int(pairs[2 * at + 1])] for at in places]
    elif kind == "SAME":
        known = linear.space(reader, node, x)
        sizes: list[int | None] = [*[None] * (len(window) - len(known)), *known]
        given = zip(sizes, window, linear.strides(node), dilations, strict=False)
        traits["amounts"] = [None if pair is None else list(pair) for pair in (forward(*item) for item in given)]
    if before.op in ("Pad", "PadV2", "MirrorPad"):
        value = reader.flow.constant(before.inputs[1])
        if value is not None:
            traits["padded_before"] = [[int(a), int(b)] for a, b in value.reshape(-1, 2)]


def notes(layer: Layer, framework: str) -> Iterator[str]:
    """Yields sentences on padding for a framework."""
    amounts = layer.traits.get("amounts") or []
    if framework == "keras" or layer.traits.get("padding") == "valid":
        return
    if any(pair is None for pair in amounts):
        yield (
            "SAME padding depends on the input's size, which is open: total = max((ceil(n / stride) - 1) * stride + "
            "(kernel - 1) * dilation + 1 - n, 0), of which total // 2 before"
        )
    elif any(before != after for before, after in amounts):
        flat = [number for pair in reversed(amounts) for number in pair]
        yield f"SAME padding is asymmetric here: F.pad(x, {tuple(flat)}) and padding=0"
    elif amounts:
        given = [before for before, _ in amounts]
        yield f"padding={given[0] if len(set(given)) == 1 else tuple(given)}"
