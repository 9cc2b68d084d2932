"""What tf1bn's own layers wrote about their calls, found again at the batch norms of a graph."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tf1bn.graph.model import GraphModel
from tf1bn.graph.once import once
from tf1bn.graph.site import Site

_NEAR = 2000


Known = dict[str, list[tuple[str, dict[str, Any]]]]
"""The records of a graph by the scope that they have there, each with the scope of the import that it came by."""


def by_scope(texts: Sequence[str]) -> Known:
    """Returns what layers wrote, read once for all questions about a graph."""
    found: Known = {}
    for text in texts:
        above, brace, rest = text.partition("{")  # an import below a scope puts that before the text
        record = json.loads(brace + rest)
        found.setdefault(above + record.get("scope", ""), []).append((above, record))
    return found


@once
def _own(model: GraphModel) -> Known:
    return by_scope(model.source.records)


def record_of(model: GraphModel, site: Site, known: Known | None = None) -> dict[str, Any] | None:
    """Returns the record of the call that made a site: the one of its scope whose input is closest above; else None.

    Args:
      model: the graph of the site.
      site: one of its batch norms.
      known: the records of the graph that ``model`` was made from, where it has lost them; its own when None.
    """
    inputs = {}
    for above, record in (_own(model) if known is None else known).get(site.scope, ()):
        number = model.flow.by_name.get(above + str(record.get("inputs", "")).split(":")[0])
        if number is not None:
            inputs[number] = record
    todo = [site.x[0]] if inputs else []
    seen = set(todo)
    while todo and len(seen) < _NEAR:
        number = todo.pop(0)
        if number in inputs:
            return inputs[number]
        fresh = [item for item in model.flow.data_parents[number] if item not in seen]
        seen.update(fresh)
        todo += fresh
    return None
