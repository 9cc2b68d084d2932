"""Every batch norm of a graph, and the state it is in."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow.compat.v1 as tf

from tf1bn import errors
from tf1bn.core import place, records

STATES = {
    "train": "batch statistics normalise, averages move, gamma and beta learn",
    "statistics-only": "batch statistics normalise, averages move, gamma and beta are fixed",
    "affine-only": "averages normalise, nothing moves, gamma and beta learn",
    "frozen": "averages normalise, nothing moves, gamma and beta are fixed",
    "local": "batch statistics normalise, nothing moves",
    "tracking": "averages normalise and move",
    "switched": "a tensor decides in each run",
}


class Site(NamedTuple):
    """One call of ``batch_norm``.

    Attributes:
      scope: variable scope.
      state: a key of :data:`STATES`.
      strategy: name of the update strategy.
      placement: "output", "nowhere" or the collection in which the updates wait.
      record: everything that was noted of the call; see ``tf1bn.core.records.read``.
    """

    scope: str
    state: str
    strategy: str
    placement: str
    record: dict[str, Any]


def layers_of(graph: tf.Graph | None = None) -> list[Site]:
    """Returns every ``tf1bn.batch_norm`` of a graph in the order of the calls, also of an imported graph.

    Args:
      graph: by default the graph that is being built.

    Raises:
      GraphModeError: eager mode, and no graph given.
      ArgumentTypeError: not a graph.

    Example:
      >>> for site in tf1bn.layers_of():
      ...     print(site.scope, site.state, site.strategy, site.placement)
    """
    with errors.located("layers_of"):
        if graph is None:
            place.require_graph_mode()
        elif not isinstance(graph, tf.Graph):
            raise errors.ArgumentTypeError(
                errors.explain("`graph` has the wrong type", got=graph, expected="a tf.Graph")
            )
        found = records.read(graph or place.root_graph())
    return [Site(r["scope"], _state(r), r["strategy"], r["placement"], r) for r in found]


def _state(record: dict[str, Any]) -> str:
    moves, batch = record["is_training"], record["use_batch_statistics"]
    if not isinstance(moves, bool) or not isinstance(batch, bool):
        return "switched"
    moves = moves and bool(record["updates"])
    if batch and not moves:
        return "local"
    if moves and not batch:
        return "tracking"
    learns = record["trainable"]
    if batch:
        return "train" if learns else "statistics-only"
    return "affine-only" if learns else "frozen"
