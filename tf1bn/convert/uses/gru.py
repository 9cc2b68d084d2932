"""GRU cells: the reset gate acts on the state before the product, which ``nn.GRU`` does not do."""

from __future__ import annotations

from collections.abc import Iterator

from tf1bn.convert.layer import BIAS, KERNEL, Layer
from tf1bn.convert.reader import Reader, Use, attribute
from tf1bn.convert.steps import Blocks, Transpose
from tf1bn.convert.target import Part, Target, joined, whole
from tf1bn.convert.uses import linear
from tf1bn.convert.uses.kind import Kind
from tf1bn.graph.nodes import Node, Tensor
from tf1bn.graph.variables import Variable

NAME = "gru"
CANDIDATE, CANDIDATE_BIAS = "candidate", "candidate_bias"
_ADDS = ("BiasAdd", "Add", "AddV2")
_BLOCK_OPS = ("GRUBlockCell",)  # x, h_prev, w_ru, w_c, b_ru, b_c


def find(reader: Reader) -> None:
    """Adds the GRU cells of a graph: those made of ops, and the fused ones."""
    for variable in reader.free():
        if variable.node.id in reader.taken:
            continue
        for use in reader.uses(variable):
            if use.node.op in _BLOCK_OPS and use.position == 2:
                others = [reader.variables.of(tensor) for tensor in use.node.inputs[3:6]]
                _add(reader, use.node, variable, others[1], others[0], others[2], use.node.inputs[0])
                break
            if use.node.op == "MatMul" and use.position == 1 and not use.path and _spelled(reader, variable, use):
                break


def _spelled(reader: Reader, variable: Variable, use: Use) -> bool:
    """Adds the cell whose two gates this product computes, if it is one."""
    biased, bias = _biased(reader, use.node)
    gates = [user for user in reader.value_users((biased.id, 0)) if user.op == "Sigmoid"]
    splits = [user for gate in gates for user in reader.value_users((gate.id, 0)) if user.op in ("Split", "SplitV")]
    if len(splits) != 1 or attribute(splits[0], "num_split") != 2:
        return False
    # The reset gate is the first half: it multiplies the state that the candidate sees.
    for product in reader.value_users((splits[0].id, 0)):
        for concat in reader.value_users((product.id, 0)) if product.op == "Mul" else ():
            for second in reader.value_users((concat.id, 0)) if concat.op.startswith("Concat") else ():
                kernel = reader.variables.of(second.inputs[1]) if second.op == "MatMul" else None
                if kernel is not None:
                    _, candidate_bias = _biased(reader, second)
                    _add(reader, splits[0], variable, bias, kernel, candidate_bias, concat.inputs[0])
                    return True
    return False


def _biased(reader: Reader, product: Node) -> tuple[Node, Variable | None]:
    for user in reader.value_users((product.id, 0)):
        if user.op in _ADDS:
            return user, next((item for item in map(reader.variables.of, user.inputs) if item is not None), None)
    return product, None


def _add(
    reader: Reader,
    node: Node,
    gates: Variable,
    bias: Variable | None,
    candidate: Variable | None,
    candidate_bias: Variable | None,
    given: Tensor,
) -> None:
    key = gates.key.rpartition("/")[0]
    scope = key.rpartition("/")[0] if key.endswith("/gates") else key or gates.key
    roles = {KERNEL: gates, BIAS: bias, CANDIDATE: candidate, CANDIDATE_BIAS: candidate_bias}
    layer = Layer(NAME, scope, {role: reader.stored(item) for role, item in roles.items() if item is not None})
    rows, width = layer.tensors[KERNEL].shape
    layer.traits = {"units": width // 2, "inputs": rows - width // 2}
    reader.take(*roles.values())
    layer.why = f"{node.op} {node.name!r} parts its gates"
    reader.add(layer, node.id)
    linear.input_trait(reader, layer, given, layer.traits["inputs"])


def torch(layer: Layer) -> list[Target]:
    """Two linear maps of input and state together, for a cell written out: ``nn.GRU`` computes something else."""
    found = []
    for name, kernel, bias in (("gates", KERNEL, BIAS), ("candidate", CANDIDATE, CANDIDATE_BIAS)):
        found.append(_linear(f"{name}.weight", layer, kernel))
        if bias in layer.tensors:
            found.append(whole(f"{name}.bias", layer.tensors[bias]))
    return found


def _linear(name: str, layer: Layer, role: str) -> Target:
    """Returns the kernel of input and state; the features of the input are put in the target's order."""
    stored, turn, order = layer.tensors[role], Transpose((1, 0)), linear.reordered(layer, "flattened", 1)
    if not order:
        return whole(name, stored, turn)
    rows = layer.traits["inputs"]
    parts = Part(stored, (turn, *order), (0, 0, rows)), Part(stored, (turn,), (0, rows, stored.shape[0]))
    return joined(name, parts, 1)


def keras(layer: Layer) -> list[Target]:
    """The variables of ``GRU(reset_after=False)``: gates z, r, h."""
    rows, total = layer.traits["inputs"], layer.tensors[KERNEL].shape[0]
    found = []
    for name, start, stop in (("kernel", 0, rows), ("recurrent_kernel", rows, total)):
        gates = Part(layer.tensors[KERNEL], (Blocks(1, (1, 0)),), (0, start, stop))
        found.append(joined(name, (gates, Part(layer.tensors[CANDIDATE], (), (0, start, stop))), 1))
    if BIAS in layer.tensors:
        gates = Part(layer.tensors[BIAS], (Blocks(0, (1, 0)),))
        found.append(joined("bias", (gates, Part(layer.tensors[CANDIDATE_BIAS])), 0))
    return found


def notes(layer: Layer, framework: str) -> Iterator[str]:
    """Yields the cell to write out, or the option that computes the same."""
    if framework != "torch":
        yield f"GRU({layer.traits['units']}, reset_after=False)"
        return
    yield "nn.GRU applies the reset gate after the product and cannot hold these weights; write the cell out:"
    yield "r, u = torch.sigmoid(self.gates(torch.cat([x, h], 1))).chunk(2, 1)"
    yield "h = u * h + (1 - u) * torch.tanh(self.candidate(torch.cat([x, r * h], 1)))"


KIND = Kind(NAME, find, torch, keras, notes)
