"""Makes a copy of a graph run where there is no kernel for its channels-first ops: on a CPU.

TensorFlow convolves and pools channels first on GPUs, and on CPUs only with oneDNN, in float32. Such an op is run
channels last between two transpositions, which is the same arithmetic on the same numbers. The last transposition
takes the op's name, so that whatever fetches the op or reads it still does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.graph import data_formats

_SUFFIX = "channels_last"
_FLOAT = int(tf.float32.as_datatype_enum)
_INTEGER = int(tf.int32.as_datatype_enum)


def make_runnable(graph_def: Any) -> int:
    """Wraps the ops of a GraphDef, and of its functions, that have no kernel on this machine.

    Args:
      graph_def: is changed. Ops keep their names, and names of tensors their meaning.

    Returns:
      the number of ops that were wrapped; 0 where there is a GPU, which runs them as they are.
    """
    if tf.config.list_physical_devices("GPU"):
        return 0
    count = _wrap_all(graph_def.node, False)
    for function in graph_def.library.function:
        wrapped = [node.name for node in function.node_def if _stuck(node)]
        outputs = {name: _output(function.node_def, name) for name in wrapped}
        count += _wrap_all(function.node_def, True)
        _rename_outputs(function, outputs)
    return count


def _stuck(node: Any) -> bool:
    return bool(data_formats.channels_first(node)) and not data_formats.FORMATTED[node.op].cpu


def _output(nodes: Any, name: str) -> str:
    return next(data_formats.FORMATTED[node.op].output for node in nodes if node.name == name)


def _wrap_all(nodes: Any, body: bool) -> int:
    stuck = [node for node in nodes if _stuck(node)]
    for node in stuck:
        _wrap(nodes, node, body)
    return len(stuck)


def _wrap(nodes: Any, node: Any, body: bool) -> None:
    """Puts a node between transpositions; in a body of a function, outputs are named by argument."""
    row = data_formats.FORMATTED[node.op]
    name, rank = node.name, data_formats.make_last(node)
    dtype = node.attr["T"].type if "T" in node.attr else _FLOAT  # a SavedModel leaves out what is the default
    last, first = data_formats.to_last(rank), data_formats.to_first(rank)
    node.attr.pop("_output_shapes", None)
    for position in row.inputs:
        place = f"{name}/{_SUFFIX}/input_{position}"
        node.input[position] = _transpose(nodes, place, node.input[position], last, dtype, body)
    for position in row.vectors:
        place = f"{name}/{_SUFFIX}/vector_{position}"
        node.input[position] = _gather(nodes, place, node.input[position], last, body)
    if row.output:
        node.name = f"{name}/{_SUFFIX}"
        result = f"{node.name}:{row.output}:0" if body else node.name
        _transpose(nodes, name, result, first, dtype, body)


def _transpose(nodes: Any, name: str, source: str, order: Sequence[int], dtype: int, body: bool) -> str:
    order_name = _constant(nodes, f"{name}/{_SUFFIX}_order", np.asarray(order, np.int32), body)
    node = nodes.add(name=name, op="Transpose", input=[source, order_name])
    node.attr["T"].type, node.attr["Tperm"].type = dtype, _INTEGER
    return f"{name}:y:0" if body else name


def _gather(nodes: Any, name: str, source: str, order: Sequence[int], body: bool) -> str:
    """Reorders a vector with one number for each dimension; a shorter one, of the image alone, stays."""
    found = next((node for node in nodes if node.name == source.split(":")[0] and node.op == "Const"), None)
    if found is not None and found.attr["value"].tensor.tensor_shape.dim[0].size != len(order):
        return source
    indices = _constant(nodes, f"{name}/indices", np.asarray(order, np.int32), body)
    axis = _constant(nodes, f"{name}/axis", np.asarray(0, np.int32), body)
    node = nodes.add(name=name, op="GatherV2", input=[source, indices, axis])
    for key in ("Tparams", "Tindices", "Taxis"):
        node.attr[key].type = _INTEGER
    return f"{name}:output:0" if body else name


def _constant(nodes: Any, name: str, value: np.ndarray, body: bool) -> str:
    node = nodes.add(name=name, op="Const")
    node.attr["dtype"].type = _INTEGER
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return f"{name}:output:0" if body else name


def _rename_outputs(function: Any, outputs: dict[str, str]) -> None:
    """Makes a body read the transposed results: `op:output:0` becomes `op:y:0`."""

    def renamed(text: str) -> str:
        match = re.fullmatch(r"([^:^]+):([^:]+):0", text)
        changed = match is not None and bool(outputs.get(match[1])) and match[2] == outputs[match[1]]
        return f"{match[1]}:y:0" if match is not None and changed else text

    for node in function.node_def:
        inputs = [renamed(text) for text in node.input]
        node.ClearField("input")
        node.input.extend(inputs)
    for key in function.ret:
        function.ret[key] = renamed(function.ret[key])
