"""A GraphDef under change: nodes and functions by name, inputs as (name, output) pairs."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.graph import loading, ops

Ref = tuple[str, int]
"""A tensor: the name of its node, and which output; output -1 is a control input."""

CONTROL = -1
_LOCAL_ATTRS = ("_class", "_output_shapes")


def parse(text: str) -> Ref:
    """Returns what an input string of a top-level node means."""
    if text.startswith("^"):
        return text[1:], CONTROL
    head, colon, tail = text.rpartition(":")
    return (head, int(tail)) if colon and tail.isdigit() else (text, 0)


def spell(ref: Ref) -> str:
    """Returns the input string of a tensor or control input."""
    name, output = ref
    return f"^{name}" if output == CONTROL else name if output == 0 else f"{name}:{output}"


class Draft:
    """A copy of a graph that may be changed.

    Args:
      meta_graph: a MetaGraphDef; it is not changed.

    Attributes:
      nodes: name -> NodeDef.
      functions: name -> FunctionDef.
      shapes: name -> the shapes of its outputs, where the old graph states them.
    """

    def __init__(self, meta_graph: Any) -> None:
        graph_def = meta_graph.graph_def
        self.nodes: dict[str, Any] = {}
        self.shapes: dict[str, Any] = {}
        for node in graph_def.node:
            self.add(node)
            if "_output_shapes" in node.attr:
                self.shapes[node.name] = node.attr["_output_shapes"].list.shape
        self.functions: dict[str, Any] = {item.signature.name: item for item in graph_def.library.function}
        self._versions = graph_def.versions
        self._signatures = {item.name: item for item in meta_graph.meta_info_def.stripped_op_list.op}

    def add(self, node: Any, prefix: str = "") -> Any:
        """Adds a copy of a node, without device and without what names other nodes or shapes of the old graph."""
        copy = tf.NodeDef()
        copy.CopyFrom(node)
        copy.name = prefix + node.name
        # The machine that trained is not the one that serves.
        copy.device = ""
        for key in _LOCAL_ATTRS:
            if key in copy.attr:
                del copy.attr[key]
        self.nodes[copy.name] = copy
        return copy

    def make(self, name: str, op: str, inputs: Iterable[Ref] = (), **types: int) -> Any:
        """Adds a new node; `types` are its type attributes."""
        node = tf.NodeDef(name=name, op=op, input=[spell(ref) for ref in inputs])
        for key, value in types.items():
            node.attr[key].type = value
        self.nodes[name] = node
        return node

    def constant(self, name: str, value: Any, dtype: int, shape: Any = None) -> Any:
        """Adds a Const; one value stands for all elements of a larger shape."""
        node = self.make(name, "Const", dtype=dtype)
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype, shape))
        return node

    def free_name(self, wanted: str) -> str:
        """Returns the wanted name, with a number when it is taken."""
        name, number = wanted, 0
        while name in self.nodes:
            number += 1
            name = f"{wanted}_{number}"
        return name

    def signature(self, op: str) -> Any:
        """Returns the OpDef of an op, or the signature of a function of that name."""
        return self.functions[op].signature if op in self.functions else self._signatures[op]

    def dtype(self, ref: Ref) -> int:
        """Returns the data type of a tensor; of a variable, that of its value."""
        node = self.nodes[ref[0]]
        # Its output is a handle, and callers ask for what it leads to.
        if node.op == "VarHandleOp":
            return int(node.attr["dtype"].type)
        before = 0
        for arg in self.signature(node.op).output_arg:
            if arg.type_list_attr:
                types = [int(number) for number in node.attr[arg.type_list_attr].list.type]
            else:
                count = int(node.attr[arg.number_attr].i) if arg.number_attr else 1
                types = [int(node.attr[arg.type_attr].type if arg.type_attr else arg.type)] * count
            if ref[1] < before + len(types):
                return types[ref[1] - before]
            before += len(types)
        raise errors.ExportError(errors.explain(f"the {node.op} {ref[0]!r} has no output {ref[1]}"))

    def find(self, text: str, what: str) -> Ref:
        """Returns the tensor that a user's name means.

        Raises:
          ExportError: there is none; the text names the closest one.
        """
        ref = parse(text)
        if ref[1] == CONTROL or ref[0] not in self.nodes:
            # To compare a name with all of a large graph takes long.
            close = errors.did_you_mean(ref[0], self.nodes) if len(self.nodes) < 20_000 else ""
            raise errors.ExportError(errors.explain(f"the graph has no {what} {text!r}", fix=close.strip()))
        self.dtype(ref)
        return ref

    def order(self) -> list[str]:
        """Returns all nodes, each after its inputs; the back edges of loops are left out."""
        waiting = dict.fromkeys(self.nodes, 0)
        children: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, node in self.nodes.items():
            for source, _ in map(parse, node.input):
                if not (node.op in ops.MERGES and self.nodes[source].op in ops.NEXTS):
                    waiting[name] += 1
                    children[source].append(name)
        ready = collections.deque(name for name, count in waiting.items() if not count)
        done = []
        while ready:
            name = ready.popleft()
            done.append(name)
            for child in children[name]:
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)
        assert len(done) == len(self.nodes), "a graph with a circle is refused when it is read"
        return done

    def needed(self, roots: Iterable[str]) -> set[str]:
        """Returns all nodes that the roots need, by data and by control."""
        found, todo = set(), list(roots)
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo.extend(source for source, _ in map(parse, self.nodes[name].input))
        return found

    def learn(self, signatures: Iterable[Any]) -> None:
        """Takes in the OpDefs of ops that the old graph did not have."""
        # Those of the old graph win, as its nodes were made by them.
        self._signatures = {**{item.name: item for item in signatures}, **self._signatures}

    def redirect(self, moved: Mapping[Ref, Ref], names: Mapping[str, str]) -> None:
        """Makes readers of some tensors read others, and then gives nodes other names.

        A control input stays with its name, whichever node has it now.
        """

        def followed(text: str) -> str:
            ref = parse(text)
            if ref[1] == CONTROL:
                return text
            name, output = moved.get(ref, ref)
            return spell((names.get(name, name), output))

        nodes = {}
        for node in self.nodes.values():
            # Untouched nodes keep their list: writing all would take most of the time.
            inputs = [followed(text) for text in node.input]
            if inputs != list(node.input):
                node.ClearField("input")
                node.input.extend(inputs)
            node.name = names.get(node.name, node.name)
            nodes[node.name] = node
        self.nodes = nodes

    def keep(self, names: set[str]) -> None:
        """Drops all other nodes, and the functions that are called no more."""
        self.nodes = {name: node for name, node in self.nodes.items() if name in names}
        called, todo = set(), [self.nodes.values()]
        while todo:
            fresh = {name for name in _called(todo.pop(), self.functions) if name not in called}
            called |= fresh
            todo.extend(self.functions[name].node_def for name in fresh)
        self.functions = {name: item for name, item in self.functions.items() if name in called}

    def graph_def(self) -> Any:
        """Returns the graph as a GraphDef."""
        result = tf.GraphDef(node=self.nodes.values())
        result.versions.CopyFrom(self._versions)
        result.library.function.extend(self.functions.values())
        return result

    def copy(self) -> Draft:
        """Returns a draft of its own."""
        other = Draft(tf.MetaGraphDef())
        for copies, given in ((other.nodes, self.nodes), (other.functions, self.functions)):
            for name, item in given.items():
                copies[name] = type(item)()
                copies[name].CopyFrom(item)
        # Shared, as none of them is changed in place.
        other._signatures, other.shapes, other._versions = self._signatures, self.shapes, self._versions
        return other


def _called(nodes: Iterable[Any], functions: dict[str, Any]) -> Iterator[str]:
    for node in nodes:
        if node.op in functions:
            yield node.op
        for value in node.attr.values():
            for func in [value.func, *value.list.func]:
                if func.name in functions:
                    yield func.name


def meta_graph(graph: Any) -> Any:
    """Returns a MetaGraphDef of a live graph, a proto or a file, with the signatures of all its ops.

    Raises:
      GraphError: there is no such graph, or this TensorFlow cannot import it.
    """
    if isinstance(graph, tf.Graph):
        with graph.as_default():
            meta = loading.exported(graph)
    else:
        source = loading.load(graph)
        meta = source.meta_graph or tf.MetaGraphDef(graph_def=source.graph_def)
    known = {item.name for item in meta.meta_info_def.stripped_op_list.op}
    library = meta.graph_def.library
    functions = {item.signature.name for item in library.function}
    used = {node.op for node in meta.graph_def.node}
    inner = {node.op for item in library.function for node in item.node_def}
    # A GraphDef says nothing of its ops, and a MetaGraphDef nothing of those in functions that are only branches.
    if used | inner <= known | functions:
        return meta
    complete = tf.MetaGraphDef()
    complete.CopyFrom(meta)
    if not used <= known | functions:
        complete.meta_info_def.stripped_op_list.op.extend(_signatures(meta.graph_def))
    if not inner <= known | functions:
        asked = _examples(library, inner - known - functions)
        complete.meta_info_def.stripped_op_list.op.extend(_signatures(_calls_of(library, asked)))
    return complete


def _signatures(graph_def: Any) -> Any:
    """Returns the OpDefs of a GraphDef's ops, as this TensorFlow knows them."""
    with tf.Graph().as_default() as graph:
        try:
            tf.import_graph_def(graph_def, name="")
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise errors.GraphError(
                errors.explain(f"this TensorFlow cannot import the graph ({str(error)[:200]})")
            ) from error
        return tf.train.export_meta_graph(graph=graph).meta_info_def.stripped_op_list.op


def _examples(library: Any, ops: set[str]) -> list[Any]:
    """Returns functions that have all of some types of ops in them: of many layers a few, as layers are alike."""
    found, left = [], set(ops)
    for function in library.function:
        fresh = left.intersection(node.op for node in function.node_def)
        if fresh:
            found.append(function)
            left -= fresh
    return found


def _calls_of(library: Any, functions: Iterable[Any]) -> Any:
    """Returns a graph that calls some functions. Trick: TensorFlow lists the ops of called functions only."""
    everything = {item.signature.name: item for item in library.function}
    called, todo = {}, [item.signature.name for item in functions]
    asked = list(todo)
    while todo:
        name = todo.pop()
        if name not in called:
            called[name] = everything[name]
            todo += _called(everything[name].node_def, everything)
    result = tf.GraphDef()
    # All others would be copied for nothing, with what they call and what their gradients are.
    result.library.function.extend(called.values())
    for number, function in enumerate(everything[name] for name in asked):
        call = result.node.add(name=f"call_{number}", op="StatefulPartitionedCall")
        call.attr["f"].func.name = function.signature.name
        for position, arg in enumerate(function.signature.input_arg):
            given = result.node.add(name=f"arg_{number}_{position}", op="Placeholder")
            given.attr["dtype"].type = arg.type
            call.input.append(given.name)
        call.attr["Tin"].list.type.extend(arg.type for arg in function.signature.input_arg)
        call.attr["Tout"].list.type.extend(arg.type for arg in function.signature.output_arg)
    return result
