"""What has been built in a graph so far, for as long as the graph lives.

The ledger knows what a saved graph cannot tell: at which place each call stands, and which ops last wrote
each average.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from tf1bn import errors
from tf1bn.core import of_graph
from tf1bn.core.place import Place, replica_here, root_graph
from tf1bn.core.values import Moments


@dataclasses.dataclass
class Call:
    """One call of a layer.

    Attributes:
      scope: full variable scope name of the layer.
      parent: variable scope in which it was called.
      default: the kind of layer, as the name of its scope when the caller gives none.
      named: whether the caller gave the scope's name.
      place: where in the graph it stands.
    """

    scope: str
    parent: str
    default: str
    named: bool
    place: Place


@dataclasses.dataclass
class Writer:
    """One update of a layer's averages, where it stands, and whether it is right in any order with others."""

    ops: Sequence[Any]
    place: Place
    unordered: bool = False


@dataclasses.dataclass
class Watched:
    """What can be observed of one call at the top level of the graph.

    Attributes:
      scope: full variable scope name of the layer.
      read: returns the averages as they are.
      batch: the batch moments, where the call computes them.
      decay: as the caller gave it.
      epsilon: as the caller gave it.
      moves: whether the call may move the averages.
    """

    scope: str
    read: Callable[[], Moments]
    batch: Moments | None
    decay: Any
    epsilon: float
    moves: bool


@dataclasses.dataclass
class Ledger:
    """All calls and writers of one graph."""

    calls: list[Call] = dataclasses.field(default_factory=list)
    writers: dict[str, list[Writer]] = dataclasses.field(default_factory=dict)
    watched: list[Watched] = dataclasses.field(default_factory=list)

    def previous_updates(self, scope: str, place: Place, *, unordered: bool) -> list[Any]:
        """Returns the updates after which a new one of the same averages must run.

        Two updates that are both right in any order need none, so that each may be run without the other.

        Args:
          unordered: whether the new one is right in any order.

        Raises:
          PlacementError: an earlier update may run in the same step, and no order can be given.
        """
        earlier = [
            writer
            for writer in self.writers.get(scope, ())
            if not place.excludes(writer.place) and not (unordered and writer.unordered)
        ]
        for writer in earlier:
            if writer.place.context != place.context:
                raise errors.PlacementError(
                    errors.explain(
                        f"the averages of {scope!r} are already moved by a call at {writer.place.describe()}, and this "
                        f"call at {place.describe()} could run in the same step, in no order",
                        fix="Call the layer at one place with `is_training` as a tensor, or let only one call move "
                        'them: update_strategy="frozen" in the others.',
                    )
                )
        return [op for writer in earlier for op in writer.ops]


def ledger() -> Ledger:
    """Returns the ledger of the graph that is being built; under tf.distribute each replica has one of its own.

    Replicas build the same calls in one graph, each on its own copies of the averages, so no order is needed among
    their updates.
    """
    found: Ledger = of_graph.table(root_graph(), "ledgers").setdefault(replica_here(), Ledger())
    return found
