"""``slim.model_analyzer``: sizes of a graph's variables and of its operations' outputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow.compat.v1 as tf

_LINE = "---------"


def tensor_description(var: Any) -> str:
    """Returns dtype and shape of a tensor or variable: ``(float32_ref 3x3x16) [144, bytes: 576]``."""
    shape = var.shape
    dims = "x".join(str(size) for size in (shape.as_list() if shape.rank is not None else ["?"]))
    held = ""
    if shape.is_fully_defined():
        held = f" [{shape.num_elements()}, bytes: {shape.num_elements() * var.dtype.size}]"
    return f"({var.dtype.name} {dims}){held}"


def analyze_ops(graph: tf.Graph, print_info: bool = False) -> int:
    """Returns the number of values in the outputs of all operations, as far as their shapes are known."""
    total = 0
    if print_info:
        print(f"{_LINE}\nOperations: name -> (type shapes) [size]\n{_LINE}")
    for op in graph.get_operations():
        size = sum(x.shape.num_elements() or 0 for x in op.outputs)
        total += size
        if print_info:
            print(f"{op.name}\t-> {', '.join(tensor_description(x) for x in op.outputs)} [{size}]")
    if print_info:
        print(f"{_LINE}\nTotal size: {total}")
    return total


def analyze_vars(variables: Iterable[Any], print_info: bool = False) -> tuple[int, int]:
    """Returns the number of values in variables, and of their bytes; variables of unknown shape count 0."""
    total = total_bytes = 0
    if print_info:
        print(f"{_LINE}\nVariables: name (type shape) [size]\n{_LINE}")
    for variable in variables:
        size = variable.shape.num_elements() or 0
        total += size
        total_bytes += size * variable.dtype.size
        if print_info:
            print(variable.name, tensor_description(variable))
    if print_info:
        print(f"Total size of variables: {total}\nTotal bytes of variables: {total_bytes}")
    return total, total_bytes
