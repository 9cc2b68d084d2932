"""Ops outside of branches that stand for ops inside: who waits for one waits for whatever the branch taken runs.

An op of a branch cannot be a control input outside: under control flow v1 what waits for it is skipped with it, and
under v2 it is in another graph. Its stand-in is made in either branch, after the op in the one and after nothing in
the other, and comes out of the conditional by the way that values take. Outputs of the program wait for nothing new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tf1bn import errors
from tf1bn.graph.contexts import Context
from tf1bn.graph.model import GraphModel
from tf1bn.graph.switches import Gate

_BOOL = 10
_SLOT = "moved"
_BRANCHES = {
    **dict.fromkeys(("If", "StatelessIf"), ("then_branch", "else_branch")),
    **dict.fromkeys(("PartitionedCall", "StatefulPartitionedCall"), ("f",)),
}


class Place(NamedTuple):
    """Where ops run together.

    Attributes:
      call: the node whose function they are in, or -1.
      branch: which function of it.
      conditions: what they run under.
    """

    call: int
    branch: str
    conditions: Context


def place(model: GraphModel, number: int) -> Place:
    """Returns where an op runs."""
    node = model.nodes[number]
    return Place(node.call, node.branch, model.flow.contexts[number])


def gates(model: GraphModel, number: int) -> frozenset[Gate]:
    """Returns the conditions that an op runs under, of those that are computed at top level."""
    conditions = model.flow.contexts[number]
    return frozenset(
        (item[1], item[2]) for item in conditions if item[0] == "cond" and model.nodes[item[1][0]].call < 0
    )


class Editor:
    """Adds ops to one graph and its functions.

    Args:
      model: the graph as it was.
      graph_def: the copy of it that is changed, by this alone while it is in use.
    """

    def __init__(self, model: GraphModel, graph_def: Any) -> None:
        self.model = model
        self.graph_def = graph_def
        self.nodes = {node.name: node for node in graph_def.node}
        self.functions = {function.signature.name: function for function in graph_def.library.function}
        every = [self.graph_def.node, *(function.node_def for function in self.functions.values())]
        self._calls = Counter(name for protos in every for name in _references(protos))

    def add(self, numbers: Sequence[int]) -> str:
        """Adds an op at top level that stands for ops in a branch; returns its name.

        Args:
          numbers: ops of one place, which is not the top level.

        Raises:
          RepairError: the ops are in a loop, or in a function that nothing can be handed out of.
        """
        where = place(self.model, numbers[0])
        if any(item[0] == "loop" for item in where.conditions):
            raise _impossible(self.model, numbers[0], "a loop")
        names = [self.model.nodes[number].proto.name for number in numbers]
        return self._top_level(where, names, numbers[0])

    def _top_level(self, where: Place, names: list[str], number: int) -> str:
        """Returns the stand-in of ops, all of one place; `number` is one of them."""
        if where.call < 0:
            return self._merge(where.conditions, names)
        call = self.model.nodes[where.call]
        if call.op not in _BRANCHES or self._own_conditions(where):
            raise _impossible(self.model, number, f"the {call.op} {call.name!r}")
        slot = self._hand_out(where, names)
        outer = place(self.model, where.call)
        text = f"{call.proto.name}:output:{slot}" if outer.call >= 0 else f"{call.proto.name}:{slot}"
        if outer.call >= 0:
            node = _in_body(self._function(outer), f"{call.proto.name}/{_SLOT}", "Identity", [text], T=_BOOL)
        else:
            node = self._new(f"{call.proto.name}/{_SLOT}", "Identity", [text], T=_BOOL)
        if outer.call < 0 and not outer.conditions:
            return str(node.name)
        return self._top_level(outer, [node.name], where.call)

    def _own_conditions(self, where: Place) -> Context:
        """The conditions that a function has within, of Switch and Merge ops."""
        call = self.model.nodes[where.call]
        chosen = self.model.flow.strip(call.inputs[0]) if call.op.endswith("If") else None
        inherited = self.model.flow.contexts[where.call]
        return Context(item for item in where.conditions - inherited if item[1] != chosen)

    def _hand_out(self, where: Place, names: list[str]) -> int:
        """Gives a call one more output, which waits for ops of one of its functions; returns its number."""
        call = self._proto(where.call)
        for branch in _BRANCHES[call.op]:
            body = self._function(Place(where.call, branch, where.conditions))
            true = _set_true(_in_body(body, f"{_SLOT}/true", "Const", (), dtype=_BOOL))
            waiting = [f"^{name}" for name in names] if branch == where.branch else []
            node = _in_body(body, _SLOT, "Identity", [f"{true}:output:0", *waiting], T=_BOOL)
            taken = [arg.name for arg in body.signature.output_arg]
            output = _free(_SLOT, [*taken, *body.signature.control_output])
            body.signature.output_arg.add(name=output, type=_BOOL)
            body.ret[output] = f"{node.name}:output:0"
            # Optimizers make of a value that is only waited for a wait for the call; then this says what that means.
            body.signature.control_output.append(output)
            body.control_ret[output] = node.name
        call.attr["Tout"].list.type.append(_BOOL)
        for key in ("output_shapes", "_output_shapes"):
            if key in call.attr and call.attr[key].list.shape:
                call.attr[key].list.shape.add()
        return len(call.attr["Tout"].list.type) - 1

    def _proto(self, number: int) -> Any:
        """The node of a call in the copy."""
        node = self.model.nodes[number]
        if node.call < 0:
            return self.nodes[node.name]
        body = self._function(place(self.model, number))
        return next(proto for proto in body.node_def if proto.name == node.proto.name)

    def _function(self, where: Place) -> Any:
        """The function that is called in the copy, which no other call shares."""
        reference = self._proto(where.call).attr[where.branch].func
        if self._calls[reference.name] > 1:
            self._calls[reference.name] -= 1
            copy = self.graph_def.library.function.add()
            copy.CopyFrom(self.functions[reference.name])
            copy.signature.name = reference.name = _free(f"{reference.name}_{_SLOT}", self.functions)
            self.functions[copy.signature.name] = copy
            # The functions that it calls have one more who calls them.
            self._calls.update([copy.signature.name, *_references(copy.node_def)])
        return self.functions[reference.name]

    def _merge(self, conditions: Context, names: list[str]) -> str:
        """One Switch for each condition, from the outer one inwards, and one Merge for each on the way out."""
        base = f"{names[0]}/{_SLOT}"
        # A branch that is not taken gives a dead tensor, which a Merge drops: the value itself means nothing.
        inner, others = _set_true(self._new(f"{base}/true", "Const", (), dtype=_BOOL)), []
        for _, predicate, branch in self._from_outside(conditions):
            text = f"{self.model.nodes[predicate[0]].name}:{predicate[1]}"
            switch = self._new(f"{base}/switch", "Switch", [inner, text], T=_BOOL)
            inner = f"{switch.name}:{branch}"
            others.append(f"{switch.name}:{1 - branch}")
        taken = self._new(f"{base}/taken", "Identity", [inner, *(f"^{name}" for name in names)], T=_BOOL)
        name = taken.name
        # The innermost condition is left first.
        for other in reversed(others):
            merge = self._new(f"{base}/either", "Merge", [name, other], T=_BOOL)
            merge.attr["N"].i = 2
            name = merge.name
        return str(name)

    def _from_outside(self, conditions: Context) -> list[Any]:
        """The conditions, each after those that its predicate is computed under."""
        contexts = self.model.flow.contexts
        return sorted(conditions, key=lambda item: (len(contexts[item[1][0]]), item[1]))

    def _new(self, name: str, op: str, inputs: Sequence[str], **types: int) -> Any:
        """Adds a node at top level."""
        node = _add(self.graph_def.node, _free(name, self.nodes), op, inputs, types)
        self.nodes[node.name] = node
        return node


def _in_body(function: Any, name: str, op: str, inputs: Sequence[str], **types: int) -> Any:
    """Adds a node to a function."""
    return _add(function.node_def, _free(name, {proto.name for proto in function.node_def}), op, inputs, types)


def _add(protos: Any, name: str, op: str, inputs: Sequence[str], types: Mapping[str, int]) -> Any:
    node = protos.add(op=op, name=name)
    node.input.extend(inputs)
    for key, value in types.items():
        node.attr[key].type = value
    return node


def _references(protos: Any) -> Iterator[str]:
    """The name of a function, as often as a node names it."""
    for proto in protos:
        yield proto.op
        for value in proto.attr.values():
            yield from [value.func.name, *(func.name for func in value.list.func)]


def _set_true(node: Any) -> str:
    """Gives a Const the value True; returns its name."""
    tensor = node.attr["value"].tensor
    tensor.dtype = _BOOL
    tensor.tensor_shape.SetInParent()
    tensor.bool_val.append(True)
    return str(node.name)


def _free(name: str, taken: Any) -> str:
    number, found = 0, name
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def _impossible(model: GraphModel, number: int, where: str) -> errors.RepairError:
    return errors.RepairError(
        errors.explain(
            f"the op {model.nodes[number].name!r} is inside {where}, and nothing outside can wait for it",
            fix="Repair the program instead: wait for it in there, with tf.control_dependencies around the output.",
        )
    )
