"""``fuse_op`` of tf.contrib.framework: a part of a graph's definition becomes one op."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn import errors


def fuse_op(
    graph_def: tf.GraphDef,
    input_nodes: Sequence[str],
    output_nodes: Sequence[str],
    output_dtypes: Sequence[int],
    output_quantized: bool,
    op_name: str,
    op_type: str,
) -> tf.GraphDef:
    """Returns a definition in which one op stands between some nodes; such definitions go to other runtimes.

    Nodes that lead to the inputs come first, then the op, the outputs (each an op of one input, which now takes the
    new op's), and the nodes after them.

    Args:
      output_dtypes, output_quantized: attributes ``_output_types`` and ``_output_quantized`` of the op.
      op_name, op_type: of the new node.

    Raises:
      ArgumentTypeError: another type, or the part needs what is not one of its inputs.
      ArgumentError: there is no node of a name, or an output has more inputs than one.
    """
    with errors.located("fuse_op"):
        _check_types(graph_def, input_nodes, output_nodes)
        nodes = {node.name: node for node in graph_def.node}
        needs = {node.name: [_node(name) for name in node.input] for node in graph_def.node}
        _check_nodes(nodes, input_nodes, output_nodes)
        before, until = _leading_to(input_nodes, needs), _leading_to(output_nodes, needs)
        _check_closed(until - before - set(output_nodes), before - set(input_nodes), needs)
    made = tf.GraphDef(library=graph_def.library, versions=graph_def.versions)
    made.node.extend(node for node in graph_def.node if node.name in before)
    made.node.append(_fused(op_name, op_type, input_nodes, output_dtypes, output_quantized))
    for place, name in enumerate(output_nodes):
        node = made.node.add()
        node.CopyFrom(nodes[name])
        node.input[:] = [f"{op_name}:{place}" if place else op_name]
    made.node.extend(node for node in graph_def.node if node.name not in before | until)
    return made


def _fused(name: str, kind: str, inputs: Sequence[str], dtypes: Sequence[int], quantized: bool) -> Any:
    node = tf.NodeDef(name=name, op=kind, input=inputs)
    node.attr["_output_types"].list.type[:] = [tf.as_dtype(dtype).as_datatype_enum for dtype in dtypes]
    node.attr["_output_quantized"].b = quantized
    return node


def _node(name: str) -> str:
    """Returns the node of an input: ``^a`` and ``a:1`` are ``a``."""
    return name.removeprefix("^").partition(":")[0]


def _leading_to(names: Iterable[str], needs: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    pending = collections.deque(names)
    while pending:
        name = pending.popleft()
        if name not in found:
            found.add(name)
            pending.extend(needs[name])
    return found


def _check_types(graph_def: Any, inputs: Any, outputs: Any) -> None:
    if not isinstance(graph_def, tf.GraphDef):
        raise errors.ArgumentTypeError(errors.explain("`graph_def` is no GraphDef", got=type(graph_def).__name__))
    for word, value in (("input_nodes", inputs), ("output_nodes", outputs)):
        if isinstance(value, str):
            raise errors.ArgumentTypeError(errors.explain(f"`{word}` must be a list of names", got=value))


def _check_nodes(nodes: dict[str, Any], inputs: Sequence[str], outputs: Sequence[str]) -> None:
    for name in (*inputs, *outputs):
        if name not in nodes:
            raise errors.ArgumentError(
                errors.explain(f"the graph has no node {name!r}", fix=errors.did_you_mean(name, nodes).strip())
            )
    for name in outputs:
        if len(nodes[name].input) != 1:
            raise errors.ArgumentError(
                errors.explain(f"output {name!r} must have one input", got=list(nodes[name].input))
            )


def _check_closed(inside: set[str], outside: set[str], needs: dict[str, list[str]]) -> None:
    for name in sorted(inside):
        for other in needs[name]:
            if other in outside:
                raise errors.ArgumentTypeError(
                    errors.explain(f"node {name!r} needs {other!r}", fix="Add it to `input_nodes`.")
                )
