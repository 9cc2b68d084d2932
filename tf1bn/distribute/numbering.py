"""Names of exchanges: the same at every member, different for every exchange."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

from tf1bn.core import of_graph, place

Path = tuple[Any, ...]


@dataclasses.dataclass
class Numbering:
    """What one group has exchanged so far in one graph.

    Attributes:
      members: the members that this graph holds, in the order in which they came.
      calls: how many exchanges each of them has asked for.
      numbers: a number for each exchange, by its path.
    """

    members: list[Hashable] = dataclasses.field(default_factory=list)
    calls: dict[Hashable, int] = dataclasses.field(default_factory=dict)
    numbers: dict[Path, int] = dataclasses.field(default_factory=dict)

    def join(self, member: Hashable) -> int:
        """Returns the member's place among those of this graph."""
        if member not in self.members:
            self.members.append(member)
        return self.members.index(member)

    def next_path(self, member: Hashable) -> Path:
        """Returns the path of a member's next exchange: the n-th of one meets the n-th of every other."""
        n = self.calls.get(member, 0)
        self.calls[member] = n + 1
        return (n,)

    def number(self, path: Path) -> int:
        """Returns the number of an exchange, from 1, in the order in which paths are first asked for.

        Members in one graph share the table. Members in several processes build the same program, so their tables
        are filled in the same order.
        """
        return self.numbers.setdefault(path, len(self.numbers) + 1)


def numbering(group: Hashable) -> Numbering:
    """Returns the numbering of a group in the graph that is being built."""
    found: Numbering = of_graph.table(place.root_graph(), "numberings").setdefault(group, Numbering())
    return found
