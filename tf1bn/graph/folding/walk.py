"""The way from a layer to the end of its batch norm: one user after the other, none of them anything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tf1bn.graph.folding.constants import Constants
from tf1bn.graph.folding.steps import NORMALIZING, Place, Step, step
from tf1bn.graph.nodes import Node, Tensor
from tf1bn.graph.site import Normalizer

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel

LOOKS_AT_SHAPE = ("Shape", "ShapeN", "Size", "Rank")
_MAX_STEPS = 200
_SHOWN = 3


def kept_names(model: GraphModel, outputs: Iterable[str] = ()) -> dict[str, str]:
    """Returns the ops whose values somebody may ask for by name, and why."""
    kept = {op_name(item): "it is asked for" for item in outputs}
    for key, names in model.collections.items():
        for name in names:
            kept.setdefault(name, f"the collection {key!r} holds it")
    meta = model.source.meta_graph
    for key, signature in meta.signature_def.items() if meta is not None else ():
        for info in signature.outputs.values():
            kept.setdefault(op_name(info.name), f"the signature {key!r} returns it")
    return kept


class Walk:
    """Follows tensors forward.

    Args:
      model: the graph.
      constants: its parameters.
      outputs: names of tensors that must keep their values.
    """

    def __init__(self, model: GraphModel, constants: Constants, outputs: Iterable[str] = ()) -> None:
        self.model = model
        self.constants = constants
        self.kept = kept_names(model, outputs)

    def only_user(self, tensor: Tensor) -> Node | str:
        """Returns what alone uses the value of a tensor, or why that is not so."""
        node = self.model.nodes[tensor[0]]
        if node.name in self.kept:
            return f"the value of {node.name!r} is needed: {self.kept[node.name]}"
        users = self._users(tensor)
        if any(position < 0 for _, position in users):
            return f"{node.name!r} is returned by a function"
        found = sorted({number for number, _ in users})
        if not found:
            return f"nothing uses {node.name!r}"
        if len(found) > 1:
            names = [self.model.nodes[number].name for number in found[:_SHOWN]]
            more = ", ..." if len(found) > _SHOWN else ""
            return f"{node.name!r} has other users than the batch norm ({', '.join(names)}{more})"
        user = self.model.nodes[found[0]]
        if user.call >= 0 or self.model.flow.contexts[user.id]:
            return f"the user {user.name!r} of {node.name!r} runs inside a conditional, a loop or a function"
        return user

    def _users(self, tensor: Tensor) -> list[tuple[int, int]]:
        """Users and positions, without those that look at the shape alone; any use of another output counts."""
        found = []
        for number, position, output in self.model.flow.users[tensor[0]]:
            shape_only = self.model.nodes[number].op in LOOKS_AT_SHAPE and position >= 0
            if not (shape_only and output == tensor[1]):
                found.append((number, position))
        return found

    def through(self, place: Place, item: Normalizer, first: Node | None = None) -> list[Step] | str:
        """Returns the steps from a place to the end of a normaliser, or why it cannot be followed.

        Args:
          place: where to begin.
          item: the normaliser.
          first: the op to take first; None for whatever alone uses the place.
        """
        chain: list[Step] = []
        last, why = 0, "it cannot be followed from the layer before it"
        parameters, users = self._parameters(item)
        while len(chain) < _MAX_STEPS:
            user = first if first is not None and not chain else self.only_user(place.tensor)
            taken = step(self.model, self.constants, user, place) if isinstance(user, Node) else user
            if isinstance(taken, str):
                why = taken
                break
            chain.append(taken)
            place = taken.place
            if taken.node is item.node and item.node.op in NORMALIZING:
                others = {output for _, _, output in self.model.flow.users[taken.node.id]} - {0}
                return chain if not others else f"the other outputs of {taken.node.name!r} are used"
            if parameters.intersection(taken.operands):
                last = len(chain)
        if not last or users - {taken.node.id for taken in chain[:last]}:
            return why
        return chain[:last]

    def _parameters(self, item: Normalizer) -> tuple[set[Tensor], set[int]]:
        """The factors and summands of a spelled-out normaliser, and the ops that apply its factor to data."""
        if item.node.op in NORMALIZING:
            return set(), set()
        found, users, todo = {item.mean}, set(), [(item.node.id, 0)]
        found.update(tensor for tensor in (item.gamma, item.beta) if tensor is not None)
        while todo:
            tensor = todo.pop()
            found.add(tensor)
            for number, _, output in self.model.flow.users[tensor[0]]:
                if output == tensor[1] and (number, 0) not in found:
                    if self.constants.get((number, 0)) is not None:
                        todo.append((number, 0))
                    else:
                        users.add(number)
        return found, users


def op_name(name: str) -> str:
    return name.lstrip("^").split(":")[0]
