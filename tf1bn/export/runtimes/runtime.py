"""What is known of a program that reads exported files, and how its limits look at a graph."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow.compat.v1 as tf

from tf1bn.export.draft import Draft, Ref, parse
from tf1bn.graph import consts

Rewrite = Callable[[Draft, Any, "View"], Any]
"""Puts a node in other words, in place; the view is of the draft before the first such change."""


class View:
    """A draft whose variables are constants, with the shapes that TensorFlow infers.

    Args:
      draft: is not changed.
    """

    def __init__(self, draft: Draft) -> None:
        self.draft = draft

    @functools.cached_property
    def _graph(self) -> tf.Graph:
        """Made by the first question for a shape, which most graphs do not need."""
        graph = tf.Graph()
        with graph.as_default():
            tf.import_graph_def(self.draft.graph_def(), name="")
        return graph

    def shape(self, ref: Ref) -> tuple[int | None, ...] | None:
        """Returns the shape of a tensor; None for an unknown rank, and None for an unknown size."""
        shape = self._graph.get_tensor_by_name(f"{ref[0]}:{ref[1]}").shape
        return None if shape.rank is None else tuple(shape.as_list())

    def constant(self, ref: Ref) -> np.ndarray | None:
        """Returns the value of a constant, else None."""
        node = self.draft.nodes[ref[0]]
        return consts.tensor_value(node.attr["value"].tensor) if node.op == "Const" else None

    def readers(self, node: Any) -> list[Any]:
        """Returns the nodes that take an output of a node."""
        nodes = self.draft.nodes.values()
        return [other for other in nodes if any(name == node.name for name, _ in inputs(other))]


@dataclasses.dataclass(frozen=True)
class Limit:
    """What a reader cannot do with an op that it knows otherwise.

    Attributes:
      holds: says of a node whether it is so.
      what: the reason.
      fix: the way out.
    """

    holds: Callable[[Any, View], bool]
    what: str
    fix: str


@dataclasses.dataclass(frozen=True)
class Runtime:
    """A program that reads exported files.

    Attributes:
      name: as it is asked for.
      reader: what was measured, with its version.
      forms: the kinds of file that it takes, the usual one first.
      reads: the types of ops that it computes; None where TensorFlow's own converter is asked.
      rewrites: type -> other words for an op.
      limits: type -> what it cannot do with such an op.
      fixes: type -> the way out for an op that it lacks.
      whole: what it asks of a graph as a whole; returns a refusal and the way out, or two empty texts.
      proof: the kind of file that is made, checked and thrown away beside any other; empty for none.
    """

    name: str
    reader: str
    forms: tuple[str, ...]
    reads: frozenset[str] | None
    rewrites: Mapping[str, Rewrite] = dataclasses.field(default_factory=dict)
    limits: Mapping[str, tuple[Limit, ...]] = dataclasses.field(default_factory=dict)
    fixes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    whole: Callable[[View], tuple[str, str]] = lambda _: ("", "")
    proof: str = ""


def inputs(node: Any) -> list[Ref]:
    """Returns the tensors that a node takes."""
    return [parse(text) for text in node.input if not text.startswith("^")]
