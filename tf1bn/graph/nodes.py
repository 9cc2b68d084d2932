"""A GraphDef as a flat list of nodes, with the bodies of functions laid out at the place of their call.

After this every later step sees one plain graph: a branch of `If`, the body of a `While` and a called
function are ordinary nodes whose `_Arg` nodes read the inputs of the call. No TensorFlow is needed here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.graph import shared_controls

Tensor = tuple[int, int]
"""A tensor: the number of its node, and which output."""

# Far above what programs have; a made-up file must not take all memory.
MAX_DEPTH = 64
MAX_NODES = 2_000_000
MAX_CALLED = 400_000
# In a function an input names an output by its word in the op's definition, and there are no op definitions here:
# these are the words of what has several outputs and is looked at. All other first outputs count as 0.
_OUTPUTS = {
    "batch_mean": 1,
    "batch_variance": 2,
    "reserve_space_1": 3,
    "reserve_space_2": 4,
    "reserve_space_3": 5,
    "output_true": 1,
    "value_index": 1,
}
# Their first input says which branch, or where a remote call runs, and is no argument of the body.
_PARTIAL_ARGS = {"If": 1, "StatelessIf": 1, "Case": 1, "StatelessCase": 1, "RemoteCall": 1}
_BODIES = {
    "If": ("else_branch", "then_branch"),
    "StatelessIf": ("else_branch", "then_branch"),
    "Case": ("branches",),
    "StatelessCase": ("branches",),
    "While": ("cond", "body"),
    "StatelessWhile": ("cond", "body"),
    "PartitionedCall": ("f",),
    "StatefulPartitionedCall": ("f",),
    "RemoteCall": ("f",),
}
# What later steps read without asking; a damaged file is refused here, with the name of the node.
_ARITY = {
    **dict.fromkeys(("Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "Pow", "Switch", "RefSwitch", "BiasAdd"), 2),
    **dict.fromkeys(("Assign", "AssignAdd", "AssignSub", "AssignVariableOp", "AssignAddVariableOp"), 2),
    **dict.fromkeys(("AssignSubVariableOp", "Mean", "Sum", "SquaredDifference", "SaveV2", "RestoreV2"), 2),
    **dict.fromkeys(
        ("Identity", "Rsqrt", "Sqrt", "Neg", "Square", "ReadVariableOp", "Merge", "Enter", "Exit", "BiasAddGrad"), 1
    ),
    **dict.fromkeys(("Select", "SelectV2"), 3),
    **dict.fromkeys(("If", "StatelessIf", "Case", "StatelessCase"), 1),
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), 5),
}
_APPLIES = re.compile(r"^(Resource)?(Sparse)?Apply[A-Z]")
_MOMENTUM = ("ApplyMomentum", "ResourceApplyMomentum")
_GRADIENT_NAME = re.compile(r"(^|/)gradients?(_\d+)?/|_grad/")
_NUMBERED = re.compile(r"^(.*):([^:]+):(\d+)$")


class Node:
    """One op of the flat graph.

    Attributes:
      id: its number.
      name: its name; nodes of a body are named `call/branch/name`.
      op: its type; `_Arg` for the argument of a body.
      proto: the NodeDef, or None for `_Arg` and for a NoOp that stands for shared control inputs.
      inputs: its data inputs as tensors; the loop-carried one of a loop's `_Arg` is in `carried`.
      controls: the nodes it waits for.
      carried: for the `_Arg` of a loop body, the tensor that the body returns for it.
      call: the number of the call node whose body it is in, or -1.
      branch: which body of that call.
    """

    __slots__ = ("branch", "call", "carried", "controls", "id", "inputs", "name", "op", "proto")

    def __init__(self, number: int, name: str, op: str, proto: Any, call: int = -1, branch: str = "") -> None:
        self.id = number
        self.name = name
        self.op = op
        self.proto = proto
        self.inputs: list[Tensor] = []
        self.controls: list[int] = []
        self.carried: Tensor | None = None
        self.call = call
        self.branch = branch

    def attr(self, key: str) -> Any:
        """Returns the AttrValue of that name, or None."""
        return None if self.proto is None else self.proto.attr.get(key)

    @property
    def device(self) -> str:
        """The device that was asked for."""
        return self.proto.device if self.proto is not None else ""

    def __repr__(self) -> str:
        return f"<{self.op} {self.name}>"


class Body(NamedTuple):
    """What one call runs: the tensors that a body returns, and the nodes it must run besides."""

    branch: str
    returns: tuple[Tensor, ...]
    controls: tuple[int, ...]


class Flat(NamedTuple):
    """The flat graph: nodes, top-level nodes by name, and the bodies of every call node."""

    nodes: list[Node]
    by_name: dict[str, int]
    bodies: dict[int, list[Body]]


class _Pending(NamedTuple):
    call: int
    branch: str
    function: Any
    depth: int


def flatten(graph_def: Any) -> Flat:
    """Lays out a GraphDef and the functions it calls.

    Raises:
      GraphError: an input names no node, a called function is missing, functions call each other without
        end, two nodes have one name, or the graph is too large.
    """
    functions = {function.signature.name: function for function in graph_def.library.function}
    flat = Flat([], {}, {})
    names = _add_nodes(flat, graph_def.node, "", -1, "")
    flat.by_name.update(names)
    # Shared at the top level alone: the bodies of functions are small.
    lists = shared_controls.Lists()
    known = {name: (number, 0) for name, number in names.items()}
    for name, number in names.items():
        _connect(flat.nodes[number], names, known, {}, name, lists)
    _share(flat, lists)
    # An op may be called by the name of a function itself, as TensorFlow 1 did.
    callers = {*functions, *_BODIES}
    pending = [item for node in flat.nodes if node.op in callers for item in _calls(flat, node.id, functions, 0)]
    while pending:
        item = pending.pop()
        pending.extend(_lay_out(flat, item, functions))
    return flat


def _add_nodes(flat: Flat, protos: Any, prefix: str, call: int, branch: str) -> dict[str, int]:
    names: dict[str, int] = {}
    if len(flat.nodes) + len(protos) > (MAX_NODES if call < 0 else MAX_CALLED + len(flat.by_name)):
        raise errors.GraphError(
            errors.explain(
                "the graph is too large when its function calls are laid out",
                expected=f"at most {MAX_NODES} nodes, and {MAX_CALLED} in called functions",
            )
        )
    # protobuf makes a new string each time; one for all nodes of a type saves memory and makes comparing fast.
    ops: dict[str, str] = {}
    for number, proto in enumerate(protos, len(flat.nodes)):
        name, op = proto.name, proto.op
        if not name or not op:
            raise errors.GraphError(errors.explain("a node has no name or no op type", got=name or op))
        if name in names:
            raise errors.GraphError(errors.explain(f"two nodes are named {name!r}"))
        names[name] = number
        flat.nodes.append(Node(number, prefix + name, ops.setdefault(op, op), proto, call, branch))
    return names


def _connect(
    node: Node,
    names: dict[str, int],
    known: dict[str, Tensor],
    slots: dict[str, dict[str, int]],
    name: str,
    lists: shared_controls.Lists | None = None,
) -> None:
    """Reads the inputs of a node; a long list of control inputs is left in `lists`, to be shared."""
    texts = node.proto.input
    try:
        # Most nodes have nothing but first outputs: read so, a tensor that is there for all its users is taken.
        node.inputs = list(map(known.__getitem__, texts))
    except KeyError:
        node.inputs = []
        _read_inputs(node, list(texts) if lists is None else lists.take(node), names, known, slots, name)
    least = _least(node.op)
    if len(node.inputs) < least:
        raise errors.GraphError(
            errors.explain(
                f"the {node.op} {name!r} has too few inputs", got=len(node.inputs), expected=f"at least {least}"
            )
        )
    if node.op in _MOMENTUM and len(node.inputs) == 5 and node.inputs[0] == node.inputs[1]:
        _read_as_average(node)


def _read_inputs(
    node: Node,
    texts: list[str],
    names: dict[str, int],
    known: dict[str, Tensor],
    slots: dict[str, dict[str, int]],
    name: str,
) -> None:
    for text in texts:
        tensor = known.get(text)
        if tensor is not None:
            node.inputs.append(tensor)
        elif text[0:1] == "^":
            node.controls.append(_find(text[1:], names, name))
        else:
            known[text] = _tensor(text, names, slots, name)
            node.inputs.append(known[text])


def _read_as_average(node: Node) -> None:
    """Reads the momentum of a variable that is its own accumulator as what it is: no optimizer, but an average.

    variable <- decay * variable + value, as `tf1bn.core.averages.move` makes it. Averages by hand subtract their
    difference to the value, times the rate, which everything that looks for them knows; so it is read as that. What
    remains of the inputs is the variable, the decay and the value, as always the last one.
    """
    variable, _, _, value, decay = node.inputs
    node.op = "AssignSubVariableOp" if node.op.startswith("Resource") else "AssignSub"
    node.inputs = [variable, decay, value]


@functools.lru_cache(maxsize=1000)
def _least(op: str) -> int:
    """The least number of inputs that an op type has."""
    return 3 if _APPLIES.match(op) else _ARITY.get(op, 0)


def _share(flat: Flat, lists: shared_controls.Lists) -> None:
    """Gives nodes that wait for the same ops one NoOp to wait for."""
    common: list[tuple[frozenset[str], int]] = []
    several, single = shared_controls.split(lists)
    for texts, nodes in several:
        shared = Node(len(flat.nodes), f"(control inputs of {nodes[0].name})", "NoOp", None)
        shared.controls = _named(flat, texts, nodes[0])
        flat.nodes.append(shared)
        common.append((frozenset(texts), shared.id))
        for node in nodes:
            node.controls.append(shared.id)
    for texts, node in single:
        known, number = shared_controls.largest_within(texts, common)
        node.controls += _named(flat, [text for text in texts if text not in known], node)
        node.controls += [number] if known else []


def _named(flat: Flat, texts: Iterable[str], user: Node) -> list[int]:
    """The nodes that control inputs name."""
    try:
        return [flat.by_name[text[1:]] for text in texts]
    except KeyError as unknown:
        return [_find(unknown.args[0], flat.by_name, user.name)]


def _tensor(text: str, names: dict[str, int], slots: dict[str, dict[str, int]], user: str) -> Tensor:
    """Returns the tensor that an input string means; `a`, `a:1` at top level, `a:out:1` in a function."""
    match = _NUMBERED.match(text)
    if match and match.group(1) in names:
        source, slot, index = match.group(1), match.group(2), int(match.group(3))
        # Unknown words get places of their own, far apart, so that the index of a list output never meets the next one.
        known = slots.setdefault(source, {})
        base = _OUTPUTS.get(slot)
        if base is None:
            base = 100 * known.setdefault(slot, len(known)) if slot not in ("y", "output", "output_false") else 0
        return names[source], base + index
    # A name may hold no colon, so what is left is the form of the top level.
    head, colon, tail = text.rpartition(":")
    if colon and tail.isdigit():
        return _find(head, names, user), int(tail)
    return _find(text, names, user), 0


def _find(name: str, names: dict[str, int], user: str) -> int:
    if name not in names:
        raise errors.GraphError(
            errors.explain(
                f"the input {name!r} of node {user!r} names no node of the graph",
                fix="The file is damaged, or was cut out of a larger graph without its inputs.",
            )
        )
    return names[name]


def _calls(flat: Flat, number: int, functions: dict[str, Any], depth: int) -> Iterator[_Pending]:
    node = flat.nodes[number]
    if node.op in functions:
        yield _Pending(number, "f", functions[node.op], depth)
    for key in _BODIES.get(node.op, ()):
        value = node.attr(key)
        if value is None:
            continue
        several = [(f"branch{i}", func) for i, func in enumerate(value.list.func)]
        for branch, func in several or [(key, value.func)]:
            if func.name not in functions:
                raise errors.GraphError(
                    errors.explain(
                        f"node {node.name!r} calls a function that the graph does not define",
                        got=func.name,
                        expected="a function of the graph's library",
                    )
                )
            yield _Pending(number, branch, functions[func.name], depth)


def _lay_out(flat: Flat, item: _Pending, functions: dict[str, Any]) -> list[_Pending]:
    """Adds the nodes of one called function; returns the calls found in it."""
    if item.depth >= MAX_DEPTH:
        raise errors.GraphError(
            errors.explain(
                f"functions call each other more than {MAX_DEPTH} deep, at {item.function.signature.name!r}",
                fix="A function that calls itself cannot be read.",
            )
        )
    call = flat.nodes[item.call]
    prefix = f"{call.name}/{item.branch}/"
    names = _add_nodes(flat, item.function.node_def, prefix, item.call, item.branch)
    inner = list(names.values())
    arguments = call.inputs[_PARTIAL_ARGS.get(call.op, 0) :]
    args = []
    for position, arg in enumerate(item.function.signature.input_arg):
        node = Node(len(flat.nodes), prefix + arg.name, "_Arg", None, item.call, item.branch)
        node.inputs = arguments[position : position + 1]
        flat.nodes.append(node)
        names.setdefault(arg.name, node.id)
        args.append(node)
    slots: dict[str, dict[str, int]] = {}
    known = {name: (number, 0) for name, number in names.items()}
    for name, number in names.items():
        if flat.nodes[number].proto is not None:
            _connect(flat.nodes[number], names, known, slots, name)
    returns = tuple(
        _tensor(item.function.ret[arg.name], names, slots, item.function.signature.name)
        for arg in item.function.signature.output_arg
    )
    controls = tuple(_find(name, names, prefix) for name in item.function.control_ret.values())
    flat.bodies.setdefault(item.call, []).append(Body(item.branch, returns, controls))
    # The condition returns no values for the next round, only whether there is one.
    if call.op in ("While", "StatelessWhile") and item.branch == "body":
        for node, value in zip(args, returns, strict=False):
            node.carried = value
    return [found for number in inner for found in _calls(flat, number, functions, item.depth + 1)]


def in_gradient(name: str) -> bool:
    """Whether a name lies in a scope that TensorFlow makes for gradients."""
    return bool(_GRADIENT_NAME.search(name))
