"""What tf1bn keeps for a graph lives on the graph, and goes with it.

A table beside the graph would not do, even one that holds its keys weakly: what is kept holds tensors, and these hold
the graph, so neither would ever be freed.
"""

from __future__ import annotations

from typing import Any

import tensorflow.compat.v1 as tf


def table(graph: tf.Graph, name: str) -> dict[Any, Any]:
    """Returns the dict of a name that belongs to a graph, empty at first; each module that keeps something has one."""
    attribute = f"_tf1bn_{name}"
    if not hasattr(graph, attribute):
        setattr(graph, attribute, {})
    found: dict[Any, Any] = getattr(graph, attribute)
    return found
