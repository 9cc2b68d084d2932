"""LSTM cells: one kernel for input and state, gates i, j, f, o, and a constant added to the forget gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tf1bn.convert.layer import BIAS, KERNEL, Doubt, Layer
from tf1bn.convert.reader import Reader, Use, attribute
from tf1bn.convert.steps import Add, Blocks, Step, Transpose
from tf1bn.convert.target import Part, Target, constant, joined, whole
from tf1bn.convert.uses import linear
from tf1bn.convert.uses.kind import Kind
from tf1bn.graph.nodes import Node, Tensor
from tf1bn.graph.variables import Variable

NAME = "lstm"
RECURRENT = "recurrent"
IJFO, _IFJO = (0, 2, 1, 3), (0, 1, 2, 3)  # which block of the source is i, f, j (or g, c), o
_BLOCK_OPS = {"LSTMBlockCell": (3, 7, IJFO), "BlockLSTM": (4, 8, IJFO), "BlockLSTMV2": (4, 8, _IFJO)}
"""Fused op -> inputs that are kernel and bias, and the order of its gates: that of the second version is another."""

_ADDS = ("BiasAdd", "Add", "AddV2")


def find(reader: Reader) -> None:
    """Adds the LSTM cells of a graph: those made of ops, and the fused ones."""
    for variable in reader.free():
        shape = reader.stored(variable).shape
        if len(shape) != 2 or not shape[1] or shape[1] % 4 or variable.node.id in reader.taken:
            continue
        for use in reader.uses(variable):
            if use.node.op in _BLOCK_OPS and use.position == _BLOCK_OPS[use.node.op][0]:
                _fused(reader, variable, use)
                break
            if use.node.op == "MatMul" and use.position == 1 and not use.path and _spelled(reader, variable, use):
                break


def _fused(reader: Reader, variable: Variable, use: Use) -> None:
    node = use.node
    _, place, order = _BLOCK_OPS[node.op]
    bias = reader.variables.of(node.inputs[place])
    forget = 0.0 if node.op == "BlockLSTMV2" else attribute(node, "forget_bias", 1.0)  # the second version adds nothing
    layer = _layer(reader, variable, bias, node, order, forget)
    linear.input_trait(reader, layer, node.inputs[1 if node.op.startswith("BlockLSTM") else 0], layer.traits["inputs"])
    clip = attribute(node, "cell_clip", 0.0 if node.op == "BlockLSTMV2" else 3.0)
    if clip > 0:
        layer.traits["cell_clip"] = float(clip)
    if attribute(node, "use_peephole", False):
        _ask_peepholes(layer)


def _spelled(reader: Reader, variable: Variable, use: Use) -> bool:
    """Adds the cell whose gates this product computes, if it is one."""
    split, bias, others = _gates(reader, use)
    if split is None:
        return False
    recurrent = next((item for item in others if item is not variable), None)
    source = reader.nodes[reader.flow.strip(use.node.inputs[0])[0]]
    if recurrent is None and source.op not in ("ConcatV2", "Concat"):
        return False
    order = IJFO if recurrent is None else _IFJO
    candidate = 1 if recurrent is None else 2
    forget = _forget_bias(reader, (split.id, 3 - candidate))
    given = use.node.inputs[0] if recurrent is not None else source.inputs[0]
    if recurrent is not None:  # the product with the state has the state's width
        pair = [variable, recurrent]
        pair.sort(key=lambda item: reader.stored(item).shape[0] * 4 == reader.stored(item).shape[1])
        variable, recurrent = pair
    layer = _layer(reader, variable, bias, split, order, forget, recurrent)
    linear.input_trait(reader, layer, given, layer.traits["inputs"])
    if _activation(reader, (split.id, candidate)) != "Tanh" or _activation(reader, (split.id, 0)) != "Sigmoid":
        question = "its gates are not those of sigmoid and tanh in the usual order"
        layer.doubts.append(Doubt(layer.scope, question, 'give "drop": true and carry it by hand'))
    near = [
        item.key.removeprefix(f"{layer.scope}/") for item in reader.free() if item.key.startswith(f"{layer.scope}/")
    ]
    if any(key.endswith("_diag") for key in near):
        _ask_peepholes(layer)
    clip = _clip(reader, (split.id, candidate))
    if clip is not None:
        layer.traits["cell_clip"] = clip
    state = reader.flow.shape(source.inputs[1]) if recurrent is None else None
    projected = any(key.startswith("projection") for key in near)
    if projected or (state and state[-1] not in (None, layer.traits["units"])):
        question = "its state is projected to another width"
        layer.doubts.append(Doubt(layer.scope, question, 'give "drop": true and carry it by hand'))
    return True


def _ask_peepholes(layer: Layer) -> None:
    question = "it has peepholes, which no LSTM of PyTorch or Keras has"
    layer.doubts.append(Doubt(layer.scope, question, 'give "drop": true and carry it by hand'))


def _gates(reader: Reader, use: Use) -> tuple[Node | None, Variable | None, list[Variable]]:
    """Follows a product through sums to the split into four; returns it, the bias, and the kernels summed."""
    tensor: Tensor = (use.node.id, 0)
    bias: Variable | None = None
    kernels: list[Variable] = []
    for _ in range(6):
        users = reader.value_users(tensor)
        split = next((user for user in users if user.op in ("Split", "SplitV")), None)
        if split is not None:
            return (split, bias, kernels) if attribute(split, "num_split") == 4 else (None, None, [])
        step = next((user for user in users if user.op in (*_ADDS, "Identity")), None)
        if step is None:
            break
        for other in step.inputs:
            found = reader.variables.of(other)
            if found is not None:
                bias = found
            product = reader.nodes[reader.flow.strip(other)[0]]
            if product.op == "MatMul":
                kernel = reader.variables.of(product.inputs[1])
                kernels += [kernel] if kernel is not None and kernel not in kernels else []
        tensor = (step.id, 0)
    return None, None, []


def _forget_bias(reader: Reader, tensor: Tensor) -> float:
    for user in reader.value_users(tensor):
        if user.op in _ADDS:
            known = [reader.flow.scalar(item) for item in user.inputs]
            return next((number for number in known if number is not None), 0.0)
    return 0.0


def _clip(reader: Reader, candidate: Tensor) -> float | None:
    """Returns the bound of the cell state, where the new state is cut off: tanh, product, sum, then a minimum."""
    tensor = candidate
    for ops in (("Tanh",), ("Mul",), _ADDS, ("Minimum", "ClipByValue")):
        step = next((user for user in reader.value_users(tensor) if user.op in ops), None)
        if step is None:
            return None
        tensor = (step.id, 0)
    known = [reader.flow.scalar(item) for item in reader.nodes[tensor[0]].inputs[1:]]
    return max((abs(number) for number in known if number is not None), default=None)


def _activation(reader: Reader, tensor: Tensor) -> str:
    for _ in range(3):
        users = reader.value_users(tensor)
        found = next((user for user in users if user.op in ("Sigmoid", "Tanh", "Relu", "HardSigmoid")), None)
        if found is not None:
            return found.op
        step = next((user for user in users if user.op in _ADDS), None)
        if step is None:
            break
        tensor = (step.id, 0)
    return ""


def _layer(
    reader: Reader,
    variable: Variable,
    bias: Variable | None,
    node: Node,
    order: tuple[int, ...],
    forget: float,
    recurrent: Variable | None = None,
) -> Layer:
    stored = reader.stored(variable)
    layer = Layer(NAME, stored.key.rpartition("/")[0] or stored.key, {KERNEL: stored})
    if bias is not None:
        layer.tensors[BIAS] = reader.stored(bias)
    if recurrent is not None:
        layer.tensors[RECURRENT] = reader.stored(recurrent)
    units = stored.shape[1] // 4
    layer.traits = {"units": units, "forget_bias": float(forget), "order": list(order)}
    rows = stored.shape[0] - (units if recurrent is None else 0)
    layer.traits["inputs"] = rows
    if rows <= 0:
        layer.doubts.append(Doubt(layer.scope, "its state has another width than its gates", 'give "drop": true'))
    reader.take(variable, bias, recurrent)
    layer.why = f"{node.op} {node.name!r} parts its gates"
    return reader.add(layer, node.id)


def _cuts(layer: Layer, steps: tuple[Step, ...], *, turned: bool) -> tuple[Part, Part]:
    """Returns the kernels of input and state."""
    kernel = layer.tensors[KERNEL]
    given = (*steps, *linear.reordered(layer, "flattened", 1)) if turned else steps
    if RECURRENT in layer.tensors:
        return Part(kernel, given), Part(layer.tensors[RECURRENT], steps)
    rows = layer.traits["inputs"]
    return Part(kernel, given, (0, 0, rows)), Part(kernel, steps, (0, rows, kernel.shape[0]))


def torch(layer: Layer) -> list[Target]:
    """The tensors of one layer of ``nn.LSTM``: gates i, f, g, o; the forget bias stands in ``bias_hh``.

    So no number of the source is rounded, and the way back is exact.
    """
    order = tuple(layer.traits["order"])
    one, two = _cuts(layer, (Transpose((1, 0)), Blocks(0, order)), turned=True)
    found = [joined("weight_ih_l0", (one,), 0), joined("weight_hh_l0", (two,), 0)]
    units, forget = layer.traits["units"], layer.traits["forget_bias"]
    dtype = layer.tensors[KERNEL].dtype
    added = (0.0, forget, 0.0, 0.0)
    why = f"the cell adds {forget:g} to its forget gate"
    if BIAS not in layer.tensors:
        return [
            *found,
            constant("bias_ih_l0", (4 * units,), dtype, (0.0,), "it has no bias"),
            constant("bias_hh_l0", (4 * units,), dtype, added, why),
        ]
    part = Part(layer.tensors[BIAS], (Blocks(0, order),))
    return [
        *found,
        joined("bias_ih_l0", (part,), 0),
        constant("bias_hh_l0", (4 * units,), dtype, added, why, absorbed=part),
    ]


def keras(layer: Layer) -> list[Target]:
    """The variables of ``LSTM``: gates i, f, c, o and one bias, which takes up the forget bias."""
    order = tuple(layer.traits["order"])
    one, two = _cuts(layer, (Blocks(1, order),), turned=False)
    forget = layer.traits["forget_bias"]
    steps: tuple[Any, ...] = (Blocks(0, order), *((Add(1, 4, forget),) if forget else ()))
    found = [joined("kernel", (one,), 0), joined("recurrent_kernel", (two,), 0)]
    return found + ([whole("bias", layer.tensors[BIAS], *steps)] if BIAS in layer.tensors else [])


def notes(layer: Layer, framework: str) -> Iterator[str]:
    """Yields sizes and the forget bias."""
    traits = layer.traits
    if framework == "torch":
        yield f"nn.LSTM({traits['inputs']}, {traits['units']}); bias_hh holds the forget bias {traits['forget_bias']:g}"
        yield "batch_first=True where the graph is not time-major; outputs are masked by lengths only if packed"
    else:
        yield f"LSTM({traits['units']}); the bias holds the forget bias {traits['forget_bias']:g}"
    if traits.get("cell_clip"):
        yield f"its cell state is cut off at +-{traits['cell_clip']:g}, which no LSTM does here: the same only within"


KIND = Kind(NAME, find, torch, keras, notes)
