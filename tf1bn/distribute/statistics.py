"""Whose statistics normalise, and what the averages take in, where a batch is split over members."""

from __future__ import annotations

import dataclasses
from typing import Any

from tf1bn import errors
from tf1bn.distribute import base, catalog

NORMALIZE = ("combined", "own")
AVERAGES = ("combined", "replica_mean", "first", "own")


@dataclasses.dataclass(frozen=True)
class Statistics:
    """How one batch norm takes its statistics, where its batch is split over members.

    Two questions, as everywhere in this library: what normalises (``normalize``), and what the averages take in
    (``averages``). The default is right for both: each shard is normalised by the moments of all shards, as one
    device would do with the whole batch, and the averages take in these, once per step.

    Attributes:
      reducer: a reducer or the name of one; None for members that exchange nothing, such as workers that train
        asynchronously.
      normalize: "combined", by the moments of all members; "own", each member by those of its own shard.
      averages: "combined", the moments of all members' values; "replica_mean", the mean of the members' own means
        and of their own variances, in which the variance between members is missing; "first", those of the first
        member (of the chief) alone; "own", each member its own, into its own copy of the averages. By default
        "combined" with a reducer, else "own".
      rounds: how often the members exchange to normalise: 2, sums and then sums of squares; or 1, the moments of
        each, of which there are then as many as members. Of use where a round costs more than bytes.
      writers: how many members move the same averages in each step without an order among them: workers with a
        parameter server. Each then moves them by decay^(1/writers), so that a round of all moves them by ``decay``.
      index: number of this member, where there is no reducer that knows it; for "first".
    """

    reducer: Any = None
    rounds: int = 2
    normalize: str = ""
    averages: str = ""
    writers: int = 1
    index: int | None = None

    def __post_init__(self) -> None:
        if self.reducer is not None:
            object.__setattr__(self, "reducer", catalog.resolve(self.reducer))
        default = "own" if self.reducer is None else "combined"
        for name, allowed in (("normalize", NORMALIZE), ("averages", AVERAGES)):
            if not getattr(self, name):
                object.__setattr__(self, name, default)
            _choice(getattr(self, name), name, allowed)
        _choice(self.rounds, "rounds", (1, 2))
        if isinstance(self.writers, bool) or not isinstance(self.writers, int) or self.writers < 1:
            raise errors.ArgumentError(errors.explain("`writers` must be a positive integer", got=self.writers))
        self._check_together()

    def _check_together(self) -> None:
        if self.reducer is None:
            wanting = [f"{n}={getattr(self, n)!r}" for n in ("normalize", "averages") if _exchanges(getattr(self, n))]
            if wanting:
                raise errors.ArgumentError(
                    errors.explain(
                        f"{wanting[0]} needs members that exchange, but there is no reducer",
                        fix="Pass reducer=..., such as tf1bn.distribute.Replicas().",
                    )
                )
            if self.averages == "first" and self.index is None:
                raise errors.ArgumentError(
                    errors.explain('averages="first" without a reducer needs `index`, the number of this member')
                )
        elif self.index is not None:
            raise errors.ArgumentError(errors.explain("`index` is for no reducer: this one knows it", got=self.index))
        if self.reducer is not None and self.averages == "own" and base.shares_one_set(self.reducer):
            raise errors.ArgumentError(
                errors.explain(
                    'averages="own": the members of this reducer share one set of averages, and each would move it '
                    "once per step",
                    got=self.reducer,
                    expected='"combined", "replica_mean" or "first"',
                )
            )
        if self.writers > 1 and self.averages == "first":
            raise errors.ArgumentError(
                errors.explain('`writers` is given with averages="first", where one member writes', got=self.writers)
            )

    @property
    def spoken(self) -> str:
        """What normalises and what the averages take in, for records."""
        return f"{'-' if self.reducer is None else self.reducer.name}: {self.normalize}, {self.averages}"

    @property
    def in_branch(self) -> bool:
        """Whether everything that is exchanged may stand in a branch."""
        return self.reducer is None or self.reducer.in_branch

    @property
    def exchanges(self) -> bool:
        """Whether members exchange anything at all."""
        return _exchanges(self.normalize) or _exchanges(self.averages)

    def check(self) -> None:
        """Refuses a place where members cannot exchange; creates no op."""
        if self.reducer is not None and hasattr(self.reducer, "check"):
            self.reducer.check()

    def moves(self) -> bool:
        """Whether the member that is being built moves the averages."""
        if self.reducer is None:
            return self.averages != "first" or self.index == 0
        if self.reducer.own_averages:
            return True
        return base.is_first(self.reducer)


def resolve(statistics: Any) -> Statistics | None:
    """Returns ``Statistics`` from what a layer takes: None, ``Statistics``, a reducer, or the name of one."""
    if statistics is None or isinstance(statistics, Statistics):
        return statistics
    return Statistics(statistics)


def _exchanges(choice: str) -> bool:
    return choice in ("combined", "replica_mean")


def _choice(value: Any, name: str, allowed: tuple[Any, ...]) -> None:
    if value not in allowed or isinstance(value, bool):
        raise errors.ArgumentError(
            errors.explain(f"`{name}` is unknown", got=value, expected=" or ".join(map(repr, allowed)))
        )
