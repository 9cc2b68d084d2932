"""Adds ops to a GraphDef: they are built in a graph of their own and copied over, on given tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

Build = Callable[[dict[str, Any]], dict[str, Any]]
_INPUT = "given_"


class Port(NamedTuple):
    """A tensor of the graph by its name, with what is known of it."""

    name: str
    dtype: Any
    shape: Any


def graft(graph_def: Any, scope: str, inputs: Mapping[str, Port], build: Build) -> dict[str, str]:
    """Adds what ``build`` makes, and returns the names of its outputs.

    Args:
      graph_def: grows by the new ops, which stand below ``scope``.
      scope: a name scope that nothing has yet.
      inputs: word -> tensor of the graph.
      build: called with placeholders for the inputs, returns tensors by word.
    """
    with tf.Graph().as_default() as scratch:
        placeholders = {word: tf.placeholder(x.dtype, x.shape, _INPUT + word) for word, x in inputs.items()}
        with tf.name_scope(f"{scope}/"):
            outputs = {word: tf.identity(value, word) for word, value in build(placeholders).items()}
        names = {word: value.name for word, value in outputs.items()}
    sources = {_INPUT + word: x.name for word, x in inputs.items()}
    for node in scratch.as_graph_def().node:
        if node.name not in sources:
            added = graph_def.node.add()
            added.CopyFrom(node)
            # A placeholder of the scratch graph stands for a tensor of the real one, which may be any output of its op.
            added.input[:] = [sources.get(name.removesuffix(":0"), name) for name in node.input]
    return names


def rewire(graph_def: Any, moved: Mapping[str, str]) -> None:
    """Makes everything that reads some tensors read others.

    Args:
      graph_def: is changed.
      moved: full name of a tensor -> the name of the one to read instead.
    """
    spelled = {text: new for old, new in moved.items() for text in (old, old.removesuffix(":0"))}
    for node in graph_def.node:
        for position, name in enumerate(node.input):
            if name in spelled:
                node.input[position] = spelled[name]
