"""What all layers with a kernel share: finding the ops that use one, flat features, activations, padding."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from tf1bn.convert import features
from tf1bn.convert.layer import Doubt, Layer, Stored
from tf1bn.convert.reader import Reader, Use, attribute
from tf1bn.convert.steps import ChannelsFirst, Step
from tf1bn.graph.nodes import Node, Tensor
from tf1bn.graph.variables import Variable

LEAVES = (
    "kernel", "weights", "weight", "W", "w", "filter", "filters", "depthwise_kernel", "depthwise_weights",
    "pointwise_kernel", "pointwise_weights", "embeddings", "embedding", "bias", "biases", "b", "w_dw", "w_pw",
)  # fmt: skip
_ACTIVATIONS = {
    "Relu", "Relu6", "Elu", "Selu", "LeakyRelu", "Softplus", "Softsign", "Sigmoid", "Tanh", "Softmax", "LogSoftmax",
    "Exp", "Erf",
}  # fmt: skip
_BETWEEN = {"Identity", "IdentityN", "Cast", "CheckNumerics", "EnsureShape", "Snapshot", "StopGradient", "Merge"}
_KERNELS = ("MatMul", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2")
_NEAR = 6
_MANY = 200
_SPACE = {"BatchToSpaceND", "Squeeze", "Transpose"}


def kernels(reader: Reader, ops: Collection[str], position: int) -> Iterator[tuple[Variable, list[Use]]]:
    """Yields the variables that ops of these types take at that input, with those uses."""
    for variable in reader.free():
        uses = [use for use in reader.uses(variable) if use.node.op in ops and use.position == position]
        if uses:
            yield variable, sorted(uses, key=lambda use: use.node.id)


def result(reader: Reader, node: Node) -> Tensor:
    """Returns what an op's layer gives before any bias: behind the ops that undo what was done for the op alone."""
    tensor = (node.id, 0)
    for _ in range(4):
        users = [user for user in reader.value_users(tensor) if user.op in _SPACE and user.inputs[0] == tensor]
        undone = [user for user in users if _undoes(reader, node, user)]
        if len(undone) != 1:
            break
        tensor = (undone[0].id, 0)
    return tensor


def _undoes(reader: Reader, node: Node, user: Node) -> bool:
    """Whether an op turns back what stands before a convolution: batches of space, an extra axis, moved axes."""
    before = reader.nodes[reader.flow.strip(node.inputs[2 if "BackpropInput" in node.op else 0])[0]].op
    pairs = {"BatchToSpaceND": "SpaceToBatchND", "Squeeze": "ExpandDims", "Transpose": "Transpose"}
    return pairs[user.op] == before


def activation(reader: Reader, tensor: Tensor) -> str:
    """Returns the nonlinearity that takes a tensor, where exactly one does; empty otherwise."""
    for _ in range(_NEAR):
        users = reader.value_users(tensor)
        found = {user.op for user in users if user.op in _ACTIVATIONS}
        if len(found) == 1:
            return found.pop()
        on = [(user.id, 0) for user in users if user.op in _BETWEEN] + reader.returned(tensor)
        if len(on) != 1:
            return ""
        tensor = on[0]
    return ""


def dropout(reader: Reader, tensor: Tensor) -> bool:
    """Whether something that looks like dropout takes a tensor, or what its nonlinearity gives."""
    todo = [tensor]
    for _ in range(8):
        if not todo:
            break
        for user in reader.value_users(todo.pop()):
            if "dropout" in user.name.lower():
                return True
            if user.op in _ACTIVATIONS or user.op in _BETWEEN:
                todo.append((user.id, 0))
    return False


def flat_traits(
    reader: Reader, layer: Layer, before: Tensor | None, after: Tensor | None, sizes: tuple[int, int]
) -> None:
    """Notes where the features of a layer come from maps or become maps, and asks where that is not known."""
    if before is not None:
        input_trait(reader, layer, before, sizes[0])
    if after is not None:
        _note_order(layer, "shaped", features.order(reader, after, sizes[1]))


def input_trait(reader: Reader, layer: Layer, given: Tensor, size: int) -> None:
    """Notes where the features that a layer takes come from maps, and asks where that is not known."""
    _note_order(layer, "flattened", features.order(reader, given, size))


def vector_trait(reader: Reader, layer: Layer, result: Tensor, size: int) -> None:
    """Notes where a vector is added to, or multiplied with, features that come from maps or become maps."""
    _note_order(layer, "features", features.order(reader, result, size))


def _note_order(layer: Layer, trait: str, order: features.Order | None) -> None:
    if order is None or order.channels == 1:
        return
    if order.channels_last is None or (order.channels_last and not order.channels):
        text = f"{order.where!r} flattens or makes maps whose axes are unknown, or mixes such features with others"
        answer = f'give "{trait}": the number of channels where they are last, or 0 where no order changes'
        layer.doubts.append(Doubt(layer.scope, text, answer))
    elif order.channels_last:
        layer.traits[trait] = order.channels


def reordered(layer: Layer, trait: str, axis: int) -> tuple[Step, ...]:
    """Returns the step that puts flat features of channels-last maps into the order of channels-first ones."""
    channels = layer.traits.get(trait) or 0
    return (ChannelsFirst(axis, channels),) if channels > 1 else ()


def vector(layer: Layer, stored: Stored, *, trait: str = "shaped") -> tuple[Step, ...]:
    """Returns the steps for a vector over the features of a layer."""
    return reordered(layer, trait, 0)


def strides(node: Node, name: str = "strides") -> list[int]:
    """Returns the numbers of a window attribute along the space axes."""
    given = attribute(node, name, []) or []
    axes = attribute(node, "data_format", "NHWC" if len(given) == 4 else "NDHWC")
    return [int(size) for size, letter in zip(given, axes, strict=False) if letter not in "NC"]


def format_of(node: Node) -> str:
    """Returns where an op's channels are: ``channels_last`` or ``channels_first``."""
    return "channels_first" if attribute(node, "data_format", "NHWC").startswith("NC") else "channels_last"


def space(reader: Reader, node: Node, tensor: Tensor) -> list[int | None]:
    """Returns the sizes of a tensor's space axes, None where open."""
    shape = reader.flow.shape(tensor)
    if shape is None or len(shape) < 3:
        return []
    return list(shape[2:] if format_of(node) == "channels_first" else shape[1:-1])


def base(reader: Reader, layer: Layer, variable: Variable, uses: list[Use], out: Tensor) -> None:
    """Fills in what every layer with a kernel says, and takes its variable."""
    reader.take(variable)
    layer.output = reader.name(out)
    layer.why = f"{uses[0].node.op} {uses[0].node.name!r} uses it"
    if len(uses) > 1:
        layer.traits["calls"] = len(uses)
    others = [use.node for use in reader.uses(variable) if use not in uses and makes_kernel(reader, use.node)]
    if others:
        question = f"{others[0].op} {others[0].name!r} makes another kernel of its own"
        layer.doubts.append(Doubt(layer.scope, question, 'give "drop": true and carry it by hand'))
    reader.add(layer, uses[0].node.id)


def makes_kernel(reader: Reader, node: Node) -> bool:
    """Whether arithmetic on a variable makes the kernel of a layer, as weight normalization does."""
    todo, seen = [node], {node.id}
    while todo and len(seen) < _MANY:
        current = todo.pop(0)
        for user in reader.value_users((current.id, 0)):
            if user.op in _KERNELS and len(user.inputs) > 1 and user.inputs[1][0] == current.id:
                return current.op not in _KERNELS
            if user.op in features.ELEMENTWISE and user.id not in seen:
                seen.add(user.id)
                todo.append(user)
    return False


def activity(reader: Reader, layer: Layer, out: Tensor) -> None:
    """Notes the nonlinearity and the dropout behind a layer."""
    found = activation(reader, out)
    if found:
        layer.traits["activation"] = found
    if dropout(reader, out):
        layer.traits["dropout"] = True
    blocks = [attribute(user, "block_size", 0) for user in _behind(reader, out) if user.op == "DepthToSpace"]
    if blocks:
        layer.traits["depth_to_space"] = int(blocks[0])


def _behind(reader: Reader, out: Tensor) -> list[Node]:
    """Returns the ops that take what a layer gives, or what its nonlinearity gives."""
    users = reader.value_users(out)
    return users + [late for user in users if user.op in _ACTIVATIONS for late in reader.value_users((user.id, 0))]


def trait_list(layer: Layer, name: str) -> list[Any]:
    """Returns a trait that is a list, empty when it is absent."""
    return list(layer.traits.get(name) or [])
