"""Matrix products: ``[in, out]`` becomes ``[out, in]``, its rows in the order of the features that come in."""

from __future__ import annotations

from collections.abc import Iterator

from tf1bn.convert.layer import BIAS, KERNEL, Doubt, Layer
from tf1bn.convert.reader import Reader, Use, attribute, scope_of
from tf1bn.convert.steps import Step, Transpose
from tf1bn.convert.target import Target, whole
from tf1bn.convert.uses import conv, linear
from tf1bn.convert.uses.kind import Kind

NAME = "dense"
_OPS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "SparseTensorDenseMatMul")


def find(reader: Reader) -> None:
    """Adds the matrix products of a graph with a kernel of two axes on the right."""
    for variable in reader.free():
        uses = [use for use in reader.uses(variable) if _is_product(use)]
        stored = reader.stored(variable)
        if not uses or len(stored.shape) != 2:
            continue
        uses.sort(key=lambda use: use.node.id)
        layer = Layer(NAME, scope_of(stored.key, linear.LEAVES), {KERNEL: stored})
        turned = {_turned(reader, use) for use in uses}
        if None in turned or len(turned) > 1:
            question = "its kernel is used both ways round, or turned by axes that the graph does not state"
            layer.doubts.append(Doubt(layer.scope, question, 'give "turned": true where it is [out, in]'))
        layer.traits["turned"] = bool(next(iter(turned)))
        out = _unfolded(reader, uses[0])
        x = uses[0].node.inputs[2 if uses[0].node.op.startswith("Sparse") else 0]
        linear.base(reader, layer, variable, uses, out)
        rows, columns = reversed(stored.shape) if layer.traits["turned"] else stored.shape
        linear.flat_traits(reader, layer, x, out, (rows, columns))
        linear.activity(reader, layer, out)


def _is_product(use: Use) -> bool:
    right = 3 if use.node.op.startswith("Sparse") else 1
    return use.node.op in _OPS and use.position == right


def _turned(reader: Reader, use: Use) -> bool | None:
    """Whether a kernel is ``[out, in]``; None where the graph does not say."""
    named = ("transpose_b", "adj_y", "adjoint_b")
    turned = any(bool(attribute(use.node, name, False)) for name in named)
    for node in use.path:
        if node.op in ("Transpose", "ConjugateTranspose"):
            axes = reader.flow.constant(node.inputs[1])
            if axes is None:
                return None
            turned ^= [int(axis) for axis in axes.reshape(-1)] == [1, 0]
    return turned


def _unfolded(reader: Reader, use: Use) -> tuple[int, int]:
    """Returns what a product over the last axis of a longer tensor gives: behind the reshape that tensordot adds."""
    out, node = (use.node.id, 0), use.node
    source = reader.nodes[reader.flow.strip(node.inputs[0])[0]]
    if source.op != "Reshape" or (reader.flow.rank(source.inputs[0]) or 0) <= 2:
        return out
    shape, before = reader.flow.shape(out), reader.flow.shape(source.inputs[0])
    rows = reader.flow.shape((source.id, 0))
    if not shape or not before or not rows or before[-1] != rows[-1]:
        return out
    users = [user for user in reader.value_users(out) if user.op == "Reshape" and user.inputs[0] == out]
    return (users[0].id, 0) if len(users) == 1 and reader.flow.rank((users[0].id, 0)) == len(before) else out


def _bias(layer: Layer) -> list[Target]:
    if BIAS not in layer.tensors:
        return []
    stored = layer.tensors[BIAS]
    return [whole("bias", stored, *linear.reordered(layer, "shaped", 0))]


def torch(layer: Layer) -> list[Target]:
    """The tensors of ``nn.Linear``."""
    kernel = layer.tensors[KERNEL]
    turn: tuple[Step, ...] = () if layer.traits.get("turned") else (Transpose((1, 0)),)
    steps = (*turn, *linear.reordered(layer, "flattened", 1), *linear.reordered(layer, "shaped", 0))
    return [whole("weight", kernel, *steps), *_bias(layer)]


def keras(layer: Layer) -> list[Target]:
    """The variables of ``Dense``."""
    turn: tuple[Step, ...] = (Transpose((1, 0)),) if layer.traits.get("turned") else ()
    return [whole("kernel", layer.tensors[KERNEL], *turn), *conv.bias(layer)]


def notes(layer: Layer, framework: str) -> Iterator[str]:
    """Yields what was done about the order of features."""
    if framework != "torch":
        return
    for trait, text in (("flattened", "takes x.flatten(1) of maps"), ("shaped", "gives maps by view(")):
        channels = layer.traits.get(trait)
        if channels:
            tail = "n, channels, height, width)" if trait == "shaped" else ""
            yield f"{text}{tail}: features are put channel by channel, {channels} channels"


KIND = Kind(NAME, find, torch, keras, notes)
