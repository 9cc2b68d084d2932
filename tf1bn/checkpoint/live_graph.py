"""A TensorFlow graph in memory as the files see it, so that one planner serves both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.checkpoint import graph_file
from tf1bn.checkpoint.graph_file import GraphFile


def read(graph: Any = None) -> GraphFile:
    """Returns nodes and global variables of a graph; None for the default graph."""
    graph = graph or tf.get_default_graph()
    if not graph.get_operations():
        return GraphFile("the graph", {}, {})
    with graph.as_default():
        return graph_file.parse_graph("the graph", tf.train.export_meta_graph(graph=graph).SerializeToString())


def full_name(variable: Any) -> str:
    """Returns the name of a variable in a checkpoint; of the whole, for a slice of a partitioned one."""
    info = getattr(variable, "_save_slice_info", None) or getattr(variable, "_get_save_slice_info", lambda: None)()
    return str(info.full_name) if info is not None else str(variable.op.name)


def by_name(variables: Sequence[Any]) -> dict[str, Any]:
    """Returns name in a checkpoint -> variable, or the list of a partitioned one's slices."""
    named: dict[str, Any] = {}
    for variable in variables:
        name = full_name(variable)
        if name != variable.op.name:
            named.setdefault(name, []).append(variable)
        else:
            named[name] = variable
    return named
