"""A layer as its weights see it: which tensors it keeps, in which roles, and what it does besides."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

KERNEL, BIAS = "kernel", "bias"
CERTAIN, LIKELY, GIVEN = "certain", "likely", "given"


class Stored(NamedTuple):
    """A tensor of the source: its name in the checkpoint, shape and data type.

    Attributes:
      form: what is stored in place of the quantity itself (:mod:`tf1bn.checkpoint.conversions`).
      companion: the second tensor which that form needs.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    form: str = "identity"
    companion: str = ""


class Doubt(NamedTuple):
    """A question that only a person can answer; while one is open, nothing is written.

    Attributes:
      place: the layer or tensor.
      text: the question.
      answer: how to answer it.
    """

    place: str
    text: str
    answer: str


class Match(NamedTuple):
    """A layer of another state: last word -> whole name of each tensor, how sure, and why."""

    words: dict[str, str]
    shapes: dict[str, tuple[int, ...]]
    sure: str
    why: str


@dataclasses.dataclass(eq=False)
class Layer:
    """One layer.

    Attributes:
      kind: a name of the catalog of uses.
      scope: where it is in the source.
      tensors: role -> tensor; roles are those of the kind.
      traits: what weights cannot carry, as JSON values.
      sure: how sure the roles are: ``certain`` (an op says it), ``likely`` (names do), ``given`` (a person did).
      why: in a phrase.
      output: name of the tensor that it gives, empty where that is unknown.
      place: its place in the order of the forward pass.
      node: number of the op in the graph, or -1.
      doubts: open questions.
      name: what the target calls it.
      before: places of the layers whose results it takes.
      above: places of all layers that it computes from.
      match: the layer of another state that it is.
      axes: what the axes of its result are, such as ``NHWC``; empty where it gives no maps.
    """

    kind: str
    scope: str
    tensors: dict[str, Stored]
    traits: dict[str, Any] = dataclasses.field(default_factory=dict)
    sure: str = CERTAIN
    why: str = ""
    output: str = ""
    place: int = 0
    node: int = -1
    doubts: list[Doubt] = dataclasses.field(default_factory=list)
    name: str = ""
    before: frozenset[int] = frozenset()
    above: frozenset[int] = frozenset()
    match: Match | None = None
    axes: str = ""
