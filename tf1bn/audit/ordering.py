"""Which of several updates of one average waits for another: asked of pairs, answered by one walk over the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tf1bn.graph.once import once

if TYPE_CHECKING:
    from tf1bn.graph.model import GraphModel


def waits(model: GraphModel, one: int, other: int) -> bool:
    """Whether an update runs after another one. Both move an average that is moved in several places."""
    places, behind = _known(model)
    return bool(behind[one] >> places[other] & 1)


@once
def _known(model: GraphModel) -> tuple[dict[int, int], list[int]]:
    """The place of each such update among the bits, and for each op the bits of those that it runs after."""
    moves = [item.of_kind("update", "other") for item in model.variables.by_node.values() if len(item.writers) > 1]
    numbers = sorted({writer.node.id for writers in moves if len(writers) > 1 for writer in writers})
    places = {number: place for place, number in enumerate(numbers)}
    return places, model.flow.inherited({number: 1 << place for number, place in places.items()})
