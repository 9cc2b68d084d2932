"""What a program used of TensorFlow, and the report about it."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat import namespace
from tf1bn.layers.sites import layers_of

Audit = Callable[[Any], str]


class Usage:
    """Names that a program looked up, and the graphs in which it did.

    Attributes:
      names: origin -> path -> number of look-ups.
      graphs: every graph that was the default one at a look-up, in order of the last look-up.
    """

    def __init__(self) -> None:
        self.names: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.graphs: dict[int, tf.Graph] = {}

    def note(self, path: str, origin: str) -> None:
        """Counts one look-up; an observer of the facade."""
        self.names[origin][path] += 1
        graph = tf.get_default_graph()
        while type(graph) is not tf.Graph and hasattr(graph, "outer_graph"):
            graph = graph.outer_graph
        self.graphs.pop(id(graph), None)
        self.graphs[id(graph)] = graph

    def text(self, audit: Audit | None = None) -> str:
        """Returns the report: names by origin, the layers of each graph, the audit of the last one."""
        lines = ["tf1bn report"]
        for origin in sorted(self.names):
            counts = self.names[origin]
            lines += [f"  {origin}: {len(counts)} names"]
            lines += [f"    {namespace.spoken(path)} x{count}" for path, count in sorted(counts.items())]
        graphs = [graph for graph in self.graphs.values() if graph.get_operations()]
        for number, graph in enumerate(graphs, 1):
            sites = layers_of(graph)
            lines += [f"  graph {number} of {len(graphs)}: {len(graph.get_operations())} ops, {len(sites)} batch norms"]
            lines += [f"    {site.scope}: {site.state}, {site.strategy}, {site.placement}" for site in sites]
        if graphs and audit is not None:
            lines += [f"  audit of graph {len(graphs)}:", *(f"    {line}" for line in audit(graphs[-1]).splitlines())]
        return "\n".join(lines)


@contextlib.contextmanager
def observed() -> Iterator[Usage]:
    """Notes what is used in the block."""
    usage = Usage()
    namespace.observers.append(usage.note)
    try:
        yield usage
    finally:
        namespace.observers.remove(usage.note)
