"""Which ops a graph's definition uses: two functions of ``tf.contrib.util``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow.compat.v1 as tf


def ops_used_by_graph_def(graph_def: tf.GraphDef) -> list[str]:
    """Returns the names of the ops, also those inside of functions of its library that it calls."""
    functions = {function.signature.name: function for function in graph_def.library.function}
    pending, found = _named(graph_def.node), set()
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += _named(functions[name].node_def) if name in functions else []
    return sorted(found - set(functions))


def _named(nodes: Iterable[Any]) -> list[str]:
    """Returns the ops of some nodes, and the functions that these call by an attribute."""
    names = []
    for node in nodes:
        names.append(node.op)
        for value in node.attr.values():
            names += [function.name for function in (value.func, *value.list.func) if function.name]
    return names


def stripped_op_list_for_graph(graph_def: tf.GraphDef) -> Any:
    """Returns an ``OpList`` of the ops that a definition uses, without their descriptions."""
    with tf.Graph().as_default():
        tf.import_graph_def(graph_def, name="")
        return tf.train.export_meta_graph().meta_info_def.stripped_op_list
