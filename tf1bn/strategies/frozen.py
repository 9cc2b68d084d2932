"""Averages never move."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from tf1bn.core import averages
from tf1bn.core.values import Averages, Moments
from tf1bn.strategies.base import NOWHERE, Request, UpdatePlan


@dataclasses.dataclass(frozen=True)
class Frozen:
    """Keeps the averages as they are; ``decay`` has nothing to act on.

    Use it to fine-tune on restored statistics, together with ``use_batch_statistics=False``, or for further
    calls on shared variables that must not move them. It fails as the only strategy of a new network: the
    averages stay 0 and 1, and inference normalises with these.
    """

    name: str = "frozen"
    moves: ClassVar[bool] = False

    def create(self, request: Request) -> Averages:
        return request.averages()

    def averages(self, state: Averages) -> Averages:
        return state

    def read(self, state: Averages) -> Moments:
        return averages.read(state)

    def update(self, state: Averages, batch: Moments, decay: Any) -> UpdatePlan:
        return UpdatePlan((), NOWHERE)
