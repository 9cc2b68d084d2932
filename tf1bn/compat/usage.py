"""What a program used of TensorFlow, and the report about it."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow.compat.v1 as tf

from tf1bn.compat import namespace
from tf1bn.compat.gone import views
from tf1bn.layers.sites import layers_of

Audit = Callable[[Any], str]


class Usage:
    """Names that a program looked up, and the graphs in which it did.

    Attributes:
      names: origin -> path -> number of look-ups.
      graphs: every graph that was the default one at a look-up, in order of the last look-up; kept alive.
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

    def text(self, audit: Audit | None = None, packages: Mapping[str, int] | None = None) -> str:
        """Returns the report: packages that were served, names by origin, then each graph's layers and its audit.

        A graph that cannot be audited is reported as such; the report itself never fails.
        """
        lines = ["tf1bn report"]
        lines += [f"  package {name}: {count} modules" for name, count in (packages or {}).items()]
        for origin in sorted(self.names):
            counts = self.names[origin]
            lines += [f"  {origin}: {len(counts)} names"]
            spoken = str if origin == views.ORIGIN else namespace.spoken
            lines += [f"    {spoken(path)} x{count}" for path, count in sorted(counts.items())]
        graphs = [graph for graph in self.graphs.values() if graph.get_operations()]
        for number, graph in enumerate(graphs, 1):
            sites = layers_of(graph)
            lines += [f"  graph {number} of {len(graphs)}: {len(graph.get_operations())} ops, {len(sites)} batch norms"]
            lines += [f"    {site.scope}: {site.state}, {site.strategy}, {site.placement}" for site in sites]
            lines += [f"    {line}" for line in _audited(graph, audit)]
        return "\n".join(lines)


def _audited(graph: tf.Graph, audit: Audit | None) -> list[str]:
    if audit is None:
        return []
    try:
        return ["audit:", *(f"  {line}".rstrip() for line in audit(graph).splitlines())]
    except Exception as error:  # whatever it is, it must not hide how the program ended
        return [f"audit: not possible, {type(error).__name__}: {error}"]


@contextlib.contextmanager
def observed() -> Iterator[Usage]:
    """Notes what is used in the block."""
    usage = Usage()
    namespace.observers.append(usage.note)
    try:
        yield usage
    finally:
        namespace.observers.remove(usage.note)
