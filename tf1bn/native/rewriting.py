"""Graphs with native ops, rewritten to stock ops: portable to every TensorFlow, without the library."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.native import stock
from tf1bn.native.names import GRADIENT, NORMALIZE, OPS, PREFIX, RELU_MARK, SIGNATURES

_V1_CONTROL_FLOW = {"Switch", "RefSwitch", "Merge", "RefMerge", "Enter", "RefEnter"}
_FLAGS = {NORMALIZE: ("averages", "bessel", "guarded"), GRADIENT: ("relu",)}


class _Template(NamedTuple):
    """One op in stock ops.

    Attributes:
      nodes: NodeDefs, placeholders of the inputs left out.
      inputs: the placeholder's name of each input, to its number.
      outputs: tensor names.
      arguments: of each node, its outputs as a FunctionDef has them: argument, and position within it.
      definitions: OpDefs of all ops in it, by name.
    """

    nodes: tuple[Any, ...]
    inputs: Mapping[str, int]
    outputs: tuple[str, ...]
    arguments: Mapping[str, tuple[tuple[str, int], ...]]
    definitions: Mapping[str, Any]


def is_native(graph: Any) -> bool:
    """Whether a GraphDef or MetaGraphDef has native ops, of this version or another, in functions as well."""
    types = {node.op for node in _all_nodes(getattr(graph, "graph_def", graph))}
    return any(op.startswith(PREFIX) for op in types)


def native_names(graph: Any) -> tuple[str, ...]:
    """Returns the names of the native ops of a GraphDef or MetaGraphDef, those in functions as well."""
    return tuple(node.name for node in _all_nodes(getattr(graph, "graph_def", graph)) if node.op.startswith(PREFIX))


def to_stock(graph: Any) -> Any:
    """Returns a graph in which each native op is replaced by stock ops that compute the same.

    Names stay: what was tensor ``a/normalize:0`` is so afterwards, now of an op that passes on what ops below
    ``a/normalize/`` compute. Variables, collections, checkpoints and Savers are untouched. The result loads without the
    library, and TensorFlow differentiates it. Where the switch is a tensor, the stock ops compute the batch's moments
    in every run and choose; a graph for serving is better built with ``is_training=False``, or exported.

    Args:
      graph: a GraphDef or MetaGraphDef; it is not changed. Without native ops, it is returned itself.

    Raises:
      ArgumentTypeError: it is neither.
      GraphError: it has native ops of another version of tf1bn.
    """
    with errors.located("tf1bn.native.to_stock"):
        if not isinstance(graph, (tf.GraphDef, tf.MetaGraphDef)):
            raise errors.ArgumentTypeError(
                errors.explain("this is no graph", got=type(graph).__name__, expected="a GraphDef or MetaGraphDef")
            )
        if not is_native(graph):
            return graph
        done = type(graph)()
        done.CopyFrom(graph)
        graph_def = done.graph_def if isinstance(done, tf.MetaGraphDef) else done
        _refuse_others(graph_def)
        used: dict[str, Any] = {}
        anchored = any(node.op in _V1_CONTROL_FLOW for node in graph_def.node)
        on = _always_true(graph_def.node)
        names = {node.name for node in graph_def.node}
        nodes = [made for node in graph_def.node for made in _of_graph(node, on, anchored, names, used)]
        del graph_def.node[:]
        graph_def.node.extend(nodes)
        for function in graph_def.library.function:
            _rewrite_function(function, used)
        if isinstance(done, tf.MetaGraphDef):
            _list_ops(done.meta_info_def.stripped_op_list, used)
        return done


def _all_nodes(graph_def: Any) -> Iterator[Any]:
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


def _refuse_others(graph_def: Any) -> None:
    other = next((n for n in _all_nodes(graph_def) if n.op.startswith(PREFIX) and n.op not in OPS), None)
    if other is not None:
        raise errors.GraphError(
            errors.explain(
                f"op {other.name!r} is a native op of another version of tf1bn, package tf1bn.native",
                got=other.op,
                expected=" or ".join(OPS),
                fix="Rewrite the graph with the version of tf1bn that made it, or install that version.",
            )
        )


def _always_true(nodes: Iterable[Any]) -> set[str]:
    """Returns the names of constants that are True: what has such a switch is for training alone."""
    return {node.name for node in nodes if node.op == "Const" and list(node.attr["value"].tensor.bool_val) == [True]}


def _of_graph(node: Any, on: set[str], anchored: bool, names: set[str], used: dict[str, Any]) -> list[Any]:
    """Returns the nodes that stand for one node of a graph."""
    if node.op not in OPS:
        return [_with_relu(node)]
    template = _template_of(node, on)
    used.update(template.definitions)
    below = _free(node, template, names)
    made = _copies(node, below, template, lambda name, output: f"{name}:{output}" if output else name, anchored)
    made.append(_passing_on(node, [_place(below, tensor) for tensor in template.outputs]))
    return made


def _free(node: Any, template: _Template, names: set[str]) -> str:
    """Returns a scope below a node in which no name is taken: TensorFlow puts what a gradient keeps there, too."""
    below = f"{node.name}/stock"
    while any(f"{below}/{part.name}" in names for part in template.nodes):
        below += "_"
    return below


def _rewrite_function(function: Any, used: dict[str, Any]) -> None:
    """Replaces the native nodes of a function, whose tensors are named by the outputs of their ops."""
    native = {node.name: node.op for node in function.node_def if node.op in OPS}
    if not native:
        return
    relus: set[str] = set()
    nodes, on, names = [], _always_true(function.node_def), {node.name for node in function.node_def}
    for node in function.node_def:
        if node.op not in OPS:
            if RELU_MARK in node.attr:
                relus.add(node.name)
            nodes.append(_with_relu(node))
            continue
        template = _template_of(node, on)
        used.update(template.definitions)
        below = _free(node, template, names)
        arguments = {f"{below}/{name}": places for name, places in template.arguments.items()}

        def named(name: str, output: int, arguments: Mapping[str, Any] = arguments) -> str:
            argument, place = arguments[name][output]
            return f"{name}:{argument}:{place}"

        nodes += _copies(node, below, template, named, False)
        ends = [_split(_place(below, tensor)) for tensor in template.outputs]
        nodes.append(_passing_on(node, [named(name, output) for name, output in ends]))

    def renamed(reference: str) -> str:
        name, _, rest = reference.partition(":")
        if rest and name in relus:
            return f"{name}:activations:0"
        if not rest or name not in native:
            return reference
        return f"{name}:output:{SIGNATURES[native[name]].outputs.index(rest.split(':')[0])}"

    for node in nodes:
        node.input[:] = [renamed(reference) for reference in node.input]
    for key, reference in function.ret.items():
        function.ret[key] = renamed(reference)
    del function.node_def[:]
    function.node_def.extend(nodes)


def _with_relu(node: Any) -> Any:
    """Returns a node as it is, or as the ReLU that it stands for."""
    if RELU_MARK in node.attr:
        node.op = "Relu"
        del node.attr[RELU_MARK]
    return node


def _copies(node: Any, below: str, template: _Template, named: Any, anchored: bool) -> list[Any]:
    """Returns the template's nodes in a scope, with the inputs and the device of a node, and what it waits for."""
    data = [name for name in node.input if not name.startswith("^")]
    control = [name for name in node.input if name.startswith("^")]
    made = []
    for part in template.nodes:
        copy = tf.NodeDef()
        copy.CopyFrom(part)
        copy.name, copy.device = f"{below}/{part.name}", node.device
        inputs, outside = [], not part.input
        for reference in part.input:
            name, output = _split(reference)
            if name.startswith("^"):
                inputs.append(f"^{below}/{name[1:]}")
            elif name in template.inputs:
                inputs.append(data[template.inputs[name]])
                outside = True
            else:
                inputs.append(named(f"{below}/{name}", output))
        if anchored and not part.input:
            # A constant belongs to the loop and the branch of what it waits for.
            inputs.append(f"^{_split(data[0])[0]}")
        copy.input[:] = [*inputs, *(control if outside else ())]
        made.append(copy)
    return made


def _passing_on(node: Any, tensors: list[str]) -> Any:
    """Returns the node that has the name and the outputs of the native one."""
    made = tf.NodeDef(name=node.name, op="IdentityN", device=node.device)
    made.input[:] = [*tensors, *(name for name in node.input if name.startswith("^"))]
    made.attr["T"].list.type[:] = [
        node.attr["T" if i == 0 else "U"].type for i in range(len(SIGNATURES[node.op].outputs))
    ]
    for kept in ("_class", "_output_shapes"):
        if kept in node.attr:
            made.attr[kept].CopyFrom(node.attr[kept])
    return made


def _place(prefix: str, tensor: str) -> str:
    name, output = _split(tensor)
    return f"{prefix}/{name}:{output}" if output else f"{prefix}/{name}"


def _split(reference: str) -> tuple[str, int]:
    name, _, output = reference.partition(":")
    return name, int(output or 0)


def _template_of(node: Any, on: set[str]) -> _Template:
    attr = node.attr
    flags = tuple((name, attr[name].b) for name in _FLAGS[node.op])
    epsilon = attr["epsilon"].f + attr["epsilon_rest"].f
    switch = [name.split(":")[0] for name in node.input if not name.startswith("^")][-1]
    always = node.op == NORMALIZE and (switch in on or not attr["averages"].b)
    return _template(node.op, attr["T"].type, attr["U"].type, attr["rank"].i, epsilon, flags, always)


@functools.cache
def _template(
    op: str, dtype: int, computed: int, rank: int, epsilon: float, flags: tuple[tuple[str, bool], ...], always: bool
) -> _Template:
    names = SIGNATURES[op].inputs
    options: dict[str, Any] = {"rank": rank, "epsilon": epsilon, **dict(flags)}
    with tf.Graph().as_default() as graph:
        inputs = [tf.placeholder(*_kind(name, dtype, computed, rank), name=f"input_{name}") for name in names]
        if op == GRADIENT:
            outputs = stock.gradient(*inputs, **options)
        else:
            given = dict(zip(names, inputs, strict=True))
            outputs = stock.normalize(**{**given, **({"is_training": True} if always else {})}, **options)
        operations = [item for item in graph.get_operations() if item.type != "Placeholder"]
        return _Template(
            tuple(_without_shapes(item.node_def) for item in operations),
            {item.op.name: i for i, item in enumerate(inputs)},
            tuple(item.name for item in outputs),
            {item.name: _output_arguments(item) for item in operations},
            {item.type: item.op_def for item in operations},
        )


def _kind(name: str, dtype: int, computed: int, rank: int) -> tuple[Any, Any]:
    shape = {"weights": [3], "is_training": [], "saved": [4, None]}.get(name, [None])
    if name in ("x", "dy"):
        return tf.as_dtype(dtype), [None] * rank
    return tf.bool if name == "is_training" else tf.as_dtype(computed), shape


def _without_shapes(node: Any) -> Any:
    node.attr.pop("_output_shapes", None)
    return node


def _output_arguments(operation: Any) -> tuple[tuple[str, int], ...]:
    """Returns how a FunctionDef names each output. Of the ops used here, those with a list have nothing else."""
    arguments, count = operation.op_def.output_arg, len(operation.outputs)
    if len(arguments) == count:
        return tuple((argument.name, 0) for argument in arguments)
    return tuple((arguments[0].name, i) for i in range(count))


def _list_ops(listed: Any, used: Mapping[str, Any]) -> None:
    kept = [op for op in listed.op if not op.name.startswith(PREFIX)]
    known = {op.name for op in kept}
    with tf.Graph().as_default():
        x = tf.constant(0.0)
        own = {tensor.op.type: tensor.op.op_def for tensor in (tf.nn.relu(x), tf.raw_ops.IdentityN(input=[x])[0])}
    new: Iterable[Any] = [op for name, op in sorted({**used, **own}.items()) if name not in known]
    done = sorted([*kept, *new], key=lambda op: op.name)
    del listed.op[:]
    listed.op.extend(done)
