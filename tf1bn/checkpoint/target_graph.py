"""What a target program wants to restore: variables of a ``.meta`` file, or of a checkpoint that it wrote."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from tf1bn.checkpoint import dtypes, graph_file, object_graph
from tf1bn.checkpoint.bundle import TensorInfo
from tf1bn.checkpoint.graph_file import GraphFile, Variable
from tf1bn.checkpoint.layouts.object_based import GRAPH_KEY
from tf1bn.checkpoint.source import open_checkpoint

_COUNTER = re.compile(r"save_counter/")


class Target(NamedTuple):
    """The wanted variables.

    Attributes:
      path: of the graph or checkpoint.
      variables: name of the variable -> what is wanted.
      keys: name of the variable -> key in the file, where they differ (object-based).
      graph: nodes, if there are any.
      template: prefix of the checkpoint whose graph of objects is taken over; empty for a name-based target.
      extras: keys of the template that no variable of a source can fill: the graph of objects, the save counter.
    """

    path: str
    variables: dict[str, Variable]
    keys: dict[str, str]
    graph: GraphFile | None
    template: str = ""
    extras: tuple[str, ...] = ()


def read_target(path: str) -> Target:
    """Reads a ``.meta`` file, or a checkpoint of the target program by its prefix.

    Raises:
      CheckpointError: neither can be read there.
    """
    if path.endswith(".meta"):
        given = graph_file.read_graph(path)
        return Target(path, given.variables, {}, given)
    with open_checkpoint(path) as opened:
        plain = object_graph.variable_names(opened)
        based = GRAPH_KEY in opened.tensors
        extras = tuple(
            name for name in opened.tensors if name == GRAPH_KEY or (based and name.startswith("save_counter/"))
        )
        variables, keys = {}, {}
        for key, info in opened.tensors.items():
            if key not in extras:
                name = plain.get(key, key)
                variables[name] = Variable(name, info.dtype.name, info.shape, info.slices, node=name)
                keys[name] = key
    beside = path + ".meta"
    graph: GraphFile | None = graph_file.read_graph(beside) if os.path.isfile(beside) else None
    if graph is not None and not set(variables) <= set(graph.variables):
        graph = None  # the graph of something else
    if graph is not None:
        variables = {name: graph.variables[name]._replace(shape=variable.shape) for name, variable in variables.items()}
    return Target(path, variables, keys, graph, path if based else "", extras)


def infos(variables: Mapping[str, Variable]) -> dict[str, TensorInfo]:
    """Returns variables as tensors of a file, so that sites can be recognised among them."""
    return {
        name: TensorInfo(name, dtypes.of_name(variable.dtype), variable.shape or (), variable.slices)
        for name, variable in variables.items()
    }
