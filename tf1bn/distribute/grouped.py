"""Groups of members: statistics of a few replicas each, averages of all."""

from __future__ import annotations

import dataclasses
from typing import Any

from tf1bn import errors
from tf1bn.distribute import base


@dataclasses.dataclass(frozen=True)
class Grouped:
    """Adds up over groups of ``group_size`` members each: members 0 to g - 1, g to 2g - 1, and so on.

    For many members with enough rows each, where statistics of all would regularise too little, or for ghost
    batches that are larger than one member's shard. The averages take in the moments of all members.

    Groups exchange in one common sum, in which each has a row of its own; that works with every engine and costs as
    many rows as there are groups.

    Attributes:
      whole: the reducer of all members.
      group_size: members per group; divides the number of members.
    """

    whole: Any
    group_size: int

    def __post_init__(self) -> None:
        base.check_protocol(self.whole)
        if isinstance(self.group_size, bool) or not isinstance(self.group_size, int) or self.group_size < 1:
            raise errors.ArgumentError(errors.explain("`group_size` must be a positive integer", got=self.group_size))

    @property
    def name(self) -> str:
        """Names the engine and the size of the groups."""
        return f"{self.whole.name} in groups of {self.group_size}"

    @property
    def size(self) -> int:
        """Members per group."""
        return self.group_size

    @property
    def index(self) -> Any:
        """Number of this member within its group."""
        return self.whole.index % self.group_size

    @property
    def in_branch(self) -> bool:
        """As the engine."""
        return self.whole.in_branch

    @property
    def own_averages(self) -> bool:
        """As the engine."""
        return self.whole.own_averages

    def check(self) -> None:
        """Refuses a number of members that is no multiple of the group's size, beside what the engine refuses."""
        if hasattr(self.whole, "check"):
            self.whole.check()
        if isinstance(self.whole.size, int) and self.whole.size % self.group_size:
            raise errors.ArgumentError(
                errors.explain(
                    "`group_size` does not divide the number of members",
                    got=self.group_size,
                    expected=f"a divisor of {self.whole.size}",
                )
            )

    def all_sum(self, tensors: list[Any]) -> list[Any]:
        """Returns the sums over the members of this group; the gradient is the same sum."""
        group, groups = self.whole.index // self.group_size, self.whole.size // self.group_size
        rows = self.whole.all_sum([base.in_row(tensor, group, groups) for tensor in tensors])
        return [row[group] for row in rows]
