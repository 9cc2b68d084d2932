"""Edits of a MetaGraphDef by name: replaced tensors, new nodes, and the removal of what nothing needs any more."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.graph.folding.constants import PASSING
from tf1bn.graph.folding.linear import HARMLESS
from tf1bn.graph.folding.walk import op_name
from tf1bn.graph.variables import VARIABLE_OPS

Users = dict[str, list[tuple[Any, int]]]
"""By the name of a node, the nodes that take it as an input, and at which position."""

_STAYS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault", "NoOp", *VARIABLE_OPS)


class Editor:
    """The nodes of a graph under change.

    Args:
      meta: the MetaGraphDef, which is changed.
      kept: names of nodes that stay whether or not anything uses them.
    """

    def __init__(self, meta: Any, kept: Iterable[str]) -> None:
        self.meta = meta
        self.nodes: dict[str, Any] = {node.name: node for node in meta.graph_def.node}
        self.kept = frozenset(kept)
        self.removed: set[str] = set()
        self.dead: set[str] = set()
        # A name that is also the scope of others would make names that no `name_scope` gives.
        self._names: set[str] = set()
        for name in self.nodes:
            self._take(name)
        self._instead: dict[str, str] = {}
        self._behind: dict[str, str] = {}
        self._loose: list[str] = []

    def _take(self, name: str) -> None:
        """Notes a name and its scopes, from the inside out as far as they are new."""
        while name and name not in self._names:
            self._names.add(name)
            name = name.rpartition("/")[0]

    def unique(self, name: str, taken: Container[str] = ()) -> str:
        """Returns a name that no node, and nothing below a node's name, has."""
        found, number = name, 0
        while found in self._names or found in taken:
            number += 1
            found = f"{name}_{number}"
        return found

    def add(self, name: str, op: str, inputs: Iterable[str], like: Any) -> Any:
        """Adds a node on the device of another and returns its NodeDef."""
        node = self.meta.graph_def.node.add()
        node.name, node.op, node.device = name, op, like.device
        node.input.extend(inputs)
        self.nodes[name] = node
        self._take(name)
        return node

    def adopt(self, proto: Any, device: str) -> None:
        """Adds a copy of a foreign node."""
        node = self.meta.graph_def.node.add()
        node.CopyFrom(proto)
        node.device = device
        self.nodes[node.name] = node
        self._take(node.name)

    def constant(self, name: str, value: Any, like: Any) -> str:
        """Adds a Const and returns its name."""
        name = self.unique(name)
        set_value(self.add(name, "Const", (), like), value)
        return name

    def take_out(self, name: str, instead: str, behind: str) -> None:
        """Removes a node of the data path.

        Args:
          name: the node.
          instead: the tensor that its users read now.
          behind: the node that its control users wait for now, and that waits for what it waited for.
        """
        node = self.nodes[name]
        self.removed.add(name)
        self._instead[name], self._behind[name] = instead, behind
        for text in node.input:
            if text.startswith("^"):
                self._wait(behind, text)
            else:
                # Only a candidate: others may use it, which is known when all layers are done.
                self._loose.append(op_name(text))

    def retype(self, name: str, op: str, inputs: Iterable[str]) -> Any:
        """Makes another op of a node, with the same name, device and control inputs, and returns its NodeDef."""
        node = self.nodes[name]
        self._loose.extend(op_name(text) for text in node.input if not text.startswith("^"))
        controls = [text for text in node.input if text.startswith("^")]
        shapes = (
            [shape for shape in node.attr["_output_shapes"].list.shape][:1] if "_output_shapes" in node.attr else []
        )
        node.op = op
        node.attr.clear()
        del node.input[:]
        node.input.extend([*inputs, *controls])
        if shapes:
            node.attr["_output_shapes"].list.shape.extend(shapes)
        return node

    def inherit(self, name: str, tensors: Iterable[str]) -> None:
        """Makes a node wait for all that the computation of some parameters waited for."""
        seen: set[str] = set()
        todo = [op_name(text) for text in tensors]
        while todo:
            source = todo.pop()
            if source not in seen and source in self.nodes:
                seen.add(source)
                for text in self.nodes[source].input:
                    if text.startswith("^"):
                        self._wait(name, text)
                    else:
                        todo.append(op_name(text))

    def _wait(self, name: str, control: str) -> None:
        node = self.nodes[name]
        # To wait for itself would be a circle.
        if control not in node.input and control[1:] != name:
            node.input.append(control)

    def sweep(self) -> None:
        """Connects the users of removed nodes anew, then removes all that only removed nodes needed."""
        for node in list(self.nodes.values()):
            if node.name not in self.removed:
                self._reconnect(node)
        for name in self.removed:
            self.nodes.pop(name, None)
        # From the users to what they used, round by round: what loses its last user may let go of more.
        loose = self._loose
        while loose:
            users = self.users()
            found = [name for name in dict.fromkeys(loose) if name in self.nodes]
            loose = [source for name in found for source in self._drop(name, users)]
        self._forget()

    def _reconnect(self, node: Any) -> None:
        for at, text in enumerate(node.input):
            name = op_name(text)
            if name in self._instead:
                node.input[at] = f"^{self._behind[name]}" if text.startswith("^") else self._final(name)

    def _final(self, name: str) -> str:
        text = self._instead[name]
        # Several ops in a row may be taken out.
        while op_name(text) in self._instead:
            text = self._instead[op_name(text)]
        return text

    def users(self) -> Users:
        """Returns the users of each node as they are now; the position is -1 for a control input."""
        users: Users = {}
        for node in self.nodes.values():
            for at, text in enumerate(node.input):
                users.setdefault(op_name(text), []).append((node, -1 if text.startswith("^") else at))
        return users

    def _drop(self, name: str, users: Users) -> list[str]:
        """Removes a node that nothing needs; returns what it used."""
        node = self.nodes[name]
        if node.op in VARIABLE_OPS:
            gone = self._variable(name, users)
        elif name in self.kept or node.op in _STAYS or users.get(name):
            gone = []
        else:
            gone = [name]
        return self.discard(gone)

    def discard(self, names: Iterable[str]) -> list[str]:
        """Removes nodes; returns what they used."""
        used = []
        for name in names:
            if name in self.nodes:
                used += [op_name(text) for text in self.nodes.pop(name).input]
                self.removed.add(name)
        return used

    def _variable(self, name: str, users: Users) -> list[str]:
        """Returns a variable with its reads and writes when nothing else uses it, or nothing."""
        gone, todo = [name], [name]
        while todo:
            for user, at in users.get(todo.pop(), ()):
                # A Saver is no reason to keep a variable: its entry goes as well.
                if at < 0 or user.name in gone or user.op in ("SaveV2", "Save", "SaveSlices"):
                    continue
                read = user.op in PASSING
                if not (read or user.op in HARMLESS or (user.op.startswith("Assign") and at == 0)):
                    return []
                # The result of a write is its new value, which somebody takes.
                if not read and any(position >= 0 for _, position in users.get(user.name, ())):
                    return []
                gone.append(user.name)
                todo += [user.name] if read else []
        self.dead.add(name)
        return gone

    def _forget(self) -> None:
        """Removes every mention of a removed node."""
        kept = list(self.nodes.values())
        for node in kept:
            texts = [text for text in node.input if not (text.startswith("^") and text[1:] in self.removed)]
            if len(texts) < len(node.input):
                del node.input[:]
                node.input.extend(texts)
            # A colocation with an op that is gone stops the import of the graph.
            if "_class" in node.attr:
                groups = node.attr["_class"].list.s
                left = [item for item in groups if item.decode().removeprefix("loc:@") not in self.removed]
                if len(left) < len(groups):
                    del node.attr["_class"]
                    if left:
                        node.attr["_class"].list.s.extend(left)

    def finish(self) -> None:
        """Writes the remaining nodes back."""
        order = [node.name for node in self.meta.graph_def.node if node.name in self.nodes]
        # The nodes are messages of the list that is emptied, and need not outlive that.
        copies = []
        for name in order:
            copy = type(self.nodes[name])()
            copy.CopyFrom(self.nodes[name])
            copies.append(copy)
        del self.meta.graph_def.node[:]
        self.meta.graph_def.node.extend(copies)


def set_value(node: Any, value: Any) -> None:
    """Gives a Const its value and type."""
    proto = tf.make_tensor_proto(value, shape=np.shape(value))
    node.attr["value"].tensor.CopyFrom(proto)
    node.attr["dtype"].type = proto.dtype
    # It was that of the old value.
    node.attr.pop("_output_shapes", None)
